"""The count that stands beside the inbox's link on every page."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

from django.http import HttpRequest

from workflows.models import InputRequest, scalars
from workflows.models.scalars import Amount


def counts(request: HttpRequest) -> dict[str, Callable[[], Amount]]:
    """Give templates `waiting_count`: how many requests wait, of those that this person may see.

    Counted once, and only if it is drawn.
    """

    @cache
    def waiting() -> Amount:
        pending = InputRequest.objects.visible_to(request.user).pending()
        found: Amount = scalars.read(waiting=scalars.amount(pending))["waiting"]
        return found

    return {"waiting_count": waiting}
