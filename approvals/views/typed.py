"""What the middleware has made of a request by the time a view of this room sees it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import HttpRequest
from django_htmx.middleware import HtmxDetails

if TYPE_CHECKING:
    from django.contrib.auth.models import User


class UserRequest(HttpRequest):
    """A request of somebody who is logged in, perhaps sent by htmx."""

    user: User  # type: ignore[assignment]
    htmx: HtmxDetails
