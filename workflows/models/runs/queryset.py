"""Queries over runs: which a person may see, starting a run, and leasing runs that are ready."""

from __future__ import annotations

from collections.abc import Collection
from copy import copy
from datetime import datetime, timedelta
from functools import partial
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
from workflows.models.runs.hand_over import lease_new
from workflows.models.runs.idempotency import check_key
from workflows.models.runs.journal import JournalEntry
from workflows.realtime import publisher
from workflows.realtime.lease_offer import offer_lease
from workflows.sql import lease_runs
from workflows.sql.clock import database_now
from workflows.sql.json_rows import bulk_insert, write_statement
from workflows.sql.lease_runs import MAX_LEASE

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User

    from workflows.models.requests.audience import Viewer
    from workflows.models.runs.run import WorkflowRun

BLOCK_AT = 5  # crash_count after which it is blocked
NONE = Q(pk__in=())
LONG_WAIT = timedelta(hours=1)  # a run is failing if its next attempt is later than this
MANY_FAILURES = 3  # a run is failing if this many attempts in a row failed


def delivery_update(now: models.Expression) -> dict[str, Any]:
    """Return the columns to set when a run gets a delivery: a waiting run becomes queued."""
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
        """Insert; raise `AuthorIsFinal` if existing rows would get another author."""
        refuse_authors(kwargs.get("update_fields") or ())
        return super().bulk_create(objs, *args, **kwargs)

    def visible_to(
        self, user: User | AnonymousUser | PermissionProfile | Viewer
    ) -> WorkflowRunQuerySet:
        """Runs that `user` may see: all, or those they started or of which they see a request."""
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

        Outside a transaction, the run is leased at once to the worker of this process, if that has
        capacity for it. `input` is checked against the workflow's start event first. The same
        `idempotency_key` returns the same run; with another input it raises `IdempotencyConflict`.
        The authors of the run that it `repeats` are authors of this one, too, beside `by`.

        Raise `InvalidIdempotencyKey`, `UnknownWorkflow`, `InvalidInput`, `AuthorMissing` if the
        workflow needs four eyes and `by` is None, `WrongRepeat`, or TypeError if `by` is no user.
        Then nothing was written.
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
        # Within another transaction, later statements may still change the run.
        offer = None if connection.in_atomic_block else offer_lease(flow.name)
        now = offer.now() if offer else database_now()
        run = self.model(
            workflow=flow.name, signature=flow.signature, input=data, started_by=by,
            started_by_name=by.get_username() if by else "", is_repeat=bool(authors),
            idempotency_key=idempotency_key, created_at=now, wake_at=now,
        )  # fmt: skip
        if offer is not None:
            lease_new(run, offer, now)
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
        hand_over = partial(offer.take, run.pk, copy(run)) if offer else None
        publisher.after_commit(runs=[run.pk], wake_worker=offer is None, hand_over=hand_over)
        return run

    def _started_before(self, workflow: str, key: str, data: Any) -> WorkflowRun:
        """Return the run of this key; raise `IdempotencyConflict` if its input differs."""
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
        """Lease up to `limit` runs that are ready to `owner` for `duration`, and return them.

        A run whose lease ended may have crashed its worker. Its `crash_count` grows, unless nothing
        of it had begun. From the second crash on it is leased only with `poison`. Runs in
        `excluded` are not leased. Rows that another worker is leasing at the moment are skipped.
        """
        return lease_runs.lease_runs(
            self.model, owner, limit=limit, duration=duration, holding=holding,
            poison=poison, excluded=excluded,
        )  # fmt: skip

    def mark_idle(self, runs: Collection[WorkflowRun]) -> None:
        """Store for recovered runs that nothing of them has begun on this worker."""
        self._set_idle(runs, idle=True)

    def mark_started(self, runs: Collection[WorkflowRun]) -> None:
        """Store for recovered runs that a step or handler of them begins on this worker."""
        self._set_idle(runs, idle=False)

    def _set_idle(self, runs: Collection[WorkflowRun], *, idle: bool) -> None:
        """Set the column of recovered runs only: for all runs it would be a write for each step."""
        recovered = [run for run in runs if run.crash_count]
        leased = NONE
        for run in recovered:
            leased |= Q(pk=run.pk, fence=run.fence)
        if recovered:
            self.filter(leased, status="running").update(idle_since_recovery=idle)
        for run in recovered:
            run.idle_since_recovery = idle

    def count_delivery(self, now: datetime) -> int:
        """Increment `delivery_count`, and waiting -> queued. Return the number of changed rows."""
        return self.update(**delivery_update(models.Value(now)))

    def leasable(self, now: datetime) -> WorkflowRunQuerySet:
        """Runs that are ready for a worker: queued, due, or running with a lease that has ended.

        A queued run is due at any time, because the clock may have been set back since it was
        queued. For the same reason a lease that ends too far in the future counts as ended.
        """
        due = Q(wake_at__lte=now)
        of_a_wrong_clock = Q(wake_at__gt=now + MAX_LEASE)
        waiting = Q(status="waiting") & due  # each condition has an index
        running = Q(status="running") & (due | of_a_wrong_clock)
        return self.filter(Q(status="queued") | waiting | running, wake_at__isnull=False)

    def renew(self, owner: str, ids: Collection[Any], until: datetime) -> int:
        """Move the end of the leases that `owner` holds; return the number of these leases."""
        held = self.filter(pk__in=ids, lease_owner=owner)  # only running runs have a lease
        with transaction.atomic():
            held.lock_in_order()
            return held.update(wake_at=until)

    def lock_in_order(self) -> None:
        """Lock these rows in the order of their ids, if the database has row locks.

        Two statements that lock the same rows in different orders would deadlock. So every
        statement that changes many runs calls this first.
        """
        if connection.features.has_select_for_update:
            list(self.order_by("pk").select_for_update().values_list("pk", flat=True))

    def void_leases(self, now: datetime) -> int:
        """End all leases, so that the runs can be leased at once.

        Only for the embedded mode: when its process starts, the process before it has ended.
        """
        return self.filter(status="running").update(wake_at=now)

    def needing_attention(self) -> WorkflowRunQuerySet:
        """Runs that do not continue without a person."""
        return self.filter(status__in=["failed", "blocked"])

    def failing(self) -> WorkflowRunQuerySet:
        """Runs whose step keeps failing, or whose next attempt is more than an hour away.

        If a run waits only for its next attempt, the failed attempt is its last journal entry. So
        only the last entry is read.
        """
        failed = JournalEntry.objects.filter(
            run=models.OuterRef("pk"), seq=models.OuterRef("seq"), kind="step_retried"
        )
        # Cast to a number, because PostgreSQL cannot compare a column of type `json`.
        attempt = Cast(KT("data__attempt"), models.IntegerField())
        failed = failed.annotate(attempt=attempt).filter(attempt__gte=MANY_FAILURES)
        far = Q(wake_at__gt=Now() + LONG_WAIT)
        return self.filter(far | models.Exists(failed), status="waiting", wake_at__isnull=False)
