"""The ids of a run and a request that a log line is about.

They are kept in a context variable, so that whatever a step or a view logs carries the ids, in its
thread and in the tasks that it begins, without being handed anything.
"""

from __future__ import annotations

import contextvars
from collections.abc import Mapping
from typing import Any

FIELDS = ("run_id", "request_id", "step")

_log_context: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar("log_context")

Token = contextvars.Token[Mapping[str, str]]


def current() -> Mapping[str, str]:
    """Return the ids that are known here, by the names in `FIELDS`."""
    return _log_context.get({})


def known_fields(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return those of `fields` that are named in `FIELDS`, as text."""
    return {name: str(fields[name]) for name in FIELDS if fields.get(name)}


def set_fields(fields: Mapping[str, Any]) -> Token:
    """Let log lines of this context carry these fields only; `reset` takes that back."""
    return _log_context.set(known_fields(fields))


def reset(token: Token) -> None:
    """Let log lines carry what they carried before `set_fields`."""
    _log_context.reset(token)


def with_log_context(**fields: Any) -> contextvars.Context:
    """Return a copy of the present context that has `fields` as well, for a task to run in."""
    context = contextvars.copy_context()
    context.run(_log_context.set, {**current(), **known_fields(fields)})
    return context
