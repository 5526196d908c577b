"""The count that stands beside the inbox's link on every page."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from django.http import HttpRequest

from workflows.models import InputRequest
from workflows.models.permissions import PermissionProfile
from workflows.sql import scalar_queries
from workflows.sql.scalar_queries import Amount, Scalar


@cache
def waiting_of(viewer: PermissionProfile) -> Scalar:
    """Count the requests that wait, of those that somebody like this may see."""
    return scalar_queries.amount(InputRequest.objects.visible_to(viewer).pending())


def counts(request: HttpRequest) -> dict[str, Callable[[], Amount]]:
    """Give templates `waiting_count`: how many requests wait, of those that this person may see.

    Counted once, and only if it is drawn.
    """

    @cache
    def waiting() -> Amount:
        total = waiting_of(PermissionProfile.of(request.user))
        found: Amount = scalar_queries.read({"total": total}, user=request.user.pk)["total"]
        return found

    return {"waiting_count": waiting}
