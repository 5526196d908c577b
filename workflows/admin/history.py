"""Journal, snapshots, deliveries and workers: what happened, and who was there."""

from __future__ import annotations

from django.contrib import admin
from django.utils import timezone

from workflows.admin.column import json_of, link_to
from workflows.admin.filter import KindFilter
from workflows.admin.ledger import LedgerAdmin
from workflows.context import WORKER_SILENCE
from workflows.models import Delivery, JournalEntry, Snapshot, Worker


@admin.register(JournalEntry)
class JournalEntryAdmin(LedgerAdmin):
    """One page per transition. A run's journal is reached from the run, newest first."""

    list_display = ("__str__", link_to("run"), "seq", "kind", "step", "at", "duration")
    list_filter = (KindFilter, "at")
    list_select_related = ("run",)
    list_defer = ("data", "run__input", "run__result", "run__error", "run__progress")
    search_fields = ("step",)
    search_help_text = "The id of a run, or part of a step's name."
    uuid_lookups = ("run",)
    ordering = ("-id",)
    fields = ("run", "seq", "kind", "step", json_of("data"), "at", "duration")
    readonly_fields = fields


@admin.register(Snapshot)
class SnapshotAdmin(LedgerAdmin):
    """One page per point that a run can be rebuilt from."""

    list_display = ("__str__", link_to("run"), "seq", "format", "created_at")
    list_filter = ("created_at",)
    list_select_related = ("run",)
    list_defer = ("data", "run__input", "run__result", "run__error", "run__progress")
    search_fields = ("run__workflow",)
    search_help_text = "The id of a run, or part of a workflow's name."
    uuid_lookups = ("run",)
    ordering = ("-id",)
    fields = ("run", "seq", "format", "created_at", json_of("data"))
    readonly_fields = fields


@admin.register(Delivery)
class DeliveryAdmin(LedgerAdmin):
    """One page per answer or command on its way to a run, or applied by it."""

    list_display = ("__str__", link_to("run"), "kind", "created_at", "applied_seq")
    list_filter = ("kind", ("applied_seq", admin.EmptyFieldListFilter), "created_at")
    list_select_related = ("run",)
    list_defer = ("data", "run__input", "run__result", "run__error", "run__progress")
    search_fields = ("run__workflow",)
    search_help_text = "The id of a run, or part of a workflow's name."
    uuid_lookups = ("run",)
    ordering = ("-id",)
    fields = ("run", "kind", json_of("data"), "created_at", "applied_seq")
    readonly_fields = fields


@admin.register(Worker)
class WorkerAdmin(LedgerAdmin):
    """The processes that drive runs, those that are gone included."""

    list_display = ("id", "started_at", "seen_at", "is_alive")
    list_filter = ("seen_at",)
    search_fields = ("id",)
    ordering = ("-seen_at",)
    fields = ("id", "started_at", "seen_at", "is_alive")
    readonly_fields = fields

    @admin.display(boolean=True, description="seen lately")
    def is_alive(self, worker: Worker) -> bool:
        """Say whether the worker was seen within the last half minute."""
        return timezone.now() - worker.seen_at <= WORKER_SILENCE
