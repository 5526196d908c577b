"""What pydantic found wrong, as entries for a form and as one sentence."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError


def list_faults(error: ValidationError, within: str = "") -> list[dict[str, Any]]:
    """Return one dict of `loc`, `msg`, `type` and `input` per fault.

    `within` is a field that the caller wrapped around the value, left out of every `loc`.
    """
    found: list[dict[str, Any]] = [
        dict(fault) for fault in error.errors(include_url=False, include_context=False)
    ]
    for fault in found:
        if within and fault["loc"][:1] == (within,):
            fault["loc"] = fault["loc"][1:]
    return found


def tell_faults(faults: list[dict[str, Any]]) -> str:
    """Return the faults in one line: `place: what is wrong; place: ...`."""
    parts = []
    for fault in faults:
        place = ".".join(str(part) for part in fault["loc"])
        parts.append(f"{place}: {fault['msg']}" if place else fault["msg"])
    return "; ".join(parts)
