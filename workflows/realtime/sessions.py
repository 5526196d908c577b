"""The sessions of open sockets: who is logged in, and closing the sockets at the log-out."""

from __future__ import annotations

import hashlib
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user, user_logged_out
from django.contrib.auth.models import AnonymousUser, User
from django.dispatch import receiver
from django.http import HttpRequest

from workflows.realtime import publisher


def user_of_session(key: str | None) -> User | AnonymousUser:
    """Return the user of the session `key` now, as in a request of a page.

    It is anonymous if the session has ended, the person is inactive or the password has changed.
    """
    request = HttpRequest()
    request.session = import_module(settings.SESSION_ENGINE).SessionStore(session_key=key)
    user: User | AnonymousUser = get_user(request)
    return user


def user_group(user_id: int) -> str:
    """Return the group of all open sockets of this person."""
    return f"user.{user_id}"


def session_tag(key: str | None) -> str:
    """Return a tag that identifies a session in a message. It cannot be used to log in."""
    return hashlib.sha256(f"socket {key}".encode()).hexdigest()


@receiver(user_logged_out)
def close_sockets(request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    """Close the sockets of a login at once when it ends, not only at the next change."""
    if user is None:
        return
    tag = session_tag(request.session.session_key)
    group = user_group(user.pk)
    message = {"type": "session.ended", "group": group, "session": tag}
    publisher.enqueue({f"{group} {tag}": message})
