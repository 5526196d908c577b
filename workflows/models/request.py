"""A durable `InputRequestEvent`: a question to a person, and its answer."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse

from workflows import announce
from workflows.errors import RequestClosed
from workflows.models.clock import database_now
from workflows.models.fields import OrderedJSONField
from workflows.models.history import Delivery
from workflows.models.run import WorkflowRun

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


class InputRequestQuerySet(models.QuerySet["InputRequest"]):
    """Queries over many requests."""

    def visible_to(self, user: User | AnonymousUser) -> InputRequestQuerySet:
        """Requests that `user` may know of: all, or those that anybody who decides may take."""
        if user.has_perm("workflows.view_inputrequest"):
            return self
        if user.has_perm("approvals.add_decision"):
            return self
        return self.none()

    def pending(self) -> InputRequestQuerySet:
        """Requests that wait for an answer."""
        return self.filter(status=InputRequest.Status.PENDING)

    def unanswerable(self) -> InputRequestQuerySet:
        """Pending requests that nobody active may answer, four eyes considered.

        They wait for ever unless somebody is let in, or their run is cancelled.
        """
        deciders = get_user_model().objects.with_perm(
            "approvals.add_decision", backend="django.contrib.auth.backends.ModelBackend"
        )
        others = deciders.exclude(pk=models.OuterRef("run__started_by"))
        own = Q(four_eyes=True, run__started_by__isnull=False)
        return self.pending().filter(
            ~models.Exists(deciders) | (own & ~models.Exists(others)),
        )

    def overdue(self, now: datetime) -> InputRequestQuerySet:
        """Pending requests whose deadline has passed."""
        return self.pending().filter(deadline__lte=now)

    def reopen(self, now: datetime) -> None:
        """Cancelled, expired -> pending, for the requests of a failed run that is retried."""
        closed = self.filter(status__in=["cancelled", "expired"])
        for request in closed.filter(deadline__isnull=False):
            given = request.deadline - request.created_at  # type: ignore[operator]
            closed.filter(pk=request.pk).update(deadline=now + given)
        closed.update(status=InputRequest.Status.PENDING)


class InputRequest(models.Model):
    """One question of a run. `id` stands in every address; `request_id` is the engine's name.

    `schema` is the JSON Schema of a typed reply, null for a bare request, whose `allow` says
    which of approve, reject and reply it takes. `door` says which side the answer came through;
    `answered_by` is null where the system answered.
    """

    class Status(models.TextChoices):
        PENDING = "pending"  # -- asked -> pending; cancelled, expired -- run retried -> pending
        ANSWERED = "answered"  # pending -- answer -> answered
        EXPIRED = "expired"  # pending -- deadline passed -> expired
        CANCELLED = "cancelled"  # pending -- its run ended -> cancelled

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    request_id = models.CharField(max_length=200)
    run = models.ForeignKey(WorkflowRun, models.CASCADE, related_name="requests")
    event = models.CharField(max_length=200)
    step = models.CharField(max_length=200)
    prompt = models.TextField()
    payload = OrderedJSONField(null=True)
    schema = OrderedJSONField(null=True)
    allow = OrderedJSONField(default=list)
    four_eyes = models.BooleanField(default=False)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.PENDING)
    response = OrderedJSONField(null=True)
    answered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.SET_NULL, null=True, blank=True, related_name="+"
    )
    door = models.CharField(max_length=32, blank=True)
    deadline = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField()
    answered_at = models.DateTimeField(null=True, blank=True)

    objects = InputRequestQuerySet.as_manager()

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
        ]
        indexes = [
            models.Index(fields=["status", "created_at", "id"], name="request_oldest"),
            models.Index(fields=["status", "-answered_at", "-id"], name="request_last_answered"),
            models.Index(
                fields=["deadline"], condition=Q(status="pending"), name="request_deadline"
            ),
        ]

    def __str__(self) -> str:
        return self.prompt[:80] or str(self.id)

    def get_absolute_url(self) -> str:
        """Return the address that the request keeps for good."""
        return reverse("approvals:request", args=[self.id])

    @property
    def is_pending(self) -> bool:
        """Return True while the request waits for an answer."""
        return self.status == self.Status.PENDING

    def answer(self, response: Any, *, by: User | None, door: str) -> None:
        """Pending -> answered, and the answer on its way to the run, in one transaction.

        `response` has been validated and is the normalised JSON. `by` None is the system. Raise
        `RequestClosed` if it is not pending or its deadline has passed, `RunEnded` or
        `RunBlocked` if the run takes no answers; then nothing changed.
        """
        with transaction.atomic():
            self.run.take_delivery(
                Delivery.Kind.ANSWER,
                {
                    "request_id": self.request_id,
                    "response": response,
                    "by": by.get_username() if by else "",
                    "door": door,
                },
            )
            now = database_now()
            in_time = Q(deadline__isnull=True) | Q(deadline__gt=now)
            still_open = InputRequest.objects.pending().filter(in_time, pk=self.pk)
            columns = {"response": response, "answered_by": by, "door": door, "answered_at": now}
            touched = still_open.update(status=self.Status.ANSWERED, **columns)
            if touched != 1:
                raise RequestClosed(f"Request {self.id}", "answered", self.current_status(now))
            announce.after_commit(runs=[self.run_id], inbox=True, bell=True)
        self.refresh_from_db()

    def expire(self, now: datetime) -> None:
        """Pending -> expired, and word of it to the run. Raise `RequestClosed` if it was not."""
        with transaction.atomic():
            self.run.take_delivery(Delivery.Kind.EXPIRE, {"request_id": self.request_id})
            due = InputRequest.objects.overdue(now).filter(pk=self.pk)
            if due.update(status=self.Status.EXPIRED) != 1:
                raise RequestClosed(f"Request {self.id}", "expired", self.current_status(now))
            announce.after_commit(runs=[self.run_id], inbox=True, bell=True)

    def current_status(self, now: datetime) -> str:
        """Return the status in the database, `expired` as soon as the deadline has passed."""
        self.refresh_from_db(fields=["status", "deadline", "answered_by", "door", "answered_at"])
        late = self.is_pending and self.deadline is not None and self.deadline <= now
        return self.Status.EXPIRED if late else self.status
