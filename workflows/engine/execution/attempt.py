"""Runs one attempt of one step, in the same way in memory and in a worker."""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import time
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

from workflows.engine.context import Context, StepHost
from workflows.engine.errors import StepTimeout
from workflows.engine.events import Event
from workflows.engine.execution.tasks import is_stopped
from workflows.engine.execution.thread_pool import pool
from workflows.engine.machine.effects import Effects
from workflows.engine.machine.machine import Machine
from workflows.engine.machine.state import Invocation
from workflows.engine.step import Step

Wrapper = Callable[[Callable[[], Any]], Any]
Outcome = tuple[Any, BaseException | None]  # what was returned, or what was raised

# Seconds to wait for the end of an `async` step after its cancellation.
GRACE_PERIOD = 1.0


def call(function: Callable[[], Any]) -> Any:
    """Call a `def` step without a wrapper."""
    return function()


class Attempt:
    """One attempt: make it, `await run(task)`, then call `report`.

    The outcome is `returned` or `error`, and the `duration` in seconds. `ended` is False while a
    step that timed out still runs: a `def` step cannot be stopped, and an `async` step may ignore
    its cancellation.
    """

    __slots__ = (
        "_wrapper",
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
        host: StepHost,
        wrapper: Wrapper = call,
        on_late_end: Callable[[], object] | None = None,
    ) -> None:
        self.machine = machine
        self.invocation = invocation
        self.step: Step = machine.workflow.steps[invocation.step]
        self.effects: Effects | None = None  # only for a step that takes a context
        self.context: Context | None = None
        if self.step.takes_context:
            self.effects = Effects(machine.workflow.events)
            self.context = Context(machine, invocation, self.effects, host)
        self.returned: Any = None
        self.error: BaseException | None = None
        self.duration = 0.0
        self.ended = True
        self._wrapper = wrapper
        self._on_late_end = on_late_end

    async def run(self, task: asyncio.Task[Any] | None) -> None:
        """Call the step in `task`, the current task. Store its error, and raise only cancellations
        by the engine.

        A step that its own code cancels, or that raises `SystemExit`, has failed.
        """
        began = time.perf_counter()
        try:
            event = self.invocation.event.to_event(self.machine.workflow.events)
            self.returned = await self._call(event)
        except BaseException as error:
            if is_stopped(error, task):
                raise
            self.error = error
        finally:
            if self.context is not None:
                self.context.close()
            self.duration = time.perf_counter() - began

    def report(self) -> None:
        """Report the outcome to the machine. Call it on the thread that owns the run."""
        if self.ended:
            self.machine.release(self.step)
        if self.error is None:
            self.machine.complete(self.invocation, self.returned, self.effects, self.duration)
        else:
            self.machine.fail(self.invocation, self.error, self.duration)

    def _call(self, event: Event) -> Awaitable[Any]:
        """Return an awaitable of the step's return value."""
        limit = self.step.timeout
        if not self.step.is_async:
            return self._call_in_thread(event, limit)
        called = self.step.invoke(event, self.context)
        return called if limit is None else self._call_in_task(called, limit)

    async def _call_in_thread(self, event: Event, limit: float | None) -> Any:
        began, loop = time.perf_counter(), asyncio.get_running_loop()
        future = pool.submit(lambda: self._wrapper(lambda: self.step.invoke(event, self.context)))
        done: asyncio.Future[None] = loop.create_future()
        future.add_done_callback(lambda _: _call_soon(loop, lambda: _set(done)))
        try:
            if limit is None:
                await done
            else:
                await asyncio.wait({done}, timeout=limit)
        finally:
            ended = future.done()
            if not ended:
                self.ended = False
                future.add_done_callback(lambda _: _call_soon(loop, self._end_late))
        if not ended:
            raise self._timed_out()
        self.error = future.exception()
        returned = None if self.error is not None else future.result()
        if not inspect.isawaitable(returned):
            return returned
        # A decorator may have hidden that the function is a coroutine function.
        if limit is None:
            return await returned
        return await self._call_in_task(_await(returned), limit - (time.perf_counter() - began))

    async def _call_in_task(self, called: Coroutine[Any, Any, Any], limit: float) -> Any:
        """Run an `async` step with a timeout. Do not wait for one that ignores its cancellation.

        After the timeout the attempt has failed, even if the step returns a value then.
        """
        outcome: list[Outcome] = []
        task = asyncio.create_task(_catch(called, outcome))
        try:
            await asyncio.wait({task}, timeout=limit)
            late = not task.done()
            if late:
                await _end(task)
        except asyncio.CancelledError:
            await _end(task)
            raise
        finally:
            if not task.done():
                self.ended = False
                task.add_done_callback(lambda _: self._end_late())
        if late:
            raise self._timed_out()
        returned, self.error = _read(outcome)
        return returned

    def _end_late(self) -> None:
        self.machine.release(self.step)
        if self._on_late_end is not None:
            self._on_late_end()

    def _timed_out(self) -> StepTimeout:
        return StepTimeout(
            f"{self.machine}: step {self.step.name!r} took longer than {self.step.timeout} s."
        )


async def run_apart(called: Awaitable[Any]) -> Any:
    """Await code of a workflow's author in a separate task, and return its result.

    So its changes to its task, such as cancellations, do not affect the caller.
    """
    outcome: list[Outcome] = []
    task = asyncio.create_task(_catch(called, outcome))
    try:
        await asyncio.wait({task})
    except asyncio.CancelledError:
        await _end(task)
        raise
    returned, error = _read(outcome)
    if error is not None:
        raise error
    return returned


async def _catch(called: Awaitable[Any], outcome: list[Outcome]) -> None:
    """Store the result or the error of a step. Otherwise `SystemExit` would reach the loop.

    The result of the task is not used, because a task that has cancelled itself has none.
    """
    try:
        outcome.append((await called, None))
    except BaseException as error:
        outcome.append((None, error))


def _read(outcome: list[Outcome]) -> Outcome:
    """Return what `_catch` stored. A task that was cancelled before it began stored nothing."""
    return outcome[0] if outcome else (None, asyncio.CancelledError())


async def _await(called: Awaitable[Any]) -> Any:
    return await called


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel a task, and wait a moment for its end."""
    task.cancel()
    await asyncio.wait({task}, timeout=GRACE_PERIOD)


def _set(done: asyncio.Future[None]) -> None:
    if not done.done():  # the waiting code may have been cancelled
        done.set_result(None)


def _call_soon(loop: asyncio.AbstractEventLoop, function: Callable[[], object]) -> None:
    """Call `function` on the loop, if the loop is not closed."""
    with contextlib.suppress(RuntimeError):
        loop.call_soon_threadsafe(function)
