"""A durable `InputRequestEvent`: a question to people, and the transitions between its states.

Each transition is one UPDATE that names the state, and often the version, that it starts from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db import models, transaction
from django.db.models import F, Q

from workflows.engine.requests.payload_edits import json_equal
from workflows.errors import RequestNotPending
from workflows.models.requests.columns import RequestColumns
from workflows.models.requests.deadlines import OnDeadline
from workflows.models.requests.digest import digest_of
from workflows.models.requests.indexes import INDEXES
from workflows.models.requests.queryset import InputRequestQuerySet, free_for, in_time
from workflows.models.runs.delivery import Delivery
from workflows.models.runs.hand_over import LEASE_WAITING_RUN
from workflows.models.runs.run import LOCK_RUN, NOTIFY_RUN
from workflows.realtime import publisher
from workflows.realtime.lease_offer import LeaseOffer, offer_lease
from workflows.sql.chained import Statement, execute_chain, insert_statement
from workflows.sql.clock import database_now
from workflows.sql.json_rows import write_statement
from workflows.sql.prepared import Parameter, PreparedQuery

if TYPE_CHECKING:
    from django.contrib.auth.models import User

AT_ONCE = timedelta(0)
COLUMNS = ("status", "response", "answered_by", "source", "answered_at", "edits", "undo_until")
CLEAR_CLAIM = {"claimed_by": None, "claimed_until": None}


class InputRequest(RequestColumns):
    """One question of a run, and its answer. `RequestColumns` has its columns."""

    objects = InputRequestQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "request_id"], name="request_once_per_run"),
            models.CheckConstraint(
                condition=(Q(status="answered", answered_at__isnull=False) & ~Q(source=""))
                | (
                    ~Q(status="answered")
                    & Q(answered_at__isnull=True, answered_by__isnull=True, source="")
                ),
                name="request_answered_iff_it_says_how",
            ),
            models.CheckConstraint(
                condition=Q(quorum__gte=1, votes__lt=F("quorum")), name="request_votes_below_quorum"
            ),
        ]
        indexes = INDEXES

    def answer(
        self,
        response: Any,
        *,
        by: User | None,
        source: str,
        edits: dict[str, Any] | None = None,
        undo: timedelta = AT_ONCE,
        with_statements: Callable[[datetime], Sequence[Statement]] = lambda now: (),
    ) -> None:
        """Pending -> answered, and deliver the answer to the run, in one transaction.

        `response` is validated, normalised JSON. `edits` are all changes of the payload that take
        effect. `by` is None for the system. The answer of a person is accepted only for the version
        that was read, and only if no other person holds the request. The run gets
        the answer after `undo`. The statements that `with_statements` returns for the time of the
        answer are executed with it.

        Raise `RequestNotPending` if it is not pending or its deadline has passed, `RunEnded` or
        `RunBlocked` if the run accepts no answers. Then nothing was changed, and the caller has to
        end its own transaction, if there is one.
        """
        offer = None if undo else self._offer_lease()
        with write_statement(savepoint=False):
            now = offer.now() if offer else database_now()
            until = now + undo if undo else None
            data = self._delivery_data(response, by=by, source=source, edits=edits)
            kind = Delivery.Kind.ANSWER
            sent = Delivery(
                run_id=self.run_id, kind=kind, data=data, created_at=now, not_before=until
            )
            columns = self._answer_columns(now, response, by, source, edits, until)
            seen = {"pk": self.pk, "now": now, "revision": self.revision, "votes": self.votes}
            statements = (
                (ANSWER if by is None else ANSWER_IF_UNCHANGED).statement(**seen, **columns),
                insert_statement(sent),
                *with_statements(now),
            )
            delivered, closed, *_ = self._lease_and(statements, now, offer)
            if not delivered:
                offer = None
                notified = (LOCK_RUN if undo else NOTIFY_RUN).statement(pk=self.run_id, now=now)
                delivered, closed, *_ = execute_chain(notified, *statements)
            if not delivered:
                self.run.raise_not_deliverable()
            self._close(closed, now, columns, offer)

    def answer_by_default(self, now: datetime) -> None:
        """Pending -> answered by the system, once the deadline has passed. Raise as `answer`."""
        rows = InputRequest.objects.filter(pk=self.pk, on_deadline=OnDeadline.DEFAULT)
        with transaction.atomic():
            data = self._delivery_data(
                self.default_response, by=None, source="deadline", edits=None
            )
            self.run.deliver(Delivery.Kind.ANSWER, data)
            columns = self._answer_columns(now, self.default_response, None, "deadline", None, None)
            self._close(rows.overdue(now).update(**columns, **CLEAR_CLAIM), now, columns)

    def vote(self, *, by: User, edits: dict[str, Any], votes: int, quorum: int) -> None:
        """Store that the request has `votes` approvals of `quorum`.

        New edits make a new version, whose count starts anew. Raise
        `RequestNotPending` if the request
        was changed since it was read.
        """
        now = database_now()
        rows = InputRequest.objects.pending().at_revision(self)
        columns: dict[str, Any] = {**CLEAR_CLAIM, "votes": votes, "quorum": quorum}
        if not json_equal(edits, self.edits):
            self.edits, self.revision = edits, self.revision + 1
            columns |= {"edits": edits, "revision": self.revision, "digest": digest_of(self)}
        if rows.filter(in_time(now), free_for(by, now)).update(**columns) != 1:
            raise RequestNotPending(f"Request {self.id}", "approved", self.current_status(now))
        publisher.after_commit(runs=[self.run_id], changed=[self.pk])
        self.refresh_from_db()

    def withdraw_vote(self) -> None:
        """Subtract one approval. Raise `RequestNotPending` if the request has changed meanwhile."""
        now = database_now()
        rows = InputRequest.objects.pending().at_revision(self).filter(in_time(now), votes__gt=0)
        if rows.update(votes=F("votes") - 1) != 1:
            raise RequestNotPending(f"Request {self.id}", "withdrawn", self.current_status(now))
        publisher.after_commit(runs=[self.run_id], changed=[self.pk])
        self.refresh_from_db()

    def withdraw(self, *, by: User, edits: dict[str, Any]) -> None:
        """Answered -> pending, while the answer is delayed. The delivery is deleted.

        `edits` are those of the approvals that remain. Raise `RequestNotPending` if it is
        too late, or if another person answered; `RunEnded` if the run has ended.
        """
        with transaction.atomic():
            self.run.lock_open()
            now = database_now()
            answered = InputRequest.objects.filter(
                pk=self.pk, status=self.Status.ANSWERED, answered_by=by, undo_until__gt=now
            )
            touched = answered.update(
                status=self.Status.PENDING, response=None, answered_by=None, source="",
                answered_at=None, undo_until=None, edits=edits,
            )  # fmt: skip
            if touched != 1 or not Delivery.revoke(self.run_id, self.request_id, now):
                raise RequestNotPending(f"Request {self.id}", "undone", self.current_status(now))
            publisher.after_commit(runs=[self.run_id], added=[self.pk])
        self.refresh_from_db()

    def expire(self, now: datetime) -> None:
        """Pending -> expired, and deliver this to the run. Raise `RequestNotPending`."""
        with transaction.atomic():
            self.run.deliver(Delivery.Kind.EXPIRE, {"request_id": self.request_id})
            due = InputRequest.objects.overdue(now).filter(pk=self.pk)
            if due.update(status=self.Status.EXPIRED, **CLEAR_CLAIM) != 1:
                raise RequestNotPending(f"Request {self.id}", "expired", self.current_status(now))
            publisher.after_commit(runs=[self.run_id], changed=[self.pk], wake_worker=True)

    def _delivery_data(
        self, response: Any, *, by: User | None, source: str, edits: Any
    ) -> dict[str, Any]:
        """Return the data of the delivery."""
        data = {
            "request_id": self.request_id,
            "response": response,
            "by": by.get_username() if by else "",
            "source": source,
        }
        return data | ({"edits": edits} if edits else {})

    def _answer_columns(
        self, now: datetime, response: Any, by: User | None, source: str, edits: Any,
        until: datetime | None,
    ) -> dict[str, Any]:  # fmt: skip
        """Return the columns of an answer."""
        return {
            "status": self.Status.ANSWERED, "response": response, "answered_by": by and by.pk,
            "source": source, "answered_at": now, "edits": edits or {}, "undo_until": until,
        }  # fmt: skip

    def _offer_lease(self) -> LeaseOffer | None:
        """Return a lease for the run, if it waited and this process has a worker for it."""
        offer = offer_lease(self.workflow)
        return offer if offer is not None and self.run.status == "waiting" else None

    def _lease_and(
        self, statements: Sequence[Statement], now: datetime, offer: LeaseOffer | None
    ) -> list[int]:
        """Execute these after leasing the waiting run. Nothing happens without an offer, or if it
        does not wait."""
        if offer is None:
            return [0, 0]
        until = now + offer.length
        leased = LEASE_WAITING_RUN.statement(pk=self.run_id, owner=offer.owner, until=until)
        return execute_chain(leased, *statements)

    def _close(
        self,
        touched: int,
        now: datetime,
        columns: dict[str, Any],
        offer: LeaseOffer | None = None,
    ) -> None:
        """Publish that the row was answered, and set the columns here; raise if it was not.

        With an offer, the run was leased, and is handed over to the worker of this process.
        """
        if touched != 1:
            raise RequestNotPending(f"Request {self.id}", "answered", self.current_status(now))
        for name, value in {**columns, **CLEAR_CLAIM}.items():
            setattr(self, "answered_by_id" if name == "answered_by" else name, value)
        hand_over = partial(offer.take, self.run_id, None) if offer else None
        publisher.after_commit(
            runs=[self.run_id],
            changed=[self.pk],
            wake_worker=offer is None,
            hand_over=hand_over,
        )


def _parameter(name: str) -> Parameter:
    """Return a parameter for the value of a column."""
    field: Any = InputRequest._meta.get_field(name)
    return Parameter(name, field.target_field if field.is_relation else field)


def _still_open() -> InputRequestQuerySet:
    now = Parameter("now", models.DateTimeField())
    return InputRequest.objects.pending().filter(
        in_time(now), pk=Parameter("pk", models.UUIDField())
    )


def _as_seen() -> InputRequestQuerySet:
    """Requests that are open, have the version that was read, and are not claimed by others."""
    free = free_for(_parameter("answered_by"), Parameter("now", models.DateTimeField()))
    return _still_open().filter(free, revision=_parameter("revision"), votes=_parameter("votes"))


def _columns() -> dict[str, Any]:
    return {**{name: _parameter(name) for name in COLUMNS}, **CLEAR_CLAIM}


ANSWER = PreparedQuery(_still_open, setting=_columns)
ANSWER_IF_UNCHANGED = PreparedQuery(_as_seen, setting=_columns)
