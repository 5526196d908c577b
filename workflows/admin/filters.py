"""Filters whose choices are known beforehand, so that no list reads its table to draw them."""

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
    """The workflows that are registered; a run of another one is found by searching its name."""

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
    """The kinds of transition that a journal records."""

    title = "kind"
    parameter_name = "kind"

    def lookups(
        self, request: HttpRequest, model_admin: admin.ModelAdmin[Any]
    ) -> list[tuple[str, str]]:
        """Return every kind, in the order of a run's life."""
        return [(kind, kind.replace("_", " ")) for kind in KINDS]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        """Return the entries of the chosen kind."""
        return queryset.filter(kind=self.value()) if self.value() else queryset
