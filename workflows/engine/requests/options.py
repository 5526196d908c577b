"""Checks the options of a request, such as its assignees and its deadline.

The check runs in the step that asks, so that an invalid request fails the step.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import lru_cache
from typing import Any

from pydantic_core import to_jsonable_python

from workflows.engine.errors import (
    BadDefault,
    InvalidReply,
    InvalidRequestOptions,
    QuorumWithoutVerdict,
)
from workflows.engine.events import MAX_QUORUM, InputRequestEvent
from workflows.engine.requests.editable_types import misfit
from workflows.engine.requests.reply import check_reply, has_default_reply, schema_of

MAX_NAMES = 50  # in one list: assignees, tags, editable keys
MAX_NAME_LENGTH = 150
MAX_LINE_LENGTH = 300
MAX_SPAN = timedelta(days=36_500)  # a hundred years, within the calendar
NAMED = re.compile("^(group:|user:)")


def validate_options(where: str, event: InputRequestEvent) -> None:
    """Raise `InvalidRequestOptions`, which names the invalid field."""
    if CHECKS.keys().isdisjoint(event.model_fields_set) and not has_own_options(type(event)):
        return  # the engine's own defaults are valid
    for name, check in CHECKS.items():
        fault = check(event)
        if fault:
            asked = type(event).__name__
            raise InvalidRequestOptions(f"{where} asked {asked}, but its field {name!r} {fault}.")


@lru_cache(maxsize=1024)
def has_own_options(request: type[InputRequestEvent]) -> bool:
    """Return True if the class has a default of its own for an option that the engine checks."""
    return any(default_of(request, name) != default_of(InputRequestEvent, name) for name in CHECKS)


def check_defaults(where: str, request: type[InputRequestEvent]) -> None:
    """Raise `BadDefault` or `QuorumWithoutVerdict` if the defaults of this class are invalid."""
    asked, reply = request.__name__, request.reply.__name__
    quorum, four_eyes = default_of(request, "quorum"), default_of(request, "four_eyes")
    for name, fault in (("quorum", _count(quorum)), ("four_eyes", _switch(four_eyes))):
        if fault:
            raise BadDefault(f"{where} asks {asked}, but its option {name!r} {fault}.")
    if quorum > 1 and not has_verdict(request):
        raise QuorumWithoutVerdict(
            f"{where}: {asked} has a quorum of {quorum}, so its reply {reply} needs a field "
            "'approved: bool' to count approvals by."
        )


def default_of(request: type[InputRequestEvent], name: str) -> Any:
    """Return the defaults of a request of this class."""
    return request.model_fields[name].get_default(call_default_factory=True, validated_data={})


def _count(quorum: Any) -> str:
    fits = type(quorum) is int and 1 <= quorum <= MAX_QUORUM
    return "" if fits else f"is {quorum!r}, not a whole number from 1 to {MAX_QUORUM}"


def _switch(value: Any) -> str:
    return "" if type(value) is bool else f"is {value!r}, neither True nor False"


def _quorum(event: InputRequestEvent) -> str:
    fault = _count(event.quorum)
    if fault or event.quorum == 1:
        return fault
    reply = type(event).reply
    if not has_verdict(type(event)):
        return f"is {event.quorum}, so its reply {reply.__name__} needs a field 'approved: bool'"
    if has_default_reply(reply) and "approve" not in event.allow:
        return f"is {event.quorum}, so 'allow' has to have 'approve'"
    return ""


def _edited_by_two(event: InputRequestEvent) -> str:
    if event.four_eyes and event.editable and not has_verdict(type(event)):
        reply = type(event).reply.__name__
        return f"goes with 'four_eyes' only if its reply {reply} has a field 'approved: bool'"
    return ""


@lru_cache(maxsize=1024)
def has_verdict(request: type[InputRequestEvent]) -> bool:
    """Return True if answers approve or reject: without a reply class, or with `approved: bool`."""
    if has_default_reply(request.reply):
        return True
    schema = schema_of(request.reply) or {}
    name = schema.get("$ref", "").rpartition("/")[2]
    schema = schema.get("$defs", {}).get(name, schema)
    approved: dict[str, Any] = schema.get("properties", {}).get("approved", {})
    return approved.get("type") == "boolean"


def _names(values: Iterable[str], longest: int = MAX_NAME_LENGTH) -> str:
    names = list(values)
    if len(names) > MAX_NAMES:
        return f"has more than {MAX_NAMES} entries"
    wrong = [one for one in names if not one.strip() or len(one) > longest]
    return f"has an entry {wrong[0][:40]!r} that is no name" if wrong else ""


def _people(values: Iterable[str]) -> str:
    return _names([NAMED.sub("", one) for one in values])


def _moment(event: InputRequestEvent, given: timedelta | None) -> str:
    if fault := _span(given):
        return fault
    if given is None:
        return ""
    late = event.due_in is not None and given >= event.due_in and event.on_deadline != "stay_open"
    return "comes after its deadline" if late else ""


def _span(given: timedelta | None) -> str:
    if given is None or timedelta(0) < given <= MAX_SPAN:
        return ""
    if given <= timedelta(0):
        return "is no time to come"
    return f"is longer than {MAX_SPAN.days:,} days"


def _escalation(event: InputRequestEvent) -> str:
    if bool(event.escalate_to) != (event.escalate_in is not None):
        return "goes with 'escalate_in'; give both or none"
    return _people(event.escalate_to)


def _policy(event: InputRequestEvent) -> str:
    if event.on_deadline != "fail" and event.due_in is None:
        return f"is {event.on_deadline!r}, which needs a deadline: give 'due_in'"
    return ""


def _default(event: InputRequestEvent) -> str:
    if event.on_deadline == "default" or event.default_response is None:
        return ""
    return "needs on_deadline='default'"


def with_default(where: str, event: InputRequestEvent) -> InputRequestEvent:
    """Return the request with its default as a normalised answer. It is checked only here.

    Raise `InvalidRequestOptions` if the default is no valid answer.
    """
    if event.on_deadline != "default":
        return event
    try:
        response = check_reply(type(event), event.allow, event.default_response)
    except InvalidReply as error:
        asked, fault = type(event).__name__, str(error).rstrip(".")
        raise InvalidRequestOptions(
            f"{where} asked {asked}, but its field 'default_response' is no answer to it: {fault}."
        ) from error
    return event.model_copy(update={"default_response": response})


def _line(event: InputRequestEvent) -> str:
    text = event.if_approved
    if "\n" in text or "\r" in text:
        return "is more than one line"
    return f"is longer than {MAX_LINE_LENGTH} characters" if len(text) > MAX_LINE_LENGTH else ""


def _editable(event: InputRequestEvent) -> str:
    payload = event.payload if isinstance(event.payload, dict) else {}
    missing = [key for key in event.editable if key not in payload]
    if missing:
        return f"names {missing[0][:40]!r}, which is no key of its payload"
    return _names(event.editable) or _edited_by_two(event)


def _edit_types(event: InputRequestEvent) -> str:
    payload = event.payload if isinstance(event.payload, dict) else {}
    for key, kind in event.editable_types.items():
        if key not in event.editable:
            return f"names {key[:40]!r}, which is not in 'editable'"
        text = to_jsonable_python(payload.get(key), fallback=str)
        if misfit(kind, text, text):
            return f"says that {key[:40]!r} is of the type {kind!r}, which it is not"
    return ""


CHECKS: dict[str, Callable[[InputRequestEvent], str]] = {
    "assign_to": lambda event: _people(event.assign_to),
    "tags": lambda event: _names(event.tags, longest=50),
    "due_in": lambda event: _span(event.due_in),
    "remind_in": lambda event: _moment(event, event.remind_in),
    "escalate_in": lambda event: _moment(event, event.escalate_in),
    "escalate_to": _escalation,
    "on_deadline": _policy,
    "default_response": _default,
    "if_approved": _line,
    "editable": _editable,
    "editable_types": _edit_types,
    "quorum": _quorum,
    "four_eyes": lambda event: _switch(event.four_eyes),
}
