"""Answers a request: by the final answer, or by one approval of several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.conf import settings
from django.db import connection, transaction
from django.db.models import IntegerField, UUIDField

from approvals.actions.decision_record import new_decision
from approvals.actions.preconditions import (
    check_claim,
    check_digest,
    check_open,
    check_size,
    effective_edits,
    find_to_decide,
    normalised,
)
from approvals.audit.origin import UNKNOWN, Origin
from approvals.audit.seals import supersede
from approvals.eligibility.checks import check_permitted, free_lapsed_claim
from approvals.eligibility.votes import Approvals, approvals_needed
from approvals.errors import AlreadyVoted, Closed, ContentTooLarge, Invalid, RequestBlocked
from approvals.models import Decision, Draft
from workflows.engine.requests.payload_edits import apply_edits, as_stored, json_equal
from workflows.errors import WrongState
from workflows.models import InputRequest, database_now
from workflows.sql.chained import Statement, insert_statement
from workflows.sql.json_rows import bulk_insert
from workflows.sql.prepared import Parameter, PreparedQuery

if TYPE_CHECKING:
    from django.contrib.auth.models import User

DROP_DRAFT = PreparedQuery(
    lambda: Draft.objects.filter(
        request=Parameter("request", UUIDField()), user=Parameter("user", IntegerField())
    ),
    delete=True,
)

MAX_ATTEMPTS = 5
"""Attempts after a lost compare-and-set. Usually the second attempt finds the reason. More are
needed if the run is retried at that time, or if others approve in between."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """The decision that was stored. `again` is True if this person had made the same one before.

    The request has `votes` of `quorum` approvals. `waits` is True if it waits for more.
    """

    decision: Decision
    again: bool = False
    votes: int = 1
    quorum: int = 1

    @property
    def waits(self) -> bool:
        """True if this was an approval and others are still missing."""
        return self.decision.kind == Decision.Kind.VOTE and self.decision.request.is_pending

    @classmethod
    def of(cls, request: InputRequest, decision: Decision, *, again: bool = False) -> Outcome:
        """Return the outcome of a decision, with the counts of the request."""
        decision.request = request
        return cls(decision, again, request.votes, request.quorum)


def decide(
    user: User,
    request_id: UUID | str,
    response: Any,
    *,
    source: str,
    readable: bool = True,
    digest: str = "",
    edits: Mapping[str, Any] | None = None,
    origin: Origin = UNKNOWN,
) -> Outcome:
    """Answer a request as `user`, and deliver the answer to the run.

    `response` is JSON from outside; its normalised form is stored. `source` names the interface
    ("inbox", "command"). An answer that is not `readable` (a form with text instead of JSON) is
    refused as invalid, after the other checks. `digest` is that of what the person saw. `edits` are
    the payload keys that they changed. `origin` is recorded.

    Raise a subclass of `AnswerRefused`. Then nothing was changed. The checks are, in
    this order: visible, permitted, same answer again (no error), state and deadline, claim, digest,
    size, schema.
    """
    for _ in range(MAX_ATTEMPTS):
        request = find_to_decide(user, request_id)
        check_permitted(user, request)
        earlier = same_decision(user, request, response, edits)
        if earlier is not None:
            return Outcome.of(request, earlier, again=True)
        check_open(request)
        check_claim(user, request)
        check_digest(request, digest)
        answer, effective = validated_answer(request, response, edits)
        if not readable:
            raise Invalid(request.id, [])
        free_lapsed_claim(user, request)
        try:
            with one_transaction(request, effective):
                return store(user, request, answer, effective, source, origin)
        except WrongState:
            continue  # another person was faster: the next attempt finds the change
    raise Closed(f"Request {request_id} keeps changing; look at it again.")


def one_transaction(request: InputRequest, edits: dict[str, Any]) -> AbstractContextManager[object]:
    """Store in one transaction, or in a savepoint of the caller's transaction.

    If one person answers alone, the answer is a transaction of its own.
    """
    alone = approvals_needed(request, edits) == 1 and not connection.in_atomic_block
    return nullcontext() if alone else transaction.atomic()


def validated_answer(
    request: InputRequest, response: Any, edits: Mapping[str, Any] | None
) -> tuple[Any, dict[str, Any]]:
    """Return the answer in the form to store, and all edits that take effect with it.

    Raise `ContentTooLarge`, `Invalid`, or `RequestBlocked` if the code for the answer is missing.
    """
    check_size(request, response)
    check_size(request, dict(edits or {}), what="The edit")
    return normalised(request, response), effective_edits(request, edits)


def same_decision(
    user: User, request: InputRequest, response: Any, edits: Mapping[str, Any] | None
) -> Decision | None:
    """Return the effective decision of `user` on `request`, if it equals `response`.

    So a double click, a lost acknowledgement or a repeated POST is no conflict.
    """
    answered = request.status == InputRequest.Status.ANSWERED
    if not (request.answered_by_id == user.pk if answered else request.votes):
        return None
    kind = Decision.Kind.FINAL if answered else Decision.Kind.VOTE
    decision = Decision.objects.effective().filter(request=request, by=user, kind=kind).first()
    if decision is None or not _same_edits(request, decision, edits):
        return None
    try:
        check_size(request, response)
        answer = normalised(request, response)
    except (ContentTooLarge, Invalid, RequestBlocked):
        answer = response
    return decision if json_equal(decision.response, answer) else None


def _same_edits(request: InputRequest, decision: Decision, edits: Mapping[str, Any] | None) -> bool:
    if not edits:
        return True
    decided = apply_edits(request.payload, decision.edits)
    if not isinstance(decided, dict):
        return False
    given = as_stored(edits, request.payload, request.editable_types)
    return all(key in decided and json_equal(decided[key], value) for key, value in given.items())


def store(
    user: User, request: InputRequest, answer: Any, edits: dict[str, Any], source: str,
    origin: Origin = UNKNOWN,
) -> Outcome:  # fmt: skip
    """Answer the request or count an approval, and store the decision.

    The caller has called `one_transaction`.

    Raise `WrongState` if the request was changed since it was read or its run accepts no answer,
    `AlreadyVoted` if this would be the second approval of one person.
    """
    decision = new_decision(user, request, answer, edits, source, origin)
    approved = isinstance(answer, dict) and answer.get("approved") is True
    rejected = isinstance(answer, dict) and answer.get("approved") is False
    anew = not json_equal(edits, request.edits)  # 600 and 600.0 are two versions
    if request.four_eyes and anew and not (approved or rejected):
        fault = "Where a second person is required, only an approval may edit the request"
        raise Invalid(request.id, [{"loc": ("edits",), "msg": fault, "type": "four_eyes"}])
    quorum = approvals_needed(request, edits)
    earlier = _earlier(user, request) if approved and quorum > 1 and not anew else Approvals([], [])
    votes = len(earlier.counting) + 1
    if approved and votes < quorum:
        request.vote(by=user, edits=edits, votes=votes, quorum=quorum)
        return _vote(decision, void=anew, lapsed=earlier.lapsed)
    kept = edits if approved or not (rejected or request.four_eyes) else {}
    undo = timedelta(seconds=settings.UNDO_SECONDS)

    def decision_statements(now: datetime) -> Sequence[Statement]:
        return insert_statement(decision.sign(now)), DROP_DRAFT.statement(
            request=request.pk, user=user.pk
        )

    request.answer(
        answer, by=user, source=source, edits=kept, undo=undo, with_statements=decision_statements
    )
    return Outcome.of(request, decision)


def _vote(vote: Decision, *, void: bool, lapsed: Sequence[Decision]) -> Outcome:
    """Store an approval that was counted. With `void` it is the first one of a new version."""
    user, request = vote.by, vote.request
    earlier = Decision.objects.filter(request=request, kind=Decision.Kind.VOTE)
    if void:  # nobody approved this version before
        supersede(earlier, database_now())
    elif lapsed:
        supersede(earlier.filter(pk__in=[one.pk for one in lapsed]), database_now())
    DROP_DRAFT.run(request=request.pk, user=user.pk)
    vote.kind, vote.revision = Decision.Kind.VOTE, request.revision
    bulk_insert(Decision, [vote.sign(database_now())])
    return Outcome.of(request, vote)


def _earlier(user: User, request: InputRequest) -> Approvals:
    """Return the approvals before this one, read in the transaction that counts them."""
    found = Approvals.of(request)
    if found.counted != request.votes:  # an approval came since the row was read, perhaps this one
        raise WrongState(f"Request {request.id}", "approved", "changing")
    if any(vote.by_id == user.pk for vote in found.counting):
        raise AlreadyVoted(request.id, votes=len(found.counting), quorum=request.quorum)
    return found
