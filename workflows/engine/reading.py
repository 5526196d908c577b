"""Values from outside, validated once: JSON as JSON, where bytes are base64, others as they are."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from workflows.engine.payload import plain_json

Model = TypeVar("Model", bound=BaseModel)


def validated(cls: type[Model], data: Any, what: str) -> Model:
    """Return the object that `data` describes.

    Raise pydantic's `ValidationError`, or `UnstorableValue` for two keys that are one as JSON.
    """
    try:
        text = json.dumps(data)
    except (TypeError, ValueError, RecursionError):
        return cls.model_validate(data, by_alias=True, by_name=True)
    plain_json(data, what)
    return cls.model_validate_json(text, by_alias=True, by_name=True)


def validated_reply(cls: type[Model], response: Any) -> Model:
    """Return the reply with this response, which may hold objects; raise as `validated` does."""
    try:
        return validated(cls, {"request_id": "-", "response": response}, "response")
    except ValidationError:
        plain = plain_json(response, "response")  # another class's object of the same fields
        if plain is response or plain == response:
            raise
    return validated(cls, {"request_id": "-", "response": plain}, "response")
