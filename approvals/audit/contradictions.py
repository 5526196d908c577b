"""Finds requests whose answer differs from their decision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any
from uuid import UUID

from django.db.models import Exists, OuterRef, Q

from approvals.audit.readable_rows import in_pages, readable
from approvals.models import Decision
from workflows.engine.requests.payload_edits import json_equal
from workflows.models import InputRequest
from workflows.models.requests.digest import digest_of

PAGE_SIZE = 500
FINAL, VOTE = Decision.Kind.FINAL, Decision.Kind.VOTE


def wrong_requests() -> Iterator[str]:
    """Yield a sentence for each request that differs from its decisions, or has no decision."""
    effective = Decision.objects.filter(
        request=OuterRef("pk"), kind__in=[FINAL, VOTE], superseded_at=None
    )
    answered = Q(status="answered", answered_by__isnull=False)
    wanted = InputRequest.objects.filter(answered | Q(votes__gt=0) | Q(Exists(effective)))
    for page in in_pages(wanted, PAGE_SIZE):
        decisions: dict[UUID, list[Decision]] = defaultdict(list)
        theirs = Decision.objects.filter(request__in=[key for key, _ in page])
        for _, decision in readable(theirs.filter(kind__in=[FINAL, VOTE]).order_by("pk")):
            if decision is not None:  # otherwise the decision itself is reported
                decisions[decision.request_id].append(decision)
        for key, row in page:
            fault = "cannot be read" if row is None else _fault(row, decisions[key])
            if fault:
                yield f"Request {key} {fault}."


def _fault(request: InputRequest, decisions: list[Decision]) -> str:
    effective = [one for one in decisions if one.superseded_at is None]
    votes = sum(one.kind == VOTE for one in effective)
    if request.votes != votes:
        return f"counts {request.votes} approvals before its answer, and {votes} are there"
    last = next((one for one in effective if one.kind == FINAL), None)
    if last is None:
        if request.answered_by_id is None:  # it is open, or was closed without an answer
            return ""
        return f"was answered by user {request.answered_by_id}, and there is no such decision"
    if request.status != InputRequest.Status.ANSWERED:
        return f"is {request.status}, but decision {last.pk} answered it"
    verdict = last.response.get("approved") if isinstance(last.response, dict) else None
    kept = verdict is True or not (verdict is False or request.four_eyes)
    pairs: dict[str, tuple[Any, Any]] = {
        "answered_by": (request.answered_by_id, last.by_id),
        "response": (request.response, last.response),
        "edits": (request.edits, last.edits if kept else {}),
        "source": (request.source, last.source),
        "answered_at": (str(request.answered_at), str(last.at)),
    }
    wrong = [name for name, (one, other) in pairs.items() if not json_equal(one, other)]
    if last.seen and _shown(request, decisions, last) != last.seen:
        wrong.append("what was shown")
    return f"contradicts decision {last.pk} in {', '.join(wrong)}" if wrong else ""


def _shown(request: InputRequest, decisions: list[Decision], last: Decision) -> str:
    """Return the digest of what the request showed before its last decision.

    Edits are kept if the approval that made them is withdrawn or no longer counts.
    """
    votes = [one for one in decisions if one.kind == VOTE and one.pk < last.pk]
    shown = InputRequest(
        prompt=request.prompt, payload=request.payload, schema=request.schema,
        allow=request.allow, if_approved=request.if_approved, revision=request.revision,
        edits=votes[-1].edits if votes else {},
    )  # fmt: skip
    return digest_of(shown)
