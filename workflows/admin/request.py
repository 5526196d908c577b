"""Requests: what was asked, and what was answered."""

from __future__ import annotations

from typing import ClassVar

from django.contrib import admin

from workflows.admin.column import json_of, link_to, text_of
from workflows.admin.ledger import LedgerAdmin, Related
from workflows.models import InputRequest


@admin.register(InputRequest)
class InputRequestAdmin(LedgerAdmin):
    """Requests are answered at their own page, where the rules of answering are."""

    list_display = (
        "__str__", "status", link_to("run"), "created_at", "deadline", "answered_by", "door",
    )  # fmt: skip
    list_filter = ("status", "four_eyes", "created_at", "deadline")
    list_select_related = ("run", "answered_by")
    list_defer = (
        "payload", "schema", "response", "run__input", "run__result", "run__error",
        "run__progress",
    )  # fmt: skip
    search_fields = ("prompt", "step", "request_id", "run__workflow", "answered_by__username")
    search_help_text = "The id of a request or a run, or part of a prompt, step or workflow."
    uuid_lookups = ("pk", "run")
    shown = (
        "id", "request_id", "run", "belongings", "event", "step", text_of("prompt"),
        json_of("payload"), "status", "allow", json_of("schema"), "four_eyes", "deadline",
        "created_at", json_of("response"), "answered_by", "door", "answered_at",
    )  # fmt: skip
    related: ClassVar[list[Related]] = []  # the room of the people adds their decisions

    def view_on_site(self, obj: InputRequest) -> str:
        """Return the address where the request can be answered."""
        return obj.get_absolute_url()
