"""Workflows for the tests of the worker, and a record of the steps that ran."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

from django.contrib.auth.models import User

from workflows.engine import (
    Context,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)

calls: Counter[str] = Counter()
keys: list[str] = []
broken: set[str] = set()  # steps that raise


class Part(Event):
    number: int


class Done(Event):
    number: int
    approved: bool | None


def note(name: str, ctx: Context) -> None:
    calls[name] += 1
    keys.append(f"{name} {ctx.idempotency_key}")
    if name in broken:
        raise ValueError(f"{name} is broken")


@step
async def ask(event: StartEvent, ctx: Context) -> InputRequestEvent:
    note("ask", ctx)
    return InputRequestEvent(prompt="Go on?", payload={"n": 1})


@step
async def finish(event: InputResponseEvent, ctx: Context) -> StopEvent:
    note("finish", ctx)
    asked = ctx.request.prompt if ctx.request else None
    ctx.update("count", lambda n: (n or 0) + 1)
    return StopEvent(result={"approved": event.approved, "asked": asked, "by": ctx.answered_by})


@step(retries=2)
def count_users(event: StartEvent, ctx: Context) -> StopEvent:
    """A `def` step that uses the ORM."""
    note("count_users", ctx)
    return StopEvent(result=User.objects.count())


@step
async def split(event: StartEvent, ctx: Context) -> list[Part]:
    return [Part(number=n) for n in range(3)]


@step
async def ask_part(event: Part, ctx: Context) -> InputRequestEvent:
    note("ask_part", ctx)
    return InputRequestEvent(request_id=f"part-{event.number}", prompt=f"Part {event.number}?")


@step
async def take_part(event: InputResponseEvent, ctx: Context) -> Done:
    note("take_part", ctx)
    return Done(number=int(event.request_id[-1]), approved=event.approved)


@step
async def join(event: Done, ctx: Context) -> StopEvent | None:
    found = ctx.collect_events(event, [Done, Done, Done])
    if found is None:
        return None
    return StopEvent(result={str(one.number): one.approved for one in found})


@step
async def ask_soon(event: StartEvent, ctx: Context) -> InputRequestEvent:
    return InputRequestEvent(prompt="Quick?", due_in=timedelta(hours=1))


@step(retries=1, retry_delay=3600)
async def try_later(event: StartEvent, ctx: Context) -> StopEvent:
    note("try_later", ctx)
    return StopEvent(result=ctx.attempt)


ASK = Workflow("t-ask", steps=[ask, finish])
PARTS = Workflow("t-parts", steps=[split, ask_part, take_part, join])
ORM = Workflow("t-orm", steps=[count_users])
DEADLINE = Workflow("t-deadline", steps=[ask_soon, finish])
LATER = Workflow("t-later", steps=[try_later])
ALL = (ASK, PARTS, ORM, DEADLINE, LATER)
