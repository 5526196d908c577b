"""What an open inbox is told about requests that changed, read from their rows.

The messages between processes name rows. Each process reads the rows of a batch once, however many
pages it has.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from django.db.models import Q

from approvals.inbox.queries import slim
from approvals.inbox.rows import row_version
from workflows.models import InputRequest, Priority
from workflows.models.requests.audience import Audience, Viewer, audiences_of


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

    `data` is what the page of somebody who may see it is told, `removed` what others are told who
    could see it.
    """

    audience: Audience
    seen_before: list[Audience]
    data: str
    removed: str

    def data_for(self, viewer: Viewer) -> str:
        """Return what this person's page is told, as JSON; empty if it is told nothing."""
        if self.audience.includes(viewer):
            return self.data
        was_visible = any(one.includes(viewer) for one in self.seen_before)
        return self.removed if was_visible else ""


def read_changes(batch: Batch) -> list[Change]:
    """Read the rows of a batch, by two queries at most."""
    named = Q(pk__in=[UUID(key) for key in batch.requests])
    if batch.runs:
        open_or_ended = ~Q(status=InputRequest.Status.ANSWERED)
        named |= Q(run__in=[UUID(key) for key in batch.runs]) & open_or_ended
    rows = list(slim(InputRequest.objects.filter(named)))
    audiences = audiences_of(row.pk for row in rows if row.assigned)
    return [_change(row, audiences.get(row.pk, Audience(is_open=True)), batch) for row in rows]


def _change(row: InputRequest, audience: Audience, batch: Batch) -> Change:
    key = str(row.pk)
    seen_before = batch.seen_before.get(key, [])
    removed = to_json({"id": key, "kind": "removed"})
    if row.status != InputRequest.Status.PENDING:
        return Change(audience, seen_before, removed, removed)
    holder = row.held_by
    data = {
        "id": key,
        "kind": "added" if batch.requests.get(key) else "changed",
        "version": row_version(row),
        "workflow": row.run.workflow,
        "priority": int(row.priority),
        "level": Priority(row.priority).name.lower(),
        "created": row.created_at.isoformat(),
        "claimed": [str(holder.pk), str(holder)] if holder and holder.is_active else None,
    }
    return Change(audience, seen_before, to_json(data), removed)


def to_json(value: Any) -> str:
    """Return the value as compact JSON."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def told_to(changes: Iterable[Change], viewer: Viewer) -> list[str]:
    """Return what this person's page is told about the changes, each as JSON."""
    return [data for one in changes if (data := one.data_for(viewer))]
