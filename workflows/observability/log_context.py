"""What a log line is about: the ids of a run and a request, beside the words.

Kept in a context variable, so that whatever a step or a view logs carries the ids, in its thread
and in the tasks that it begins, without being handed anything.
"""

from __future__ import annotations

import contextvars
from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest
from django.http.response import HttpResponseBase

FIELDS = ("run_id", "request_id", "step")

_subject: contextvars.ContextVar[Mapping[str, str]] = contextvars.ContextVar("subject")


def current() -> Mapping[str, str]:
    """Return the ids that are known here, by the names in `FIELDS`."""
    return _subject.get({})


def named(fields: Mapping[str, Any]) -> dict[str, str]:
    """Return those of `fields` that say what a line is about, as text."""
    return {name: str(fields[name]) for name in FIELDS if fields.get(name)}


def context_of(**fields: Any) -> contextvars.Context:
    """Return a copy of the present context that is about `fields`, for a task to run in."""
    context = contextvars.copy_context()
    context.run(_subject.set, {**current(), **named(fields)})
    return context


class SubjectMiddleware:
    """Makes everything that a request logs carry the ids in its address."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer, and forget afterwards what it was about."""
        token = _subject.set({})
        try:
            return self._get_response(request)
        finally:
            _subject.reset(token)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]
    ) -> None:
        """Note the ids, now that the address has been read."""
        _subject.set(named(kwargs))
