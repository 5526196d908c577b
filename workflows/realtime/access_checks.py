"""Who may look, asked of the database for many open pages at once.

Every refresh is checked. A thousand pages that are due in the same second would be some thousand
queries in as many threads; here pages of one login share a check, and one thread makes them all.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Hashable

from channels.db import database_sync_to_async
from django.db import reset_queries

from workflows.realtime.per_loop import per_loop

BATCH_SIZE = 50  # checks in one go, so that the first need not wait for the last

Check = Callable[[], int | None]


class AccessChecks:
    """The checks that one event loop waits for. While some are made, the next ones collect.

    A check that has not begun is shared by all who ask for the same; one that has begun is not,
    because what changed meanwhile would be missed.
    """

    def __init__(self) -> None:
        self._waiting: dict[Hashable, tuple[Check, asyncio.Future[int | None]]] = {}
        self._task: asyncio.Task[None] | None = None

    async def check(self, key: Hashable, check: Check) -> int | None:
        """Return what `check` returns, called in a thread after this moment; raise what it raises.

        Where the database fails, it is raised for all who wait at once, not one after another.
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
            except asyncio.CancelledError:  # the loop ends; nobody waits for ever
                for _, result in [*batch, *self._waiting.values()]:
                    result.cancel()
                self._waiting.clear()
                raise
            except Exception as error:
                for _, result in [*batch, *self._waiting.values()]:
                    result.set_exception(error)
                    result.exception()  # nobody may be left to ask for it
                self._waiting.clear()
            else:
                for (_, result), code in zip(batch, found, strict=True):
                    result.set_result(code)


loop_access_checks = per_loop(AccessChecks)


def _call(checks: list[Check]) -> list[int | None]:
    try:
        return [check() for check in checks]
    finally:
        reset_queries()  # no request ends in this thread, at which Django would do it in DEBUG
