"""Finding requests that say something else of their answer than the decision that gave it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from approvals.models import Decision
from workflows.engine.edits import same
from workflows.models import InputRequest
from workflows.models.digest import digest_of

PAGE = 500
FINAL, VOTE = Decision.Kind.FINAL, Decision.Kind.VOTE


def wrong_requests() -> Iterator[str]:
    """Yield a sentence for each request that contradicts its decisions, or lacks its last one."""
    final = Decision.objects.filter(request=OuterRef("pk"), kind=FINAL, voided_at=None)
    by_people = Q(status="answered", answered_by__isnull=False)
    wanted = InputRequest.objects.filter(by_people | Q(Exists(final))).order_by("pk")
    rows = list(wanted[:PAGE])
    while rows:
        decisions: dict[UUID, list[Decision]] = defaultdict(list)
        standing = Decision.objects.filter(request__in=rows, voided_at=None, kind__in=[FINAL, VOTE])
        for decision in standing.order_by("pk"):
            decisions[decision.request_id].append(decision)
        for row in rows:
            if fault := _fault(row, decisions[row.pk]):
                yield f"Request {row.pk} {fault}."
        rows = list(wanted.filter(pk__gt=rows[-1].pk)[:PAGE])


def _fault(request: InputRequest, decisions: list[Decision]) -> str:
    last = next((one for one in decisions if one.kind == FINAL), None)
    if last is None:
        return f"was answered by user {request.answered_by_id}, and there is no such decision"
    if request.status != InputRequest.Status.ANSWERED:
        return f"is {request.status}, but decision {last.pk} answered it"
    verdict = last.response.get("approved") if isinstance(last.response, dict) else None
    kept = verdict is True or not (verdict is False or request.four_eyes)
    pairs: dict[str, tuple[Any, Any]] = {
        "answered_by": (request.answered_by_id, last.by_id),
        "response": (request.response, last.response),
        "edits": (request.edits, last.edits if kept else {}),
        "door": (request.door, last.door),
        "answered_at": (str(request.answered_at), str(last.at)),
    }
    wrong = [name for name, (one, other) in pairs.items() if not same(one, other)]
    if last.seen and _shown(request, decisions) != last.seen:
        wrong.append("what was shown")
    return f"contradicts decision {last.pk} in {', '.join(wrong)}" if wrong else ""


def _shown(request: InputRequest, decisions: list[Decision]) -> str:
    """Return the digest of what the request showed before its last decision."""
    votes = [one for one in decisions if one.kind == VOTE]
    shown = InputRequest(
        prompt=request.prompt, payload=request.payload, schema=request.schema,
        allow=request.allow, if_approved=request.if_approved, revision=request.revision,
        edits=votes[-1].edits if votes else {},
    )  # fmt: skip
    return digest_of(shown)
