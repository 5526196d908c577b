"""Tasks for the code of workflow authors: who cancelled one, the engine or that code itself."""

from __future__ import annotations

import asyncio
import sys
from typing import Any


class StepTask(asyncio.Task[None]):
    """A task in which a step or an input handler runs. The engine ends it with `stop`.

    `cancel` may be called by the step too, by a library that it uses, or by a timer that it left
    behind: that is a failure of the step, and no reason to leave the run as it is.
    """

    stopped = False

    def stop(self) -> None:
        """Cancel it because the engine has no more use for it."""
        self.stopped = True
        super().cancel()

    def cancel(self, msg: Any = None) -> bool:
        """Cancel it. A loop that does not run is being shut down, which is no step's doing."""
        if not self.get_loop().is_running():
            self.stopped = True
        return super().cancel(msg)

    def references(self) -> int:
        """Return a number that grows if code that ran here keeps a way to reach the task."""
        return sys.getrefcount(self)

    def is_as_new(self, references: int) -> bool:
        """Return True if nobody can reach the task since it had so many references, or has
        cancelled it."""
        # A cancellation that was taken back before it was delivered is delivered all the same.
        pending = self._must_cancel or self.cancelling()  # type: ignore[attr-defined]
        return not pending and sys.getrefcount(self) == references


def is_stopped(error: BaseException, task: asyncio.Task[Any] | None) -> bool:
    """Return True if `error` ends `task` from outside, False if code that ran in it raised it.

    A coroutine that is thrown away while it waits gets a `GeneratorExit` outside of its task.
    """
    if issubclass(type(error), GeneratorExit):
        return _current_task() is not task
    if not issubclass(type(error), asyncio.CancelledError) or task is None:
        return False
    return task.stopped if isinstance(task, StepTask) else bool(task.cancelling())


def _current_task() -> asyncio.Task[Any] | None:
    try:
        return asyncio.current_task()
    except RuntimeError:  # no loop runs
        return None
