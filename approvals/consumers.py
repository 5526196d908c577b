"""The socket of the inbox."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.urls import path

from workflows.models.permissions import Perm
from workflows.realtime.consumer import RefreshConsumer
from workflows.realtime.publisher import INBOX


class InboxConsumer(RefreshConsumer):
    """Makes an open inbox fetch its list again when a request is added, answered or closed.

    The script of the page fetches, so that rows do not move under the pointer and a form keeps what
    is being typed.
    """

    async def groups_for(self) -> list[str]:
        """Return the group of all inboxes. The list itself checks what a person may see."""
        return [INBOX]

    def allowed(self, user: User) -> bool:
        """Return True if `user` may see any request."""
        return user.has_perm(Perm.SEE_ALL_REQUESTS) or user.has_perm(Perm.DECIDE)


websocket_urlpatterns = [path("ws/inbox/", InboxConsumer.as_asgi())]
