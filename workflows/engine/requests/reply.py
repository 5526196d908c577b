"""Answers: an approval, a rejection or a text, or the type that a reply class annotates."""

from __future__ import annotations

import hashlib
import inspect
import json
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from typing import Annotated, Any

from pydantic import TypeAdapter, ValidationError

from workflows.engine.errors import InvalidReply, UnstorableValue
from workflows.engine.events import InputRequestEvent, InputResponseEvent, ReplyKind
from workflows.engine.requests.input_reader import validated_reply
from workflows.engine.requests.payload import plain_json
from workflows.engine.schemas.json_schema import FormSchema
from workflows.engine.schemas.unknown_fields import name_unknown_fields
from workflows.engine.schemas.validation_errors import error_list, format_errors
from workflows.engine.serialization.codec import encode, store_event

PEOPLE = ("approver", "approvers")  # words that a reply may have as a key

_SHAPES = 'an answer is {"approved": true}, {"approved": false} or, as a reply, any other JSON'


@lru_cache(maxsize=4096)
def has_default_reply(reply: type[InputResponseEvent]) -> bool:
    """Return True if the class does not change the type of `response`, nor do its parents."""
    ours = reply.__mro__[: reply.__mro__.index(InputResponseEvent)]
    return not any("response" in inspect.get_annotations(cls) for cls in ours)


def schema_of(reply: type[InputResponseEvent]) -> dict[str, Any] | None:
    """Return the JSON Schema of the `response` of a typed reply, None for an untyped one."""
    if has_default_reply(reply):
        return None
    field = reply.model_fields["response"]
    annotated: Any = Annotated[field.annotation, field]
    return TypeAdapter(annotated).json_schema(schema_generator=FormSchema)


def schema_digest(schema: dict[str, Any] | None) -> str:
    """Return the SHA-256 of a schema, in hex. The schema of an untyped reply is None."""
    text = json.dumps(schema, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def check_reply(request: type[InputRequestEvent], allow: Iterable[str], response: Any) -> Any:
    """Return an answer as normalised JSON; raise `InvalidReply` with one entry per fault.

    Validators run once. For a reply object of the request's own class they ran when it was made.
    """
    try:
        if not has_default_reply(request.reply) and type(response) is request.reply:
            return store_event(response)[0]["response"]
        if isinstance(response, InputResponseEvent):
            response = response.response
        if has_default_reply(request.reply):
            plain = plain_json(response, "response")
            encode(plain)
            return check_untyped(plain, allow)
        return store_event(validated_reply(request.reply, response))[0]["response"]
    except InvalidReply:
        raise
    except ValidationError as error:
        named = name_unknown_fields(error, request.reply)
        errors = error_list(named, within="response")
        message = format_errors(errors)
        raise InvalidReply(
            f"The answer to {request.__name__} does not fit: {message}", errors
        ) from error
    except UnstorableValue as error:
        raise _refusal((), str(error), request.__name__) from error
    except Exception as error:  # a value without JSON raises any error of its type
        name = type(response).__name__
        raise _refusal((), f"A {name!r} cannot be an answer", request.__name__) from error


def reply_kind(response: Any) -> ReplyKind:
    """Return the kind of an untyped answer: with the key `approved` a verdict, else a reply."""
    if isinstance(response, dict) and "approved" in response:
        return "approve" if response["approved"] else "reject"
    return "reply"


def check_untyped(response: Any, allow: Iterable[str]) -> Any:
    """Return the normalised form of an untyped answer; raise `InvalidReply` if it is not allowed.

    A reply is any JSON but null and a text without letters. An empty comment is left out.
    """
    if response is None:
        raise _refusal((), f"Null is no answer; {_SHAPES}")
    if isinstance(response, str) and not response.strip():
        raise _refusal(("text",), "A reply needs some text")
    kind = reply_kind(response)
    if kind not in set(allow):
        raise _refusal((), f"This request does not take a {kind}; {_SHAPES}")
    if kind == "reply":
        _refuse_near_miss(response)
        return response
    _check_verdict(response)
    return response if response.get("comment") else {"approved": response["approved"]}


def _refuse_near_miss(response: Any) -> None:
    """Raise `InvalidReply` for a mapping with a key that is almost `approved`.

    Otherwise a rejection with a typing error would count as a reply.
    """
    for key in response if isinstance(response, dict) else ():
        if key not in PEOPLE and get_close_matches(str(key).lower(), ["approved"], cutoff=0.8):
            raise _refusal(
                (str(key),), f"There is no such field; did you mean 'approved'? {_SHAPES}"
            )


def _check_verdict(response: dict[str, Any]) -> None:
    if not isinstance(response["approved"], bool):
        raise _refusal(("approved",), f"This is true or false; {_SHAPES}")
    for key in response:
        if key not in ("approved", "comment"):
            raise _refusal((str(key),), "There is no such field")
    if not isinstance(response.get("comment", ""), str | None):
        raise _refusal(("comment",), "A comment is a text")


def _refusal(loc: tuple[str, ...], message: str, request: str = "the request") -> InvalidReply:
    fault = {"loc": loc, "msg": message, "type": "untyped_reply"}
    return InvalidReply(f"The answer to {request} does not fit: {message.rstrip('.')}.", [fault])
