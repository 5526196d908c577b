"""The admin's pages of routes, which are the recipients of requests that name nobody."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError

from workflows.engine import UnknownRequest, UnknownWorkflow, registry
from workflows.models import Route


class RouteForm(forms.ModelForm[Route]):
    """Refuses unknown workflows and request classes: their routes would never be used."""

    def clean(self) -> dict[str, Any]:
        """Check the two names, and that the route has a recipient or a priority."""
        data = super().clean() or {}
        try:
            flow = registry.get(data.get("workflow", ""))
            if data.get("event"):
                flow.request_class(data["event"])
        except UnknownWorkflow as error:
            raise ValidationError({"workflow": str(error)}) from None
        except UnknownRequest as error:
            raise ValidationError({"event": str(error)}) from None
        if not data.get("users") and not data.get("groups") and data.get("priority") is None:
            raise ValidationError("Name somebody, or give a priority.")
        inactive = [str(one) for one in data.get("users") or () if not one.is_active]
        if inactive:
            text = f"Requests cannot go to a deactivated account: {', '.join(inactive)}."
            raise ValidationError({"users": text})
        return data


@admin.register(Route)
class RouteAdmin(admin.ModelAdmin[Route]):
    """Routes by workflow and request class. They apply to new requests only."""

    form = RouteForm
    list_display = ("workflow", "event", "priority")
    search_fields = ("workflow", "event")
    fields = ("workflow", "event", "users", "groups", "priority")
    filter_horizontal = ("users", "groups")
