"""The admin's pages of requests."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from workflows.admin.columns import json_of, link_to, text_of
from workflows.admin.read_only import ReadOnlyAdmin, Related
from workflows.models import InputRequest
from workflows.text.invisible_characters import show_invisibles


@admin.register(InputRequest)
class InputRequestAdmin(ReadOnlyAdmin):
    """Requests. They are answered on their own pages, not here."""

    list_display = (
        "__str__", "status", link_to("run"), "created_at", "deadline", "answered_by",
        "answered_via",
    )  # fmt: skip
    list_filter = ("status", "priority", "four_eyes", "created_at", "deadline")
    list_select_related = ("run", "answered_by")
    list_defer = (
        "payload", "schema", "response", "edits", "default_response", "run__input", "run__result",
        "run__error", "run__progress", "search_text", "search_tags",
    )  # fmt: skip
    search_fields = ("search_text", "step", "request_id", "run__workflow", "answered_by__username")
    search_help_text = "The id of a request or a run, or part of a prompt, step or workflow."
    uuid_lookups = ("pk", "run")
    page_fields = (
        "id", "request_id", "run", "related_links", "event", "step", text_of("prompt"),
        json_of("payload"), "status", "allow", json_of("schema"), "four_eyes", "quorum", "votes",
        "priority", json_of("tags"), "assigned_to", "claimed_by", "claimed_until", "if_approved",
        json_of("editable"), json_of("edits"), "revision", "digest", "deadline", "on_deadline",
        json_of("default_response"), "overdue_at", "remind_at", "reminded_at", "escalate_at",
        json_of("escalate_to"), "escalated_at", "created_at", json_of("response"), "answered_by",
        "answered_via", "answered_at", "undo_until",
    )  # fmt: skip
    related: ClassVar[list[Related]] = []  # `approvals` adds its decisions

    @admin.display(description="answered via", ordering="source")
    def answered_via(self, row: InputRequest) -> str:
        """Return the interface that the answer came from."""
        return row.source

    @admin.display(description="assigned to")
    def assigned_to(self, row: InputRequest) -> str:
        """Return the names of the assignees, or "all reviewers"."""
        names = [one.name for one in row.assignments.select_related("user", "group")]
        return show_invisibles(", ".join(names)) if row.assigned else "all reviewers"

    def view_on_site(self, obj: InputRequest) -> str:
        """Return the address of the page on which the request is answered."""
        return obj.get_absolute_url()
