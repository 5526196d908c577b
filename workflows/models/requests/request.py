"""A durable `InputRequestEvent`: a question to people, and the transitions between its states.

Each transition is one UPDATE that names the state, and often the version, that it starts from.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
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
from workflows.models.runs.run import LOCK_RUN, NOTIFY_RUN
from workflows.realtime import publisher
from workflows.sql.chained import Statement, execute_chain, insert_statement
from workflows.sql.clock import database_now
from workflows.sql.prepared import Parameter, PreparedQuery

if TYPE_CHECKING:
    from django.contrib.auth.models import User

AT_ONCE = timedelta(0)
COLUMNS = ("status", "response", "answered_by", "source", "answered_at", "edits", "undo_until")
CLEAR_CLAIM = {"claimed_by": None, "claimed_until": None}


class InputRequest(RequestColumns):
    """One question of a run, and its answer. Its columns stand in `RequestColumns`."""

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
        """Pending -> answered, and the answer on its way to the run, in one transaction.

        `response` has been validated and is the normalised JSON; `edits` are all changes to the
        payload that were effective. `by` None is the system; a person's answer counts only for
        the version that was read, and while nobody else holds it. It is delivered to the run
        after `undo`. What `with_statements` gives for the moment of the answer is stored with it.

        Raise `RequestNotPending` if it is not pending or its deadline has passed, `RunEnded` or
        `RunBlocked` if the run takes no answers; then nothing changed, and a transaction around
        this has to end, too.
        """
        with transaction.atomic(savepoint=False):
            now = database_now()
            until = now + undo if undo else None
            data = self._delivery_data(response, by=by, source=source, edits=edits)
            kind = Delivery.Kind.ANSWER
            sent = Delivery(
                run_id=self.run_id, kind=kind, data=data, created_at=now, not_before=until
            )
            columns = self._answer_columns(now, response, by, source, edits, until)
            seen = {"pk": self.pk, "now": now, "revision": self.revision, "votes": self.votes}
            delivered, closed, *_ = execute_chain(
                (LOCK_RUN if undo else NOTIFY_RUN).statement(pk=self.run_id, now=now),
                (ANSWER if by is None else ANSWER_IF_UNCHANGED).statement(**seen, **columns),
                insert_statement(sent),
                *with_statements(now),
            )
            if not delivered:
                self.run.raise_not_deliverable()
            self._close(closed, now, columns)

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
        """Count one approval of several: the `votes`-th of `quorum` that are needed now.

        Edits that are new make another version, whose votes begin anew. Raise
        `RequestNotPending` if it is not as it was read.
        """
        now = database_now()
        rows = InputRequest.objects.pending().at_revision(self)
        columns: dict[str, Any] = {**CLEAR_CLAIM, "votes": votes, "quorum": quorum}
        if not json_equal(edits, self.edits):
            self.edits, self.revision = edits, self.revision + 1
            columns |= {"edits": edits, "revision": self.revision, "digest": digest_of(self)}
        if rows.filter(in_time(now), free_for(by, now)).update(**columns) != 1:
            raise RequestNotPending(f"Request {self.id}", "approved", self.current_status(now))
        publisher.after_commit(runs=[self.run_id], inbox=True)
        self.refresh_from_db()

    def withdraw_vote(self) -> None:
        """Count one approval less. Raise `RequestNotPending` if the row is not as it was read."""
        now = database_now()
        rows = InputRequest.objects.pending().at_revision(self).filter(in_time(now), votes__gt=0)
        if rows.update(votes=F("votes") - 1) != 1:
            raise RequestNotPending(f"Request {self.id}", "withdrawn", self.current_status(now))
        publisher.after_commit(runs=[self.run_id], inbox=True)
        self.refresh_from_db()

    def withdraw(self, *, by: User, edits: dict[str, Any]) -> None:
        """Answered -> pending, while the answer waits to be delivered. It is not delivered then.

        `edits` are those of the votes that stand. Raise `RequestNotPending` if it is too late, or
        was answered by somebody else; `RunEnded` if the run is over.
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
            publisher.after_commit(runs=[self.run_id], inbox=True)
        self.refresh_from_db()

    def expire(self, now: datetime) -> None:
        """Pending -> expired, and tell the run. Raise `RequestNotPending` if it was not pending."""
        with transaction.atomic():
            self.run.deliver(Delivery.Kind.EXPIRE, {"request_id": self.request_id})
            due = InputRequest.objects.overdue(now).filter(pk=self.pk)
            if due.update(status=self.Status.EXPIRED, **CLEAR_CLAIM) != 1:
                raise RequestNotPending(f"Request {self.id}", "expired", self.current_status(now))
            publisher.after_commit(runs=[self.run_id], inbox=True, wake_worker=True)

    def _delivery_data(
        self, response: Any, *, by: User | None, source: str, edits: Any
    ) -> dict[str, Any]:
        """Return what is delivered to the run."""
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

    def _close(self, touched: int, now: datetime, columns: dict[str, Any]) -> None:
        """Say of a row that it was answered, and of this object; raise if it was not."""
        if touched != 1:
            raise RequestNotPending(f"Request {self.id}", "answered", self.current_status(now))
        for name, value in {**columns, **CLEAR_CLAIM}.items():
            setattr(self, "answered_by_id" if name == "answered_by" else name, value)
        publisher.after_commit(runs=[self.run_id], inbox=True, wake_worker=True)


def _parameter(name: str) -> Parameter:
    """Keep the place of a column's value."""
    field: Any = InputRequest._meta.get_field(name)
    return Parameter(name, field.target_field if field.is_relation else field)


def _still_open() -> InputRequestQuerySet:
    now = Parameter("now", models.DateTimeField())
    return InputRequest.objects.pending().filter(
        in_time(now), pk=Parameter("pk", models.UUIDField())
    )


def _as_seen() -> InputRequestQuerySet:
    """Still open, of the version that was read, and in nobody else's hand."""
    free = free_for(_parameter("answered_by"), Parameter("now", models.DateTimeField()))
    return _still_open().filter(free, revision=_parameter("revision"), votes=_parameter("votes"))


def _columns() -> dict[str, Any]:
    return {**{name: _parameter(name) for name in COLUMNS}, **CLEAR_CLAIM}


ANSWER = PreparedQuery(_still_open, setting=_columns)
ANSWER_IF_UNCHANGED = PreparedQuery(_as_seen, setting=_columns)
