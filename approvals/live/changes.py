"""What is sent to open inboxes about requests that changed, read from their rows.

The messages between processes name rows. Each process reads the rows of a batch once, however many
pages it has.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Q

from approvals.inbox.queries import slim
from approvals.inbox.rows import row_version
from workflows.models import InputRequest, Priority
from workflows.models.requests.audience import Audience, Viewer, audiences_of

MAX_CHANGES = 25  # changes in one message; for more the message only says to read the list again


@dataclass(slots=True)
class Batch:
    """The changes that messages named since the last batch.

    `requests` are the keys of requests; the value is True if the request is new to somebody.
    `seen_before` has the earlier audiences of a request. With `everything`, all may have changed.
    """

    requests: dict[str, bool] = field(default_factory=dict)
    seen_before: dict[str, list[Audience]] = field(default_factory=dict)
    runs: set[str] = field(default_factory=set)
    everything: bool = False

    def add(self, message: dict[str, Any]) -> None:
        """Add what a message names."""
        self.everything |= message.get("everything", False)
        self.runs.update(message["runs"])
        for key, row in message["requests"].items():
            self.requests[key] = row["added"] or self.requests.get(key, False)
            earlier = [Audience.from_dict(one) for one in row["seen_before"]]
            if earlier:
                self.seen_before.setdefault(key, []).extend(earlier)


@dataclass(frozen=True, slots=True)
class Change:
    """A request that changed, who may see it, and who could until now.

    `added` is sent to the pages of people to whom it is new, `changed` to those of others who may
    see it, and `removed` to those of people who no longer may.
    """

    audience: Audience
    seen_before: list[Audience]
    added: str
    changed: str
    removed: str

    def data_for(self, viewer: Viewer) -> str:
        """Return what is sent to this person's page, as JSON; empty if nothing is."""
        if self.audience.includes(viewer):
            # The first is the audience that the last batch knew.
            was_told = self.seen_before and self.seen_before[0].includes(viewer)
            return self.changed if was_told else self.added
        was_visible = any(one.includes(viewer) for one in self.seen_before)
        return self.removed if was_visible else ""


def read_changes(batch: Batch) -> list[Change]:
    """Read the rows of a batch, by two queries at most.

    Of a run these are the requests that are open, and those that were closed with it. Others have
    left the pages before, and were counted then.
    """
    named = Q(pk__in=[UUID(key) for key in batch.requests])
    if batch.runs:
        open_or_ended = Q(status__in=[InputRequest.Status.PENDING, InputRequest.Status.CANCELLED])
        named |= Q(run__in=[UUID(key) for key in batch.runs]) & open_or_ended
    rows = list(slim(InputRequest.objects.filter(named)))
    audiences = audiences_of(row.pk for row in rows if row.assigned)
    return [_change(row, audiences.get(row.pk, Audience(is_open=True)), batch) for row in rows]


def _change(row: InputRequest, audience: Audience, batch: Batch) -> Change:
    key = str(row.pk)
    seen_before = batch.seen_before.get(key, [])
    removed = to_json({"id": key, "kind": "removed"})
    if row.status != InputRequest.Status.PENDING:
        return Change(audience, seen_before, removed, removed, removed)
    holder = row.held_by
    data = {
        "id": key,
        "kind": "changed",
        "version": row_version(row),
        "workflow": row.run.workflow,
        "priority": int(row.priority),
        "level": Priority(row.priority).name.lower(),
        "created": row.created_at.isoformat(),
        "claimed": [str(holder.pk), str(holder)] if holder and holder.is_active else None,
    }
    changed = to_json(data)
    added = to_json(data | {"kind": "added"}) if batch.requests.get(key) else changed
    return Change(audience, seen_before, added, changed, removed)


def to_json(value: Any) -> str:
    """Return the value as compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


class ChangeMessages:
    """The messages about some changes, worked out once for all people with equal rights."""

    def __init__(self, changes: Sequence[Change]) -> None:
        self._changes = changes
        audiences = [one for change in changes for one in (change.audience, *change.seen_before)]
        self._names_people = any(one.users for one in audiences)
        self._kept: dict[tuple[Any, ...], str] = {}

    def for_viewer(self, viewer: Viewer) -> str:
        """Return the content of the message to this person's page; empty if there is none."""
        key = viewer if self._names_people else viewer[1:]
        found = self._kept.get(key)
        if found is None:
            found = self._kept[key] = self._work_out(viewer)
        return found

    def _work_out(self, viewer: Viewer) -> str:
        found = [data for one in self._changes if (data := one.data_for(viewer))]
        if len(found) > MAX_CHANGES:
            return '"read":true'
        return f'"changes":[{",".join(found)}]' if found else ""
