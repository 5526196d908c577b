"""One run of a workflow, and the transitions between its states."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, NoReturn

from django.db import models, transaction
from django.db.models import F, Q
from django.urls import reverse

from workflows.errors import HistoryPruned, RunBlocked, RunEnded, WrongState
from workflows.models.fields import OrderedJSONField
from workflows.models.runs.author import Authored
from workflows.models.runs.delivery import Delivery
from workflows.models.runs.journal import JournalEntry
from workflows.models.runs.queryset import WorkflowRunQuerySet, delivery_update
from workflows.realtime import publisher
from workflows.sql.clock import database_now
from workflows.sql.json_rows import bulk_insert
from workflows.sql.prepared import Parameter, PreparedQuery

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class WorkflowRun(Authored):
    """A durable run. The row has its present state; the journal has its history.

    `wake_at` is the time from which a worker may lease the run. It is null if only an answer or a
    person can continue the run. While the run is leased, it is the end of the lease.

    `delivery_count` counts all deliveries. A worker suspends a run only if it has read all of them.
    `fence` is a fencing token: it grows with each lease, so that a worker whose lease ended cannot
    write. `crash_count` counts the workers that crashed while they had the run.
    `idle_since_recovery` is True if nothing of a recovered run has begun yet: if its worker crashes
    then, the run is not the cause. `incompatible_builds` names the builds that could not load the
    run; it is cleared when the run makes progress.
    """

    class Status(models.TextChoices):
        QUEUED = "queued"  # -- start, answer, resume, retry, unblock -> queued
        # -- start, answer, with a lease for the worker of the process -> running
        RUNNING = "running"  # queued, due waiting, running with ended lease -- lease -> running
        WAITING = "waiting"  # running -- only timers or requests are left -> waiting
        PAUSED = "paused"  # queued, waiting, running -- pause -> paused
        BLOCKED = "blocked"  # running, queued -- it does not fit the code -> blocked
        COMPLETED = "completed"  # running -- StopEvent -> completed
        FAILED = "failed"  # running -- a step has no retries left -> failed
        CANCELLED = "cancelled"  # any that has not ended -- cancel -> cancelled

    OPEN: ClassVar = frozenset(
        {Status.QUEUED, Status.RUNNING, Status.WAITING, Status.PAUSED, Status.BLOCKED}
    )
    ACCEPTS_DELIVERIES: ClassVar = OPEN - {Status.BLOCKED}  # these accept deliveries
    ENDED: ClassVar = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    workflow = models.CharField(max_length=100)
    signature = models.CharField(max_length=64, blank=True)
    status = models.CharField(max_length=16, choices=Status.choices, default=Status.QUEUED)
    input = OrderedJSONField()
    result = OrderedJSONField(null=True, blank=True)
    error = OrderedJSONField(null=True, blank=True)  # kind, message, step, traceback
    progress = OrderedJSONField(null=True, blank=True)  # fraction, text; may be lost in a crash
    idempotency_key = models.CharField(max_length=200, null=True, blank=True)  # noqa: DJ001
    seq = models.PositiveBigIntegerField(default=0)
    snapshot_seq = models.PositiveBigIntegerField(default=0)
    delivery_count = models.PositiveBigIntegerField(default=0)
    wake_at = models.DateTimeField(null=True, blank=True)
    lease_owner = models.CharField(max_length=64, blank=True)
    fence = models.PositiveBigIntegerField(default=0)
    crash_count = models.PositiveSmallIntegerField(default=0)
    idle_since_recovery = models.BooleanField(default=False, db_default=False)
    incompatible_builds = models.TextField(blank=True, default="", db_default="")
    created_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True, blank=True)

    was_taken_over: bool = False  # no column: whether the run had a lease of another worker

    objects = WorkflowRunQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["workflow", "idempotency_key"],
                condition=Q(idempotency_key__isnull=False),
                name="run_once_per_key",
            ),
            models.CheckConstraint(
                condition=Q(
                    status__in=["completed", "failed", "cancelled"], finished_at__isnull=False
                )
                | Q(
                    status__in=["queued", "running", "waiting", "paused", "blocked"],
                    finished_at__isnull=True,
                ),
                name="run_finished_iff_ended",
            ),
            models.CheckConstraint(
                condition=(Q(status="running") & ~Q(lease_owner=""))
                | (~Q(status="running") & Q(lease_owner="")),
                name="run_leased_iff_running",
            ),
            models.CheckConstraint(
                condition=Q(status__in=["queued", "running"], wake_at__isnull=False)
                | Q(status="waiting")
                | Q(
                    status__in=["paused", "blocked", "completed", "failed", "cancelled"],
                    wake_at__isnull=True,
                ),
                name="run_wakes_only_if_it_can_move",
            ),
            models.CheckConstraint(
                condition=Q(seq__gte=F("snapshot_seq")), name="run_snapshot_not_ahead"
            ),
        ]
        indexes = [
            # Runs that are ready now or later, in the order in which they are leased.
            models.Index(
                fields=["status", "wake_at"],
                condition=Q(wake_at__isnull=False),
                name="run_wants",
            ),
            models.Index(fields=["-created_at", "-id"], name="run_newest"),
            models.Index(fields=["status", "-created_at", "-id"], name="run_by_status"),
            models.Index(fields=["workflow", "-created_at", "-id"], name="run_by_workflow"),
            models.Index(fields=["started_by", "-created_at", "-id"], name="run_by_author"),
            models.Index(fields=["id"], condition=Q(is_repeat=True), name="run_is_repeat"),
        ]

    def __str__(self) -> str:
        return f"{self.workflow} {str(self.id)[:8]}"

    def get_absolute_url(self) -> str:
        """Return the address of the run's page."""
        return reverse("workflows:run", args=[self.id])

    @property
    def ended(self) -> bool:
        """Return True once the run has completed, failed or been cancelled."""
        return self.status in self.ENDED

    def cancel(self, *, by: User | None = None) -> None:
        """Open -> cancelled, and cancel its requests. Raise `RunEnded` if it has ended.

        `fence` grows, so that a worker that holds the run can no longer write and drops it.
        """
        now = database_now()
        with transaction.atomic():
            self._move(
                self.OPEN, self.Status.CANCELLED, "cancelled", by,
                finished_at=now, wake_at=None, fence=F("fence") + 1,
            )  # fmt: skip
            self.requests.filter(status="pending").update(status="cancelled")
            self._publish()

    def pause(self, *, by: User | None = None) -> None:
        """Queued, waiting -> paused at once. A running run pauses when its steps have ended.

        Raise `WrongState` if it is paused or blocked, `RunEnded` if it has ended.
        """
        with transaction.atomic():
            if self._send_to_holder(Delivery.Kind.PAUSE, by):
                return
            self._move(
                {self.Status.QUEUED, self.Status.WAITING}, self.Status.PAUSED, "paused", by,
                wake_at=None,
            )  # fmt: skip
            self._publish()

    def resume(self, *, by: User | None = None) -> None:
        """Paused -> queued. For a running run, revoke a pause that its worker has not applied yet.

        Raise `WrongState` if it is not paused, `RunEnded` if it has ended.
        """
        with transaction.atomic():
            if self._send_to_holder(Delivery.Kind.RESUME, by):
                return
            self._move(
                {self.Status.PAUSED}, self.Status.QUEUED, "resumed", by, wake_at=database_now()
            )
            self._publish(wake_worker=True)

    def retry(self, *, by: User | None = None) -> None:
        """Failed or blocked -> queued: continue from the step that failed, with all its retries.

        The requests that were closed by the failure open again with the same ids and as much time
        to answer as they had at first. Raise `WrongState` from any other state, `HistoryPruned` if
        the history that it would continue from was deleted.
        """
        now = database_now()
        blocked = WorkflowRun.objects.filter(pk=self.pk, status=self.Status.BLOCKED).exists()
        with transaction.atomic():
            self._move(
                {self.Status.BLOCKED if blocked else self.Status.FAILED},
                self.Status.QUEUED, "retried", by, kind="unblocked" if blocked else "reopened",
                finished_at=None, error=None, wake_at=now, crash_count=0, incompatible_builds="",
            )  # fmt: skip
            reopened: list[uuid.UUID] = []
            if not blocked:
                self._check_history()
                reopened = self.requests.reopen(now)
            self._publish(wake_worker=True, added=reopened)

    def deliver(self, kind: Delivery.Kind, data: dict[str, Any]) -> None:
        """Insert a delivery of `data` to the run, inside the caller's transaction.

        Lock the row of the run first, as all other code does. Raise `RunEnded` or `RunBlocked`.
        """
        now = database_now()
        if NOTIFY_RUN.run(pk=self.pk, now=now) != 1:
            self.raise_not_deliverable()
        bulk_insert(Delivery, [Delivery(run=self, kind=kind, data=data, created_at=now)])

    def raise_not_deliverable(self) -> NoReturn:
        """Raise the error that says why the run accepts no deliveries."""
        self.refresh_from_db()
        error = RunBlocked if self.status == self.Status.BLOCKED else RunEnded
        raise error(f"Run {self.id} of {self.workflow!r}", "given an answer", self.status)

    def lock_open(self) -> None:
        """Lock the row, inside the caller's transaction; raise `RunEnded` if the run has ended."""
        open_ = WorkflowRun.objects.filter(pk=self.pk, status__in=self.OPEN)
        if open_.update(delivery_count=F("delivery_count")) != 1:
            self.refresh_from_db()
            raise RunEnded(f"Run {self.id} of {self.workflow!r}", "changed", self.status)

    def _send_to_holder(self, kind: Delivery.Kind, by: User | None) -> bool:
        """Send a command to the worker that holds the run; False if none does."""
        held = WorkflowRun.objects.filter(pk=self.pk, status=self.Status.RUNNING)
        if held.update(delivery_count=F("delivery_count") + 1) != 1:
            return False
        Delivery.objects.create(run=self, kind=kind, data={"by": by.get_username() if by else ""})
        self._publish(wake_worker=True)
        return True

    def _move(
        self,
        sources: frozenset[Any] | set[Any],
        target: Status,
        action: str,
        by: User | None,
        *,
        kind: str = "",
        **columns: Any,
    ) -> None:
        """Change the state by one UPDATE that names the from-states, and add a journal entry."""
        touched = WorkflowRun.objects.filter(pk=self.pk, status__in=sources).update(
            status=target, lease_owner="", seq=F("seq") + 1, **columns
        )
        self.refresh_from_db()
        if touched != 1:
            error = RunEnded if self.ended else WrongState
            raise error(f"Run {self.id} of {self.workflow!r}", action, self.status)
        JournalEntry.objects.create(
            run=self,
            seq=self.seq,
            kind=kind or action,
            data={"by": by.get_username() if by else ""},
            at=database_now(),
        )

    def _check_history(self) -> None:
        """Raise `HistoryPruned` if the entry before the last one was deleted."""
        if self.seq > 1 and not self.journal.filter(seq=self.seq - 1).exists():
            raise HistoryPruned(f"Run {self.id} of {self.workflow!r}", "retried", "failed")

    def _publish(self, *, wake_worker: bool = False, added: Sequence[uuid.UUID] = ()) -> None:
        publisher.after_commit(
            runs=[self.pk], requests_of=[self.pk], added=added, wake_worker=wake_worker
        )


def _accepting() -> WorkflowRunQuerySet:
    pk = Parameter("pk", models.UUIDField())
    return WorkflowRun.objects.filter(pk=pk, status__in=WorkflowRun.ACCEPTS_DELIVERIES)


NOTIFY_RUN = PreparedQuery(
    _accepting, setting=lambda: delivery_update(Parameter("now", models.DateTimeField()))
)
LOCK_RUN = PreparedQuery(_accepting, setting=lambda: {"delivery_count": F("delivery_count")})
"""NOTIFY_RUN counts a delivery of a run. LOCK_RUN only locks the run, for a delayed delivery."""
