"""After the upgrade: a letter is signed with a typed answer, and the request has another name."""

from __future__ import annotations

from typing import ClassVar

from pydantic import BaseModel

from workflows.engine import (
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    registry,
    step,
)


class Signature(BaseModel):
    approved: bool
    name: str = ""


class Signed(InputResponseEvent):
    response: Signature


class Sign(InputRequestEvent):
    reply: ClassVar[type[InputResponseEvent]] = Signed


class Letter(StartEvent):
    to: str


@step
async def draft(event: Letter) -> Sign:
    return Sign(prompt=f"Sign the letter to {event.to}?")


@step
async def post(event: Signed) -> StopEvent:
    return StopEvent(result="posted by the new code")


@step
async def open_(event: StartEvent) -> StopEvent:
    return StopEvent(result="opened")


registry.register(Workflow("letter", steps=[draft, post]))
registry.register(Workflow("only-new", steps=[open_]))
