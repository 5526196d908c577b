"""The worker's one database thread."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, ParamSpec, TypeVar

from django.db import connection, reset_queries

P = ParamSpec("P")
T = TypeVar("T")


class DatabaseThread:
    """Runs synchronous functions, one after another, on one connection.

    After an error the connection is closed, and the next call makes a new one. So the worker
    continues after a restart of the database.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="workflow-database")

    async def call(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `function` in the thread and return what it returns."""
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._executor, lambda: _run(function, args, kwargs))

    async def close(self) -> None:
        """Close the connection and end the thread."""
        await self.call(lambda: connection.close())  # this thread has another
        self._executor.shutdown(wait=False)


def _run(function: Callable[..., T], args: Any, kwargs: Any) -> T:
    try:
        return function(*args, **kwargs)
    except Exception:
        connection.close()
        raise
    finally:
        if connection.queries_logged:
            reset_queries()  # no request ends here, at which Django would empty its log in DEBUG
