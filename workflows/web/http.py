"""Who asks for a page. The site lets nobody without a login come this far."""

from __future__ import annotations

import uuid

from django.contrib.auth.models import User
from django.http import HttpRequest, QueryDict

from workflows.errors import InvalidIdempotencyKey


def person(request: HttpRequest) -> User:
    """Return the person who is logged in."""
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


def wants_fragment(request: HttpRequest) -> bool:
    """Say whether a page is re-reading itself, rather than being opened or restored."""
    headers = request.headers
    return headers.get("HX-Request") == "true" and not (
        headers.get("HX-Boosted") == "true" or headers.get("HX-History-Restore-Request") == "true"
    )


def typed_before(request: HttpRequest, *actions: str) -> QueryDict | None:
    """Return what was typed into a form of this page that could not be sent, None for nothing.

    `actions` are names of views, one of which was to take it. Whoever keeps such forms (the
    log-in of a site) sets `request.typed_before`.
    """
    found = getattr(request, "typed_before", None)
    return found(actions) if found is not None else None
