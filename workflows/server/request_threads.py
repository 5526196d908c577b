"""Threads for HTTP requests, which later requests use again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import ThreadSensitiveContext

from workflows.worker.steps.reused_threads import ReusedThreads

Application = Callable[[Any, Any, Any], Awaitable[None]]


class RequestThreads:
    """An ASGI application of HTTP that gives each request a thread for its duration."""

    def __init__(self, application: Application, threads: ReusedThreads | None = None) -> None:
        self._application = application
        self._threads = threads or ReusedThreads()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer in a thread that no other request uses meanwhile."""
        thread = self._threads.acquire()
        try:
            async with ThreadSensitiveContext(executor=thread):
                await self._application(scope, receive, send)
        finally:
            self._threads.release(thread)
