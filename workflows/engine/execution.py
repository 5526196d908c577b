"""Running one attempt of one step, the same way for both shells."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from workflows.engine.context import Context, Port
from workflows.engine.effects import Effects
from workflows.engine.errors import StepTimeout
from workflows.engine.events import Event
from workflows.engine.machine import Machine
from workflows.engine.state import Invocation
from workflows.engine.steps import Step
from workflows.engine.threads import pool

Around = Callable[[Callable[[], Any]], Any]

GRACE = 1.0  # seconds that an `async` step has to end after its timeout, before it is left


def call_plainly(function: Callable[[], Any]) -> Any:
    """Call a `def` step without anything around it."""
    return function()


class Attempt:
    """One attempt: build it, `await run()`, then `settle` what came of it.

    That is `returned` or `error`, and the `duration` in seconds. `ended` is False while a step
    that timed out still works: a `def` step cannot be stopped, and an `async` one may refuse.
    """

    __slots__ = (
        "_around",
        "_on_late_end",
        "context",
        "duration",
        "effects",
        "ended",
        "error",
        "invocation",
        "machine",
        "returned",
        "step",
    )

    def __init__(
        self,
        machine: Machine,
        invocation: Invocation,
        port: Port,
        around: Around = call_plainly,
        on_late_end: Callable[[], object] | None = None,
    ) -> None:
        self.machine = machine
        self.invocation = invocation
        self.step: Step = machine.workflow.steps[invocation.step]
        self.effects: Effects | None = None  # as its context: only for a step that takes one
        self.context: Context | None = None
        if self.step.takes_context:
            self.effects = Effects(machine.workflow.events)
            self.context = Context(machine, invocation, self.effects, port)
        self.returned: Any = None
        self.error: BaseException | None = None
        self.duration = 0.0
        self.ended = True
        self._around = around
        self._on_late_end = on_late_end

    async def run(self) -> None:
        """Call the step. Its errors are kept; only a cancellation is raised.

        A step that raises `CancelledError` or `SystemExit` by itself has failed like any other.
        """
        began = time.perf_counter()
        limit = None if self.step.timeout is None else asyncio.timeout(self.step.timeout)
        try:
            event = self.invocation.event.load(self.machine.workflow.events)
            if limit is None:
                self.returned = await self._call(event)
            else:
                async with limit:
                    self.returned = await self._call(event)
        except (KeyboardInterrupt, GeneratorExit):
            raise
        except BaseException as error:
            if is_cancelled(error):
                raise
            self.error = error
        finally:
            if self.context is not None:
                self.context.close()
            self.duration = time.perf_counter() - began
        if limit is not None and limit.expired():  # whatever the step made of it, it was too late
            self.error = self._timed_out()

    def settle(self) -> None:
        """Tell the machine. Call it on the thread that owns the run."""
        if self.ended:
            self.machine.release(self.step)
        if self.error is None:
            self.machine.complete(self.invocation, self.returned, self.effects, self.duration)
        else:
            self.machine.fail(self.invocation, self.error, self.duration)

    def _call(self, event: Event) -> Awaitable[Any]:
        """Return what gives the step's return value when it is awaited."""
        if not self.step.is_async:
            return self._call_in_thread(event)
        called = self.step.invoke(event, self.context)
        return called if self.step.timeout is None else self._call_in_task(called)

    async def _call_in_thread(self, event: Event) -> Any:
        loop = asyncio.get_running_loop()
        future = pool.submit(lambda: self._around(lambda: self.step.invoke(event, self.context)))
        done = asyncio.Event()
        future.add_done_callback(lambda _: _tell(loop, done.set))
        try:
            await done.wait()
        finally:
            if not future.done():
                self.ended = False
                future.add_done_callback(lambda _: _tell(loop, self._end_late))
        returned = future.result()
        # A decorator may have hidden that the function is a coroutine function.
        return await returned if inspect.isawaitable(returned) else returned

    async def _call_in_task(self, called: Coroutine[Any, Any, Any]) -> Any:
        """Run an `async` step that has a timeout; one that swallows its cancellation is left."""
        task = asyncio.create_task(_catch(called))
        try:
            await asyncio.wait({task})
        except asyncio.CancelledError:
            task.cancel()
            await asyncio.wait({task}, timeout=GRACE)
            raise
        finally:
            if not task.done():
                self.ended = False
                task.add_done_callback(lambda _: self._end_late())
        returned, error = task.result()
        if error is not None:
            raise error
        return returned

    def _end_late(self) -> None:
        self.machine.release(self.step)
        if self._on_late_end is not None:
            self._on_late_end()

    def _timed_out(self) -> StepTimeout:
        return StepTimeout(
            f"{self.machine}: step {self.step.name!r} took longer than {self.step.timeout} s."
        )


async def _catch(called: Coroutine[Any, Any, Any]) -> tuple[Any, BaseException | None]:
    """Return what a step returned or raised. A `SystemExit` would leave its task for the loop."""
    try:
        return await called, None
    except BaseException as error:
        return None, error


def _tell(loop: asyncio.AbstractEventLoop, function: Callable[[], None]) -> None:
    """Call `function` on the loop, if it is still there to care."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(function)


def is_cancelled(error: BaseException) -> bool:
    """Return True if `error` cancels this task from outside, False if its own code raised it."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and bool(task and task.cancelling())
