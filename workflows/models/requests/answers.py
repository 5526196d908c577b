"""What an answer changes of its request's row: pending -> answered, if it is as it was read."""

from __future__ import annotations

from typing import Any

from django.db import models

from workflows.models.requests.queryset import InputRequestQuerySet, free_for, in_time
from workflows.sql.prepared import Prepared, Slot

COLUMNS = ("status", "response", "answered_by", "door", "answered_at", "edits", "undo_until")
FREE = {"claimed_by": None, "claimed_until": None}


def _slot(name: str) -> Slot:
    """Keep the place of a column's value."""
    from workflows.models.requests.request import InputRequest

    field: Any = InputRequest._meta.get_field(name)
    return Slot(name, field.target_field if field.is_relation else field)


def _still_open() -> InputRequestQuerySet:
    from workflows.models.requests.request import InputRequest

    now = Slot("now", models.DateTimeField())
    return InputRequest.objects.pending().filter(in_time(now), pk=Slot("pk", models.UUIDField()))


def _as_seen() -> InputRequestQuerySet:
    """Still open, of the version that was read, and in nobody else's hand."""
    free = free_for(_slot("answered_by"), Slot("now", models.DateTimeField()))
    return _still_open().filter(free, revision=_slot("revision"), votes=_slot("votes"))


def _columns() -> dict[str, Any]:
    return {**{name: _slot(name) for name in COLUMNS}, **FREE}


CLOSE = Prepared(_still_open, setting=_columns)
CLOSE_AS_SEEN = Prepared(_as_seen, setting=_columns)
