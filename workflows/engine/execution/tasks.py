"""Tasks for the code of workflow authors. They know whether the engine has cancelled them."""

from __future__ import annotations

import asyncio
import sys
from typing import Any


class StepTask(asyncio.Task[None]):
    """A task in which a step or an input handler runs. The engine ends it with `stop`.

    The step, a library that it uses, or an earlier timer may call `cancel`, too. This is a failure
    of the step, so the attempt is reported as failed.
    """

    stopped = False

    def stop(self) -> None:
        """Cancel the task by the engine."""
        self.stopped = True
        super().cancel()

    def cancel(self, msg: Any = None) -> bool:
        """Cancel the task. If the loop does not run, it shuts down: then the engine cancels."""
        if not self.get_loop().is_running():
            self.stopped = True
        return super().cancel(msg)

    def references(self) -> int:
        """Return the number of references to the task. It grows if code of the step keeps one."""
        return sys.getrefcount(self)

    def is_as_new(self, references: int) -> bool:
        """Return True if the task has the same number of references, and no cancellation is
        pending."""
        # A cancellation that was revoked before its delivery is delivered nevertheless.
        pending = self._must_cancel or self.cancelling()  # type: ignore[attr-defined]
        return not pending and sys.getrefcount(self) == references


def is_stopped(error: BaseException, task: asyncio.Task[Any] | None) -> bool:
    """Return True if `error` came from the engine, False if the code in `task` raised it.

    A coroutine that is closed while it waits gets a `GeneratorExit` outside of its task.
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
