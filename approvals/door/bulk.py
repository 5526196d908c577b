"""One answer to many requests of the same kind, each with an outcome of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from approvals.door.deciding import Outcome, decide
from approvals.door.rules import find
from approvals.errors import AnswerRefused, MixedBatch, NotVisible, TooMany
from approvals.origin import UNKNOWN, Origin
from workflows.models import InputRequest

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MOST = 100  # requests in one batch


@dataclass(frozen=True, slots=True)
class Item:
    """What became of one request of a batch: an outcome or a refusal. No row if not visible."""

    request_id: str
    request: InputRequest | None
    outcome: Outcome | None = None
    refusal: AnswerRefused | None = None


def gather(user: User, ids: Sequence[UUID | str]) -> list[Item]:
    """Return the requests of a batch, each once; raise `TooMany` or `MixedBatch`."""
    wanted = list(dict.fromkeys(str(one) for one in ids))
    if len(wanted) > MOST:
        raise TooMany(f"{len(wanted)} requests were chosen; at most {MOST} go at once.")
    items = []
    for one in wanted:
        try:
            items.append(Item(one, find(user, one)))
        except NotVisible as error:
            items.append(Item(one, None, refusal=error))
    rows = [item.request for item in items if item.request]
    if any(_kind(row) != _kind(rows[0]) for row in rows):
        raise MixedBatch("These requests do not take the same answer; choose those of one kind.")
    return items


def decide_many(
    user: User,
    ids: Sequence[UUID | str],
    response: Any,
    *,
    door: str,
    readable: bool = True,
    digests: Mapping[str, str] | None = None,
    origin: Origin = UNKNOWN,
) -> list[Item]:
    """Give one answer to many requests, each through `decide`, and return what became of each.

    `digests` are those of what was seen, by id. Raise `MixedBatch` unless all are of one
    workflow and schema, `TooMany` above `MOST`; then nothing was decided.
    """
    done = []
    for item in gather(user, ids):
        digest = (digests or {}).get(item.request_id, "")
        try:
            outcome = decide(
                user, item.request_id, response, door=door, readable=readable, digest=digest,
                origin=origin,
            )  # fmt: skip
            done.append(Item(item.request_id, outcome.decision.request, outcome))
        except AnswerRefused as error:
            done.append(Item(item.request_id, item.request, refusal=error))
    return done


def _kind(row: InputRequest) -> tuple[Any, ...]:
    return row.run.workflow, row.event, row.schema, sorted(row.allow)
