"""The count beside the link to the inbox on every page."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from django.http import HttpRequest

from workflows.models import InputRequest
from workflows.models.permissions import PermissionProfile
from workflows.sql import scalar_queries
from workflows.sql.scalar_queries import BoundedCount, ScalarQuery


@cache
def waiting_of(viewer: PermissionProfile) -> ScalarQuery:
    """Return the query that counts the pending requests visible to people with this profile."""
    return scalar_queries.bounded_count(InputRequest.objects.visible_to(viewer).pending())


def counts(request: HttpRequest) -> dict[str, Callable[[], BoundedCount]]:
    """Add `waiting_count` to templates: the number of pending requests that this person may see.

    It is counted once, and only if a template uses it.
    """

    @cache
    def waiting() -> BoundedCount:
        total = waiting_of(PermissionProfile.of(request.user))
        found: BoundedCount = scalar_queries.fetch_scalars({"total": total}, user=request.user.pk)[
            "total"
        ]
        return found

    return {"waiting_count": waiting}


SECTIONS = {
    "approvals:request": "approvals:inbox",
    "workflows:run": "workflows:runs",
    "workflows:workflow": "workflows:workflows",
}


def navigation(request: HttpRequest) -> dict[str, Callable[[], str | bool]]:
    """Give templates `section`, the link of the menu that leads here, and `has_shortcuts`."""

    def section() -> str:
        match = request.resolver_match
        name = match.view_name if match else ""
        return SECTIONS.get(name, name)

    def has_shortcuts() -> bool:
        keys_off = getattr(request, "keys_off", False)
        return request.user.is_authenticated and not keys_off

    return {"section": section, "has_shortcuts": has_shortcuts}
