"""Scenarios of crash tests: each is one run, which continues from its rows after any crash.

This module has the workflows, the people and the worker of the scenarios. What they do next
depends on the rows only, so a second process finishes what the first one began.
"""

from __future__ import annotations

import asyncio
import os
import time
from datetime import timedelta
from pathlib import Path

from django.contrib.auth.models import User
from django.db import connections

from approvals import actions
from workflows.engine import (
    Context,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    Step,
    StopEvent,
    Workflow,
    step,
)
from workflows.models import Delivery, JournalEntry, WorkflowRun
from workflows.realtime.outbox import MainLoop
from workflows.worker import Worker

REVIEWER = "scenario-reviewer"
ROUNDS = 30  # more rounds of people and worker than any scenario needs


class SideEffects:
    """The side effects of the steps: one line for each, in a file that survives the process."""

    path = Path(os.devnull)

    @classmethod
    def note(cls, name: str, ctx: Context) -> None:
        """Record a side effect in the file, and count it in the state of the run."""
        with cls.path.open("a") as file:
            file.write(f"{name} {ctx.idempotency_key}\n")
        ctx.update("side_effects", lambda n: (n or 0) + 1)


class Leg(Event):
    number: int


class Chore(Event):
    pass


class Done(Event):
    what: str


@step
async def split(event: StartEvent, ctx: Context) -> list[Leg | Chore]:
    SideEffects.note("split", ctx)
    return [Leg(number=1), Leg(number=2), Chore()]


@step
async def ask(event: Leg, ctx: Context) -> InputRequestEvent:
    SideEffects.note("ask", ctx)
    return InputRequestEvent(request_id=f"leg-{event.number}", prompt=f"Leg {event.number}?")


@step
async def book(event: InputResponseEvent, ctx: Context) -> Done:
    SideEffects.note("book", ctx)
    return Done(what=f"{event.request_id} {event.approved} {ctx.answered_by}")


@step(retries=1, retry_delay=0)
def stumble(event: Chore, ctx: Context) -> Done:
    SideEffects.note("stumble", ctx)
    if ctx.attempt == 1:
        raise ValueError("it works the second time")
    return Done(what="chore")


@step
def need_help(event: Chore, ctx: Context) -> Done:
    SideEffects.note("need_help", ctx)
    if not JournalEntry.objects.filter(run__id=ctx.run_id, kind="reopened").exists():
        raise ValueError("somebody has to retry this")
    return Done(what="chore")


@step
def pause_itself(event: Chore, ctx: Context) -> Done:
    SideEffects.note("pause_itself", ctx)
    if not Delivery.objects.filter(run__id=ctx.run_id, kind="pause").exists():
        WorkflowRun.objects.get(pk=ctx.run_id).pause()
    return Done(what="chore")


@step
async def ask_first(event: StartEvent, ctx: Context) -> list[InputRequestEvent | Chore]:
    SideEffects.note("ask_first", ctx)
    return [InputRequestEvent(request_id="leg-1", prompt="Ever?"), Chore()]


@step
def cancel_itself(event: Chore, ctx: Context) -> Done:
    SideEffects.note("cancel_itself", ctx)
    WorkflowRun.objects.get(pk=ctx.run_id).cancel()
    return Done(what="chore")


@step
async def keep(event: Chore, ctx: Context) -> Done:
    SideEffects.note("keep", ctx)
    return Done(what="chore")


@step
async def join(event: Done, ctx: Context) -> StopEvent | None:
    found = ctx.collect_events(event, [Done, Done, Done])
    if found is None:
        return None
    return StopEvent(
        result={"side_effects": ctx.get("side_effects"), "done": sorted(one.what for one in found)}
    )


@step
async def ask_briefly(event: StartEvent, ctx: Context) -> InputRequestEvent:
    SideEffects.note("ask_briefly", ctx)
    return InputRequestEvent(request_id="leg-1", prompt="Quick?", due_in=timedelta(microseconds=1))


def _trip(name: str, chore: Step) -> Workflow:
    return Workflow(name, steps=[split, ask, book, chore, join])


COMPLETE = _trip("crash-complete", stumble)
RETRY = _trip("crash-retry", need_help)
PAUSE = _trip("crash-pause", pause_itself)
CANCEL = _trip("crash-cancel", keep)
CANCEL_IN_HAND = Workflow("crash-cancel-in-hand", steps=[ask_first, cancel_itself, book, join])
EXPIRE = Workflow("crash-expire", steps=[ask_briefly, book, join])
HAND_OVER = _trip("crash-hand-over", stumble)
SCENARIOS = (COMPLETE, RETRY, PAUSE, CANCEL, CANCEL_IN_HAND, EXPIRE, HAND_OVER)


def play(workflow: str, key: str) -> None:
    """Begin the scenario `key`, or continue it, and return when it is over."""
    if workflow == HAND_OVER.name:
        asyncio.run(play_beside_worker(key))
        return
    for _ in range(ROUNDS):
        run = WorkflowRun.objects.start(workflow, {}, idempotency_key=key)
        if is_over(run):
            return
        act(run)
        # The worker before it has ended, as if a supervisor had waited for its end.
        asyncio.run(Worker(embedded=True).run_until_idle())
        connections.close_all()
    raise AssertionError(f"{run} is {run.status} after {ROUNDS} rounds: {run.error}")


async def play_beside_worker(key: str) -> None:
    """Play HAND_OVER while a worker serves, to which each start and each answer leases the run."""
    MainLoop.loop = asyncio.get_running_loop()
    worker = Worker(embedded=True)
    serving = asyncio.create_task(worker.serve())
    while worker.handover.is_behind:  # noqa: ASYNC110  nothing tells when it has looked around
        await asyncio.sleep(0.01)
    await asyncio.to_thread(act_as_people, key)
    await worker.drain()
    await serving


def act_as_people(key: str) -> None:
    """Do what people do, each time the worker waits for them."""
    for _ in range(ROUNDS):
        run = WorkflowRun.objects.start(HAND_OVER.name, {}, idempotency_key=key)
        if is_over(run):
            return
        act(run)
        run.refresh_from_db()
        while run.status in ("queued", "running"):
            time.sleep(0.01)
            run.refresh_from_db()
    raise AssertionError(f"{run} is {run.status} after {ROUNDS} rounds: {run.error}")


def is_over(run: WorkflowRun) -> bool:
    """Return True if neither people nor workers will change the run any more."""
    return run.ended and not (run.status == "failed" and run.workflow == RETRY.name)


def act(run: WorkflowRun) -> None:
    """Do the next action of a person in this scenario, if there is one."""
    pending = run.requests.pending().order_by("request_id").first()
    if run.status == "failed":
        run.retry()
    elif run.workflow == CANCEL.name:
        if run.status == "waiting":
            run.cancel()
    elif pending is not None and run.workflow not in (EXPIRE.name, CANCEL_IN_HAND.name):
        reviewer = User.objects.get(username=REVIEWER)
        actions.decide(reviewer, pending.pk, {"approved": True}, source="scenario")
    elif run.status == "paused":
        run.resume()
