"""Validates values from outside, once. JSON is read as JSON, in which bytes are base64 texts."""

from __future__ import annotations

import json
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from workflows.engine.requests.payload import plain_json
from workflows.engine.schemas.input_schema import outside_validator

Model = TypeVar("Model", bound=BaseModel)


def validated(cls: type[Model], data: Any, what: str) -> Model:
    """Return the object that `data` describes. Unknown keys at any level are faults.

    Raise pydantic's `ValidationError`, or `UnstorableValue` for two keys that are equal as JSON.
    """
    validator = outside_validator(cls)
    try:
        text = json.dumps(data)
    except (TypeError, ValueError, RecursionError):
        python: Model = validator.validate_python(data, by_alias=True, by_name=True)
        return python
    plain_json(data, what)
    found: Model = validator.validate_json(text, by_alias=True, by_name=True)
    return found


def validated_reply(cls: type[Model], response: Any) -> Model:
    """Return the reply with this response, which may contain objects. Raise as `validated` does."""
    try:
        return validated(cls, {"request_id": "-", "response": response}, "response")
    except ValidationError:
        plain = plain_json(response, "response")  # an object of another class with the same fields
        if plain is response or plain == response:
            raise
    return validated(cls, {"request_id": "-", "response": plain}, "response")
