"""Sets of runs: who may see them, starting one, and leasing those that want a worker."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.db import IntegrityError, connection, models, transaction
from django.db.models import F, Q
from django.db.models.fields.json import KT
from django.db.models.functions import Cast, Now

from workflows.engine import StartEvent, Workflow, registry
from workflows.engine.requests.payload_edits import json_equal
from workflows.errors import AuthorMissing, IdempotencyConflict, WrongRepeat
from workflows.models.permissions import Perm, PermissionProfile
from workflows.models.runs.author import RunAuthor, check_user, refuse_authors
from workflows.models.runs.idempotency import check_key
from workflows.models.runs.journal import JournalEntry
from workflows.realtime import publisher
from workflows.sql import lease_runs
from workflows.sql.clock import database_now
from workflows.sql.json_rows import bulk_insert, write_statement
from workflows.sql.lease_runs import LONGEST_LEASE

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

    from workflows.models.runs.run import WorkflowRun

BLOCK_AT = 5  # crash_count after which it is blocked
NONE = Q(pk__in=())
LONG_WAIT = timedelta(hours=1)  # until the next attempt, from which on a run is said to be failing
OFTEN = 3  # attempts in a row that failed, from which on it is said so whenever the next one is


def delivery_update(now: models.Expression) -> dict[str, Any]:
    """Return what changes of a run for which something came: one that waits wants a worker."""
    waits = Q(status="waiting")
    return {
        "delivery_count": F("delivery_count") + 1,
        "wake_at": models.Case(models.When(waits, then=now), default=F("wake_at")),
        "status": models.Case(models.When(waits, then=models.Value("queued")), default=F("status")),
    }


class WorkflowRunQuerySet(models.QuerySet["WorkflowRun"]):
    """Queries over many runs, each one statement."""

    def update(self, **kwargs: Any) -> int:
        """Update; raise `AuthorIsFinal` for the columns that say who started a run."""
        refuse_authors(kwargs)
        return super().update(**kwargs)

    def bulk_create(self, objs: Any, *args: Any, **kwargs: Any) -> list[WorkflowRun]:
        """Insert; raise `AuthorIsFinal` if rows that exist would get another author."""
        refuse_authors(kwargs.get("update_fields") or ())
        return super().bulk_create(objs, *args, **kwargs)

    def visible_to(self, user: User | AnonymousUser | PermissionProfile) -> WorkflowRunQuerySet:
        """Runs that `user` may see: all, or those they started or may see a request of."""
        if user.has_perm(Perm.SEE_ALL_RUNS):
            return self
        if not user.is_authenticated:
            return self.none()
        requests: Any = apps.get_model("workflows", "InputRequest").objects
        asked = requests.visible_to(user).filter(run=models.OuterRef("pk"))
        return self.filter(Q(started_by=user.pk) | models.Exists(asked))

    def start(
        self,
        workflow: str | Workflow,
        input: dict[str, Any] | StartEvent | None = None,
        *,
        by: User | None = None,
        idempotency_key: str | None = None,
        repeats: WorkflowRun | None = None,
    ) -> WorkflowRun:
        """Insert a queued run, within the caller's transaction if there is one.

        `input` is checked against the workflow's start event first. The same `idempotency_key`
        gives the same run; with another input it raises `IdempotencyConflict`. Whoever started
        the run that it `repeats` counts as an author of this one, beside `by`. Raise
        `InvalidIdempotencyKey`, `UnknownWorkflow`, `InvalidInput`, `AuthorMissing` where the
        workflow asks for four eyes and `by` is None, `WrongRepeat`, or TypeError if `by` is no
        user, before anything is written.
        """
        check_key(idempotency_key)
        check_user(by)
        flow = registry.get(workflow) if isinstance(workflow, str) else workflow
        data = flow.check_input(input)
        if by is None and flow.four_eyes:
            raise AuthorMissing(flow.name, flow.four_eyes[0])
        if repeats is not None and repeats.workflow != flow.name:
            raise WrongRepeat(flow.name, repeats.workflow)
        authors = RunAuthor.handed_on(repeats, by) if repeats else []
        now = database_now()
        run = self.model(
            workflow=flow.name, signature=flow.signature, input=data, started_by=by,
            started_by_name=by.get_username() if by else "", is_repeat=bool(authors),
            idempotency_key=idempotency_key, created_at=now, wake_at=now,
        )  # fmt: skip
        try:
            with transaction.atomic() if authors else write_statement():
                bulk_insert(self.model, [run])
                for author in authors:
                    author.run = run
                RunAuthor.objects.bulk_create(authors)
        except IntegrityError:
            if idempotency_key is None:
                raise
            return self._started_before(flow.name, idempotency_key, data)
        publisher.after_commit(runs=[run.pk], wake_worker=True)
        return run

    def _started_before(self, workflow: str, key: str, data: Any) -> WorkflowRun:
        """Return the run of this key; raise `IdempotencyConflict` if its input is another one."""
        earlier = self.get(workflow=workflow, idempotency_key=key)
        if not json_equal(earlier.input, data):
            raise IdempotencyConflict(workflow, key) from None
        return earlier

    def lease(
        self,
        owner: str,
        *,
        limit: int,
        duration: timedelta,
        holding: Collection[Any] = (),
        poison: bool = False,
        excluded: Q | None = None,
    ) -> list[WorkflowRun]:
        """Lease up to `limit` runs that want a worker to `owner` for `duration`, and return them.

        A run whose lease lapsed has perhaps crashed its worker. Its `crash_count` grows, unless
        nothing of it had begun, and from the second crash on only a call with `poison` leases
        it. `excluded` are runs to leave to others. Rows that another worker is leasing are skipped.
        """
        return lease_runs.lease_runs(
            self.model, owner, limit=limit, duration=duration, holding=holding,
            poison=poison, excluded=excluded,
        )  # fmt: skip

    def mark_idle(self, runs: Collection[WorkflowRun]) -> None:
        """Note of those that were recovered that nothing of them has begun here."""
        self._set_idle(runs, idle=True)

    def mark_started(self, runs: Collection[WorkflowRun]) -> None:
        """Note of those that were recovered that something of them begins here."""
        self._set_idle(runs, idle=False)

    def _set_idle(self, runs: Collection[WorkflowRun], *, idle: bool) -> None:
        """Only for recovered runs: for every run it would cost a write for each lease and step."""
        recovered = [run for run in runs if run.crash_count]
        leased = NONE
        for run in recovered:
            leased |= Q(pk=run.pk, fence=run.fence)
        if recovered:
            self.filter(leased, status="running").update(idle_since_recovery=idle)
        for run in recovered:
            run.idle_since_recovery = idle

    def count_delivery(self, now: datetime) -> int:
        """Count up the inbox, and waiting -> queued. Return how many rows were touched."""
        return self.update(**delivery_update(models.Value(now)))

    def leasable(self, now: datetime) -> WorkflowRunQuerySet:
        """Runs that want a worker: queued, due, or left behind by one that is gone.

        A queued run is due whatever the time: it was queued by a clock that may have gone back
        since, as a lease may have been written that would stand for longer than any does.
        """
        due = Q(wake_at__lte=now)
        of_a_wrong_clock = Q(wake_at__gt=now + LONGEST_LEASE)
        waiting = Q(status="waiting") & due  # apart from the running: each has an index
        running = Q(status="running") & (due | of_a_wrong_clock)
        return self.filter(Q(status="queued") | waiting | running, wake_at__isnull=False)

    def renew(self, owner: str, ids: Collection[Any], until: datetime) -> int:
        """Move the end of the leases that `owner` holds; return how many there are."""
        held = self.filter(pk__in=ids, lease_owner=owner)  # nobody has a lease unless it runs
        with transaction.atomic():
            held.lock_in_order()
            return held.update(wake_at=until)

    def lock_in_order(self) -> None:
        """Lock these rows one after another by id, where the database has row locks.

        Two statements that change many of the same rows, each in an order of its own, would
        wait for each other for ever. Whoever changes many at once locks them like this before.
        """
        if connection.features.has_select_for_update:
            list(self.order_by("pk").select_for_update().values_list("pk", flat=True))

    def void_leases(self, now: datetime) -> int:
        """End every lease now, so that the runs can be leased at once.

        For the embedded mode only, where a start proves that the process before it is gone.
        """
        return self.filter(status="running").update(wake_at=now)

    def needing_attention(self) -> WorkflowRunQuerySet:
        """Runs that will not go on unless somebody does something about them."""
        return self.filter(status__in=["failed", "blocked"])

    def failing(self) -> WorkflowRunQuerySet:
        """Runs that wait for another attempt at a step that keeps failing, or not before long.

        The failed attempt is the last entry of a run that waits for nothing else, so the last
        entry alone is looked at.
        """
        failed = JournalEntry.objects.filter(
            run=models.OuterRef("pk"), seq=models.OuterRef("seq"), kind="step_retried"
        )
        # As a number: the column is JSON as text on PostgreSQL, which does not compare it.
        attempt = Cast(KT("data__attempt"), models.IntegerField())
        failed = failed.annotate(attempt=attempt).filter(attempt__gte=OFTEN)
        far = Q(wake_at__gt=Now() + LONG_WAIT)
        return self.filter(far | models.Exists(failed), status="waiting", wake_at__isnull=False)
