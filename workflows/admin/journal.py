"""The admin's pages of journal entries, snapshots, deliveries and workers."""

from __future__ import annotations

from django.contrib import admin

from workflows.admin.columns import json_of, link_to
from workflows.admin.filters import KindFilter
from workflows.admin.read_only import ReadOnlyAdmin
from workflows.models import Delivery, JournalEntry, Snapshot, WorkerHeartbeat, database_now
from workflows.web.context_processors import WORKER_SILENCE


@admin.register(JournalEntry)
class JournalEntryAdmin(ReadOnlyAdmin):
    """Journal entries. The page of a run links to its journal, newest first."""

    list_display = ("headline", link_to("run"), "step", "at", "worked")
    list_filter = (KindFilter, "at")
    list_select_related = ("run",)
    list_defer = ("data", "run__input", "run__result", "run__error", "run__progress")
    search_fields = ("step",)
    search_help_text = "The id of a run, or part of a step's name."
    uuid_lookups = ("run",)
    ordering = ("-id",)
    page_fields = ("run", "seq", "kind", "step", json_of("data"), "at", "worked")

    @admin.display(description="entry")
    def headline(self, entry: JournalEntry) -> str:
        """Return the number of the entry, and its kind."""
        return f"#{entry.seq} {entry.kind.replace('_', ' ')}"

    @admin.display(description="worked")
    def worked(self, entry: JournalEntry) -> str:
        """Return the duration of the step."""
        return "-" if entry.duration is None else f"{entry.duration:.3f} s"


@admin.register(Snapshot)
class SnapshotAdmin(ReadOnlyAdmin):
    """Snapshots of runs."""

    list_display = ("seq", link_to("run"), "format", "created_at")
    list_filter = ("created_at",)
    list_select_related = ("run",)
    list_defer = ("data", "run__input", "run__result", "run__error", "run__progress")
    search_fields = ("run__workflow",)
    search_help_text = "The id of a run, or part of a workflow's name."
    uuid_lookups = ("run",)
    ordering = ("-id",)
    page_fields = ("run", "seq", "format", "created_at", json_of("data"))


@admin.register(Delivery)
class DeliveryAdmin(ReadOnlyAdmin):
    """Deliveries: answers and commands for runs, pending or applied."""

    list_display = ("kind", link_to("run"), "created_at", "applied_seq")
    list_filter = ("kind", ("applied_seq", admin.EmptyFieldListFilter), "created_at")
    list_select_related = ("run",)
    list_defer = ("data", "run__input", "run__result", "run__error", "run__progress")
    search_fields = ("run__workflow",)
    search_help_text = "The id of a run, or part of a workflow's name."
    uuid_lookups = ("run",)
    ordering = ("-id",)
    page_fields = ("run", "kind", json_of("data"), "created_at", "not_before", "applied_seq")


@admin.register(WorkerHeartbeat)
class WorkerAdmin(ReadOnlyAdmin):
    """Workers, also those that have ended."""

    shows_requests = False
    list_display = ("id", "started_at", "seen_at", "is_alive")
    list_filter = ("seen_at",)
    search_fields = ("id",)
    ordering = ("-seen_at",)
    page_fields = ("id", "started_at", "seen_at", "is_alive")

    @admin.display(boolean=True, description="seen lately")
    def is_alive(self, worker: WorkerHeartbeat) -> bool:
        """Return True if the worker had a heartbeat within the last half minute."""
        return database_now() - worker.seen_at <= WORKER_SILENCE
