"""Answers: approve, reject or a text, or whatever type a reply class annotates."""

from __future__ import annotations

import inspect
import json
from collections.abc import Iterable
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from workflows.engine.codec import encode, event_data
from workflows.engine.errors import InvalidReply, UnstorableValue
from workflows.engine.events import InputRequestEvent, InputResponseEvent
from workflows.engine.faults import list_faults, tell_faults
from workflows.engine.json_schema import FormSchema


def is_bare(reply: type[InputResponseEvent]) -> bool:
    """Return True if the class, and all between, leave `response` as the bare reply has it."""
    ours = reply.__mro__[: reply.__mro__.index(InputResponseEvent)]
    return not any("response" in inspect.get_annotations(cls) for cls in ours)


def schema_of(reply: type[InputResponseEvent]) -> dict[str, Any] | None:
    """Return the JSON Schema of a typed reply's `response`, None for a bare one."""
    if is_bare(reply):
        return None
    field = reply.model_fields["response"]
    annotated: Any = Annotated[field.annotation, field]
    return TypeAdapter(annotated).json_schema(schema_generator=FormSchema)


def check_reply(request: type[InputRequestEvent], allow: Iterable[str], response: Any) -> Any:
    """Return an answer as normalised JSON; raise `InvalidReply` with one entry per fault."""
    try:
        plain = to_jsonable_python(response)
        encode(plain)
        if is_bare(request.reply):
            return check_bare(plain, allow)
        whole = json.dumps({"request_id": "-", "response": plain})
        reply = request.reply.model_validate_json(whole, by_alias=True, by_name=True)
        return event_data(reply)["response"]
    except InvalidReply:
        raise
    except ValidationError as error:
        faults = list_faults(error, within="response")
        told = tell_faults(faults)
        raise InvalidReply(
            f"The answer to {request.__name__} does not fit: {told}", faults
        ) from error
    except UnstorableValue as error:
        raise _refusal((), str(error), request.__name__) from error
    except Exception as error:  # what has no JSON at all raises whatever its own type raises
        name = type(response).__name__
        raise _refusal((), f"A {name!r} cannot be an answer", request.__name__) from error


def check_bare(response: Any, allow: Iterable[str]) -> Any:
    """Return a bare answer as it travels; raise `InvalidReply` if it is none, or not allowed.

    An empty comment is left out.
    """
    allowed = set(allow)
    if isinstance(response, str):
        verdict = "reply"
        if not response.strip():
            raise _refusal(("text",), "A reply needs some text")
    else:
        verdict = "approve" if _read_verdict(response) else "reject"
    if verdict not in allowed:
        raise _refusal((), f"This request does not take a {verdict}")
    if isinstance(response, dict) and not response.get("comment"):
        return {"approved": response["approved"]}
    return response


def _read_verdict(response: Any) -> bool:
    if not isinstance(response, dict) or not isinstance(response.get("approved"), bool):
        raise _refusal((), 'An answer is {"approved": true}, {"approved": false} or a text')
    for key in response:
        if key not in ("approved", "comment"):
            raise _refusal((str(key),), "There is no such field")
    if not isinstance(response.get("comment", ""), str | None):
        raise _refusal(("comment",), "A comment is a text")
    return bool(response["approved"])


def _refusal(loc: tuple[str, ...], message: str, request: str = "the request") -> InvalidReply:
    fault = {"loc": loc, "msg": message, "type": "bare_reply"}
    return InvalidReply(f"The answer to {request} does not fit: {message.rstrip('.')}.", [fault])
