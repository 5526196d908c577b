"""The bare reply: approve, reject, or a text."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from workflows.engine.codec import encode
from workflows.engine.errors import InvalidReply, UnstorableValue


def check_bare(response: Any, allow: Iterable[str]) -> Any:
    """Return a bare answer as it travels; raise `InvalidReply` if it is none, or not allowed.

    An empty comment is left out.
    """
    allowed = set(allow)
    try:
        encode(response)
    except UnstorableValue as error:
        raise _refusal((), str(error)) from error
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


def _refusal(loc: tuple[str, ...], message: str) -> InvalidReply:
    fault = {"loc": loc, "msg": message, "type": "bare_reply"}
    return InvalidReply(f"The answer does not fit: {message}.", [fault])
