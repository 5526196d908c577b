"""Sockets whose page vanished while something was sent to it.

Between the end of a connection and the message that tells of it, the server refuses what is sent.
That is nobody's fault and no traceback: the message that ends the consumer is on its way.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from autobahn.exception import Disconnected

Application = Callable[[Any, Any, Any], Awaitable[None]]
CLOSED_ERRORS = (Disconnected, OSError)  # Daphne's, and what the ASGI specification asks of servers


class ClosedSocketMiddleware:
    """An ASGI application of sockets for which sending to a page that is gone does nothing."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Serve a socket."""

        async def send_if_there(message: Any) -> None:
            try:
                await send(message)
            except CLOSED_ERRORS:
                return

        await self._application(scope, receive, send_if_there)
