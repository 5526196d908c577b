"""The admin's pages of decisions, comments and preferences."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from approvals.models import Comment, Decision, DecisionSeal, Preferences
from workflows.admin import InputRequestAdmin, WorkflowRunAdmin
from workflows.admin.columns import json_of, link_to, text_of
from workflows.admin.read_only import ReadOnlyAdmin, Related

# The app `workflows` does not know decisions, so its admin pages get the links to them here.
WorkflowRunAdmin.related.append(Related(Decision, "request__run__id__exact"))
InputRequestAdmin.related.append(Related(Decision, "request__id__exact"))
InputRequestAdmin.related.append(Related(Comment, "request__id__exact"))


@admin.register(Decision)
class DecisionAdmin(ReadOnlyAdmin):
    """The decisions. They cannot be changed."""

    list_display = ("__str__", link_to("request"), "kind", "by", "at", "answered_via")
    list_filter = ("kind", "at")
    ordering = ("-id",)  # the newest first, by the index of the key
    list_select_related = ("request", "by")
    list_defer = ("response", "edits", "request__payload", "request__schema", "request__response")
    search_fields = ("request__search_text", "by__username", "source")
    search_help_text = "The id of a request or a run, or part of a prompt or a name."
    uuid_lookups = ("request", "request__run")
    page_fields = (
        "request", "run", "kind", "by", "at", json_of("response"), json_of("edits"), "revision",
        "answered_via", "name", "address", "session", "account", "seen", "signature", "seal",
        "superseded_at",
    )  # fmt: skip

    @admin.display(description="answered via", ordering="source")
    def answered_via(self, row: Decision) -> str:
        """Return the interface that the answer came from."""
        return row.source

    @admin.display(description="seal")
    def seal(self, decision: Decision) -> str:
        """Return the decision's place in the chain, and its signature there."""
        seal = DecisionSeal.objects.filter(decision=decision.pk).exclude(kind="superseded").first()
        return f"{seal.number}:{seal.signature}" if seal else "not sealed yet"

    @admin.display(description="run")
    def run(self, decision: Decision) -> str:
        """Return a link to the run of the request."""
        return link_to("run")(decision.request)

    def lookup_allowed(self, lookup: str, value: str, request: HttpRequest | None = None) -> bool:
        """Allow the filter that the page of a run links to."""
        return lookup == "request__run__id__exact" or super().lookup_allowed(
            lookup,
            value,
            request,  # type: ignore[arg-type]
        )


@admin.register(Comment)
class CommentAdmin(ReadOnlyAdmin):
    """The comments on requests, and the notes of the system."""

    list_display = ("__str__", link_to("request"), "by", "at", "is_system")
    list_filter = ("is_system", "at")
    list_select_related = ("request", "by")
    list_defer = ("text", "request__payload", "request__schema", "request__response")
    search_fields = ("text", "by__username")
    uuid_lookups = ("request", "request__run")
    page_fields = ("request", "by", "at", "is_system", text_of("text"))


@admin.register(Preferences)
class PreferencesAdmin(admin.ModelAdmin[Preferences]):
    """The preferences. They can be changed here; the row exists as long as its person."""

    list_display = ("user", "time_zone", "keys_on")
    list_select_related = ("user",)
    search_fields = ("user__username", "time_zone")
    fields = ("user", "time_zone", "keys_on")
    readonly_fields = ("user",)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse: the row is made when a person first opens their account page."""
        return False
