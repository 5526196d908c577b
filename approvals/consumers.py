"""The socket of the inbox."""

from __future__ import annotations

from django.urls import path

from approvals.live.inbox_pages import loop_inbox_pages
from workflows.models.permissions import Perm
from workflows.models.requests.audience import Viewer
from workflows.sockets.consumer import PageConsumer


class InboxConsumer(PageConsumer):
    """An open inbox, which is sent the requests that changed.

    The script of the page changes what it shows by itself, and fetches only rows that it is about
    to show. So rows do not move under the pointer, and a form keeps what is being typed.
    """

    async def join(self) -> None:
        """Begin to receive changes."""
        await loop_inbox_pages().join(self)

    async def leave(self) -> None:
        """Stop receiving changes."""
        await loop_inbox_pages().leave(self)

    def allowed(self, viewer: Viewer) -> bool:
        """Return True if the person may see any request."""
        return viewer.has_perm(Perm.SEE_ALL_REQUESTS) or viewer.has_perm(Perm.DECIDE)

    def read_again(self) -> None:
        """Have the page read its list again."""
        if self.is_receiving:
            rest = f'"read":true,"spread":{loop_inbox_pages().spread}}}'
            self._begin(self.send_numbered(rest))


websocket_urlpatterns = [path("ws/inbox/", InboxConsumer.as_asgi())]
