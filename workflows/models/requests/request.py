"""A durable `InputRequestEvent`: a question to people, and its answer."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, NamedTuple

from django.conf import settings
from django.db import models, transaction
from django.db.models import F, Q
from django.urls import reverse

from workflows.engine.requests.payload_edits import lay_over, same
from workflows.errors import RequestClosed
from workflows.models.choices import Priority
from workflows.models.fields import FoldedField, OrderedJSONField
from workflows.models.requests.answers import CLOSE, CLOSE_AS_SEEN, FREE
from workflows.models.requests.claims import Claimable
from workflows.models.requests.deadlines import EMPTY_DICT, EMPTY_LIST, OnDeadline, Timed
from workflows.models.requests.digest import digest_of
from workflows.models.requests.indexes import INDEXES
from workflows.models.requests.queryset import InputRequestQuerySet, free_for, in_time
from workflows.models.runs.journal import Delivery
from workflows.models.runs.run import HEAR, HOLD, WorkflowRun
from workflows.realtime import publisher
from workflows.sql.chained import Turn, addition, in_turn
from workflows.sql.clock import database_now
from workflows.text.markdown import first_line
from workflows.text.search_text import fold, fold_tags

if TYPE_CHECKING:
    from django.contrib.auth.models import User

AT_ONCE = timedelta(0)


class Asked(NamedTuple):
    """Whom a request that is not stored yet was asked of, and by which workflow."""

    workflow: str
    names: tuple[str, ...]


class InputRequest(Claimable, Timed):
    """One question of a run. `id` stands in every address; `request_id` is the engine's name.

    `schema` is the JSON Schema of a typed reply, null for a bare request, whose `allow` says
    which of approve, reject and reply it takes. `schema_digest` is the digest of the schema, empty
    in rows of older code.  `door` says which side the answer came through;
    `answered_by` is null where the system answered.

    `revision` counts the versions of what is shown, and `digest` is that of the present one.
    `votes` counts the approvals of the present version that came before the final one. `edits`
    are what reviewers changed so far, and after the answer what was effective.
    `editable_types` says which editable keys were decimals or dates, which are texts in JSON.
    `workflow` repeats the run's, which never changes, so that the requests of one workflow are
    found by an index.
    """

    class Status(models.TextChoices):
        # -- asked -> pending; cancelled, expired -- run retried -> pending;
        # answered -- undone before it was delivered -> pending
        PENDING = "pending"
        ANSWERED = "answered"  # pending -- answer, or the deadline's default -> answered
        EXPIRED = "expired"  # pending -- deadline passed -> expired
        CANCELLED = "cancelled"  # pending -- its run ended -> cancelled

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request_id = models.CharField(max_length=200)
    run = models.ForeignKey(  # `request_once_per_run` begins with it
        WorkflowRun, models.CASCADE, related_name="requests", db_index=False
    )
    workflow = models.CharField(max_length=100, default="", db_default="")
    event = models.CharField(max_length=200)
    step = models.CharField(max_length=200)
    prompt = models.TextField()
    payload = OrderedJSONField(null=True)
    schema = OrderedJSONField(null=True)
    schema_digest = models.CharField(max_length=64, blank=True, default="", db_default="")
    allow = OrderedJSONField(default=list)
    if_approved = models.CharField(max_length=300, blank=True, default="", db_default="")
    editable = OrderedJSONField(default=list, db_default=EMPTY_LIST, blank=True)
    editable_types = OrderedJSONField(default=dict, db_default=EMPTY_DICT, blank=True)
    edits = OrderedJSONField(default=dict, db_default=EMPTY_DICT, blank=True)
    revision = models.PositiveIntegerField(default=1, db_default=1)
    digest = models.CharField(max_length=64, blank=True, default="", db_default="")
    priority = models.PositiveSmallIntegerField(
        choices=Priority.choices, default=Priority.NORMAL, db_default=Priority.NORMAL
    )
    tags = OrderedJSONField(default=list, db_default=EMPTY_LIST, blank=True)
    search_text = FoldedField(of="prompt", by=fold)
    search_tags = FoldedField(of="tags", by=fold_tags)
    assigned = models.BooleanField(default=False, db_default=False)
    four_eyes = models.BooleanField(default=False)
    quorum = models.PositiveSmallIntegerField(default=1, db_default=1)
    votes = models.PositiveSmallIntegerField(default=0, db_default=0)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PENDING)
    response = OrderedJSONField(null=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+",
        db_index=False,
    )  # fmt: skip
    door = models.CharField(max_length=32, blank=True)
    undo_until = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    objects = InputRequestQuerySet.as_manager()
    asked = Asked("", ())  # not a column: for whoever stores a new request

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(fields=["run", "request_id"], name="request_once_per_run"),
            models.CheckConstraint(
                condition=(Q(status="answered", answered_at__isnull=False) & ~Q(door=""))
                | (
                    ~Q(status="answered")
                    & Q(answered_at__isnull=True, answered_by__isnull=True, door="")
                ),
                name="request_answered_iff_it_says_how",
            ),
            models.CheckConstraint(
                condition=Q(quorum__gte=1, votes__lt=F("quorum")), name="request_votes_below_quorum"
            ),
        ]
        indexes = INDEXES

    def __str__(self) -> str:
        return first_line(self.prompt)[:80] or str(self.id)

    def get_absolute_url(self) -> str:
        """Return the address that the request keeps for good."""
        return reverse("approvals:request", args=[self.id])

    @property
    def is_pending(self) -> bool:
        """Return True while the request waits for an answer."""
        return self.status == self.Status.PENDING

    @property
    def effective_payload(self) -> Any:
        """The payload with what reviewers have changed so far."""
        return lay_over(self.payload, self.edits)

    @property
    def version(self) -> str:
        """The digest of what is shown now. Rows of older code have none written down."""
        return self.digest or digest_of(self)

    def answer(
        self,
        response: Any,
        *,
        by: User | None,
        door: str,
        edits: dict[str, Any] | None = None,
        undo: timedelta = AT_ONCE,
        along: Callable[[datetime], Sequence[Turn]] = lambda now: (),
    ) -> None:
        """Pending -> answered, and the answer on its way to the run, in one transaction.

        `response` has been validated and is the normalised JSON; `edits` are all changes to the
        payload that were effective. `by` None is the system; a person's answer counts only for
        the version that was read, and while nobody else holds it. The run hears of it after
        `undo`. What `along` gives for the moment of the answer is stored with it.

        Raise `RequestClosed` if it is not pending or its deadline has passed, `RunEnded` or
        `RunBlocked` if the run takes no answers; then nothing changed, and a transaction around
        this has to end, too.
        """
        with transaction.atomic(savepoint=False):
            now = database_now()
            until = now + undo if undo else None
            data = self._said(response, by=by, door=door, edits=edits)
            kind = Delivery.Kind.ANSWER
            sent = Delivery(
                run_id=self.run_id, kind=kind, data=data, created_at=now, not_before=until
            )
            columns = self._answered(now, response, by, door, edits, until)
            seen = {"pk": self.pk, "now": now, "revision": self.revision, "votes": self.votes}
            heard, closed, *_ = in_turn(
                (HOLD if undo else HEAR).turn(pk=self.run_id, now=now),
                (CLOSE if by is None else CLOSE_AS_SEEN).turn(**seen, **columns),
                addition(sent),
                *along(now),
            )
            if not heard:
                self.run.refuse_delivery()
            self._close(closed, now, columns)

    def answer_by_default(self, now: datetime) -> None:
        """Pending -> answered by the system, once the deadline has passed. Raise as `answer`."""
        rows = InputRequest.objects.filter(pk=self.pk, on_deadline=OnDeadline.DEFAULT)
        with transaction.atomic():
            data = self._said(self.default_response, by=None, door="deadline", edits=None)
            self.run.take_delivery(Delivery.Kind.ANSWER, data)
            columns = self._answered(now, self.default_response, None, "deadline", None, None)
            self._close(rows.overdue(now).update(**columns, **FREE), now, columns)

    def vote(self, *, by: User, edits: dict[str, Any], votes: int, quorum: int) -> None:
        """Count one approval of several: the `votes`-th of `quorum` that are needed now.

        Edits that are new make another version, whose votes begin anew. Raise `RequestClosed` if
        it is not as it was read.
        """
        now = database_now()
        rows = InputRequest.objects.pending().at_revision(self)
        columns: dict[str, Any] = {**FREE, "votes": votes, "quorum": quorum}
        if not same(edits, self.edits):
            self.edits, self.revision = edits, self.revision + 1
            columns |= {"edits": edits, "revision": self.revision, "digest": digest_of(self)}
        if rows.filter(in_time(now), free_for(by, now)).update(**columns) != 1:
            raise RequestClosed(f"Request {self.id}", "approved", self.current_status(now))
        publisher.after_commit(runs=[self.run_id], inbox=True)
        self.refresh_from_db()

    def retract(self) -> None:
        """Count one approval of several less. Raise `RequestClosed` if it is not as it was read."""
        now = database_now()
        rows = InputRequest.objects.pending().at_revision(self).filter(in_time(now), votes__gt=0)
        if rows.update(votes=F("votes") - 1) != 1:
            raise RequestClosed(f"Request {self.id}", "withdrawn", self.current_status(now))
        publisher.after_commit(runs=[self.run_id], inbox=True)
        self.refresh_from_db()

    def withdraw(self, *, by: User, edits: dict[str, Any]) -> None:
        """Answered -> pending, while the answer waits to be delivered. It is not delivered then.

        `edits` are those of the votes that stand. Raise `RequestClosed` if it is too late, or
        was answered by somebody else; `RunEnded` if the run is over.
        """
        with transaction.atomic():
            self.run.lock_open()
            now = database_now()
            answered = InputRequest.objects.filter(
                pk=self.pk, status=self.Status.ANSWERED, answered_by=by, undo_until__gt=now
            )
            touched = answered.update(
                status=self.Status.PENDING, response=None, answered_by=None, door="",
                answered_at=None, undo_until=None, edits=edits,
            )  # fmt: skip
            if touched != 1 or not Delivery.take_back(self.run_id, self.request_id, now):
                raise RequestClosed(f"Request {self.id}", "undone", self.current_status(now))
            publisher.after_commit(runs=[self.run_id], inbox=True)
        self.refresh_from_db()

    def expire(self, now: datetime) -> None:
        """Pending -> expired, and word of it to the run. Raise `RequestClosed` if it was not."""
        with transaction.atomic():
            self.run.take_delivery(Delivery.Kind.EXPIRE, {"request_id": self.request_id})
            due = InputRequest.objects.overdue(now).filter(pk=self.pk)
            if due.update(status=self.Status.EXPIRED, **FREE) != 1:
                raise RequestClosed(f"Request {self.id}", "expired", self.current_status(now))
            publisher.after_commit(runs=[self.run_id], inbox=True, bell=True)

    def current_status(self, now: datetime) -> str:
        """Return the status in the database, `expired` as soon as the deadline has passed."""
        self.refresh_from_db(
            fields=[
                "status",
                "deadline",
                "on_deadline",
                "overdue_at",
                "answered_by",
                "door",
                "answered_at",
            ]  # fmt: skip
        )
        return self.Status.EXPIRED if self.is_pending and self.is_late(now) else self.status

    def _said(self, response: Any, *, by: User | None, door: str, edits: Any) -> dict[str, Any]:
        """Return what the run hears."""
        data = {
            "request_id": self.request_id,
            "response": response,
            "by": by.get_username() if by else "",
            "door": door,
        }
        return data | ({"edits": edits} if edits else {})

    def _answered(
        self, now: datetime, response: Any, by: User | None, door: str, edits: Any,
        until: datetime | None,
    ) -> dict[str, Any]:  # fmt: skip
        """Return the columns of an answer."""
        return {
            "status": self.Status.ANSWERED, "response": response, "answered_by": by and by.pk,
            "door": door, "answered_at": now, "edits": edits or {}, "undo_until": until,
        }  # fmt: skip

    def _close(self, touched: int, now: datetime, columns: dict[str, Any]) -> None:
        """Say of a row that it was answered, and of this object; raise if it was not."""
        if touched != 1:
            raise RequestClosed(f"Request {self.id}", "answered", self.current_status(now))
        for name, value in {**columns, **FREE}.items():
            setattr(self, "answered_by_id" if name == "answered_by" else name, value)
        publisher.after_commit(runs=[self.run_id], inbox=True, bell=True)
