"""Checks whether people may still see the content of their open pages, made together.

A thousand pages that read again in the same second would need a thousand queries in as many
threads. Here the pages of one person share a check, and one thread makes all checks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable

from channels.db import database_sync_to_async
from django.db import reset_queries

from workflows.realtime.per_loop import per_loop

BATCH_SIZE = 50  # checks in one batch, so that the first need not wait for the last

Check = Callable[[], bool]


class ContentChecks:
    """The pending checks of one event loop. During one batch the next batch is collected.

    A check that has not begun is shared by all callers that need the same check. A check that has
    begun is not shared, because it may miss a later change.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hashable, tuple[Check, asyncio.Future[bool]]] = {}
        self._task: asyncio.Task[None] | None = None

    async def check(self, key: Hashable, check: Check) -> bool:
        """Call `check` in a thread, after this call, and return its result or raise its error.

        If the database fails, all waiting callers get the error at once.
        """
        if key not in self._waiting:
            self._waiting[key] = (check, asyncio.get_running_loop().create_future())
        _, result = self._waiting[key]
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._make())
        return await asyncio.shield(result)

    async def _make(self) -> None:
        while self._waiting:
            keys = list(self._waiting)[:BATCH_SIZE]
            batch = [self._waiting.pop(key) for key in keys]
            checks = [check for check, _ in batch]
            try:
                found = await database_sync_to_async(_call, thread_sensitive=False)(checks)
            except asyncio.CancelledError:  # the loop ends, so no caller waits for ever
                for _, result in [*batch, *self._waiting.values()]:
                    result.cancel()
                self._waiting.clear()
                raise
            except Exception as error:
                for _, result in [*batch, *self._waiting.values()]:
                    result.set_exception(error)
                    result.exception()  # no caller may be left to read the error
                self._waiting.clear()
            else:
                for (_, result), code in zip(batch, found, strict=True):
                    result.set_result(code)


loop_content_checks = per_loop(ContentChecks)


def _call(checks: list[Check]) -> list[bool]:
    try:
        return [check() for check in checks]
    finally:
        reset_queries()  # Django does this in DEBUG only at the end of a request
