"""Filters with known choices, so that no list reads its table to find them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from workflows.engine import registry

KINDS = (
    "started", "step_completed", "step_retried", "collected", "answered", "declined", "expired",
    "discarded", "completed", "failed", "cancelled", "paused", "resumed", "reopened", "blocked",
    "reasked",
)  # fmt: skip


class WorkflowFilter(admin.SimpleListFilter):
    """Filters by registered workflow. Runs of other workflows can be found by a search."""

    title = "workflow"
    parameter_name = "workflow"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """Return the names of the registered workflows."""
        return [(name, name) for name in registry.names()]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the rows of the chosen workflow."""
        return queryset.filter(workflow=self.value()) if self.value() else queryset


class KindFilter(admin.SimpleListFilter):
    """Filters by kind of journal entry."""

    title = "kind"
    parameter_name = "kind"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """Return all kinds, in the order in which they occur in a run."""
        return [(kind, kind.replace("_", " ")) for kind in KINDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the entries of the chosen kind."""
        return queryset.filter(kind=self.value()) if self.value() else queryset
