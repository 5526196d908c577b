"""Adds the ids of a run and a request to log lines.

The ids are in a context variable. So every log line of a step or a view has them, also in threads
and tasks that it starts.
"""

from __future__ import annotations

import contextvars
from collections.abc import Mapping
from typing import Any

FIELDS = ("run_id", "request_id", "step")

_log_context: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar("log_context")

Token = contextvars.Token[Mapping[str, str]]


def current() -> Mapping[str, str]:
    """Return the ids of the present context, by the names in `FIELDS`."""
    return _log_context.get({})


def known_fields(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return the items of `fields` whose names are in `FIELDS`, as text."""
    return {name: str(fields[name]) for name in FIELDS if fields.get(name)}


def set_fields(fields: Mapping[str, Any]) -> Token:
    """Set the fields of log lines in this context. `reset` restores the earlier fields."""
    return _log_context.set(known_fields(fields))


def reset(token: Token) -> None:
    """Restore the fields that log lines had before `set_fields`."""
    _log_context.reset(token)


def with_log_context(**fields: Any) -> contextvars.Context:
    """Return a copy of the present context with `fields` added, for a new task."""
    context = contextvars.copy_context()
    context.run(_log_context.set, {**current(), **known_fields(fields)})
    return context
