"""Errors of pydantic, as entries for a form and as one sentence."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError


def error_list(error: ValidationError, within: str = "") -> list[dict[str, Any]]:
    """Return one dict of `loc`, `msg`, `type` and `input` per error.

    `within` is a field that the caller wrapped around the value. It is removed from every `loc`.
    """
    found: list[dict[str, Any]] = [
        dict(one) for one in error.errors(include_url=False, include_context=False)
    ]
    for one in found:
        if within and one["loc"][:1] == (within,):
            one["loc"] = one["loc"][1:]
    return found


def format_errors(errors: list[dict[str, Any]]) -> str:
    """Return the errors in one line: `place: what is wrong; place: ...`."""
    parts = []
    for error in errors:
        place = ".".join(str(part) for part in error["loc"])
        parts.append(f"{place}: {error['msg']}" if place else error["msg"])
    return "; ".join(parts)
