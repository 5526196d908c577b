"""Ignores errors of sending to a socket whose connection has just ended.

Between the end of a connection and the `disconnect` message the server refuses to send. This is no
error to log: the `disconnect` message will end the consumer.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from autobahn.exception import Disconnected

Application = Callable[[Any, Any, Any], Awaitable[None]]
CLOSED_ERRORS = (Disconnected, OSError)  # Daphne's, and what the ASGI specification asks of servers


class ClosedSocketMiddleware:
    """An ASGI application of sockets in which sending to a closed page does nothing."""

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
