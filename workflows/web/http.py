"""What views read from an HTTP request: the person, htmx, and keys of forms."""

from __future__ import annotations

import uuid
from typing import cast

from django.contrib.auth.models import User
from django.http import HttpRequest, QueryDict
from django_htmx.middleware import HtmxDetails

from workflows.errors import InvalidIdempotencyKey


class HtmxRequest(HttpRequest):
    """A request as `HtmxMiddleware` leaves it."""

    htmx: HtmxDetails


def current_user(request: HttpRequest) -> User:
    """Return the person who is logged in; no view is called without one."""
    assert isinstance(request.user, User)
    return request.user


def form_key(request: HttpRequest) -> str | None:
    """Return the idempotency key of the form that was sent, None if it has no such field.

    Raise `InvalidIdempotencyKey` for one that no form of ours was drawn with.
    """
    if "_key" not in request.POST:
        return None
    try:
        return f"form {request.user.pk} {uuid.UUID(request.POST['_key'])}"
    except ValueError:
        raise InvalidIdempotencyKey("of this form is not the one it was drawn with") from None


def htmx_of(request: HttpRequest) -> HtmxDetails:
    """Return what htmx says of itself; false for a request that it did not send."""
    return cast(HtmxRequest, request).htmx


def is_fragment(request: HttpRequest) -> bool:
    """Say whether htmx asks for a part of a page, and not for a whole page or a restored one."""
    htmx = htmx_of(request)
    return bool(htmx) and not (htmx.boosted or htmx.history_restore_request)


def typed_before(request: HttpRequest, *actions: str) -> QueryDict | None:
    """Return what was typed into a form of this page that could not be sent, None for nothing.

    `actions` are names of views, one of which was to take it. Whoever keeps such forms (the
    log-in of a site) sets `request.typed_before`.
    """
    found = getattr(request, "typed_before", None)
    return found(actions) if found is not None else None
