"""The socket of the inbox."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.urls import path

from workflows.models.permissions import Perm
from workflows.realtime.consumer import RefreshConsumer
from workflows.realtime.publisher import INBOX


class InboxConsumer(RefreshConsumer):
    """Makes an open inbox fetch its list again when a request came, was answered or closed.

    The page's own script notices it and fetches, so that rows do not move under a pointer and a
    form keeps what is being typed.
    """

    async def groups_for(self) -> list[str]:
        """Return the one group of all inboxes: what each may see is the list's own business."""
        return [INBOX]

    def allowed(self, user: User) -> bool:
        """Say whether `user` may see any request at all."""
        return user.has_perm(Perm.SEE_ALL_REQUESTS) or user.has_perm(Perm.DECIDE)


websocket_urlpatterns = [path("ws/inbox/", InboxConsumer.as_asgi())]
