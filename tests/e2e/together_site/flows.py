"""A transfer that one or two people approve. They may edit its amount."""

from __future__ import annotations

from datetime import timedelta

from workflows.engine import (
    Context,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    registry,
    step,
)


class Transfer(StartEvent):
    text: str
    assign: str = ""
    both: bool = False


class BothRequest(InputRequestEvent):
    quorum: int = 2


@step
async def ask(event: Transfer, ctx: Context) -> InputRequestEvent | BothRequest:
    cls = BothRequest if event.both else InputRequestEvent
    return cls(
        prompt=event.text,
        payload={"amount": 640, "to": "Ada Novak", "purpose": "Train"},
        assign_to=tuple(event.assign.split()),
        priority="high" if event.both else "normal",
        tags=("money",) if event.both else (),
        due_in=timedelta(hours=8),
        on_deadline="stay_open",
        if_approved="The amount is paid to Ada Novak." if event.both else "",
        editable=("amount", "purpose") if event.both else (),
    )


@step
async def pay(event: InputResponseEvent, ctx: Context) -> StopEvent:
    return StopEvent(result={"paid": ctx.effective_payload if event.approved else None})


registry.register(Workflow("transfer", steps=[ask, pay], description="Asks one or two people."))
