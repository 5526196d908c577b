"""A workflow that a second process can import, and the program of that process."""

from __future__ import annotations

import asyncio
import json
import sys

from workflows.engine import (
    Context,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowSnapshot,
    registry,
    step,
)


class Half(Event):
    n: int


@step
async def begin(event: StartEvent, ctx: Context) -> list[Half | InputRequestEvent]:
    ctx.set("began", 1)
    return [Half(n=1), Half(n=2), InputRequestEvent(prompt="?", request_id="asked")]


@step
async def half(event: Half, ctx: Context) -> Half | StopEvent | None:
    ctx.update("halves", lambda n: (n or 0) + 1)
    found = ctx.collect_events(event, [Half, Half])
    await asyncio.Event().wait() if "hold" in ctx.session else None
    if found is not None:
        ctx.set("joined", [one.n for one in found])
    return None


@step
async def end(event: InputResponseEvent, ctx: Context) -> StopEvent:
    values = {key: ctx.get(key) for key in ("began", "halves", "joined")}
    return StopEvent(result={**values, "text": event.text})


workflow = Workflow("elsewhere", [begin, half, end])


async def main() -> None:
    """Resume the snapshot on standard input, answer, and print the result."""
    registry.register(workflow)
    handler = await Workflow.resume(WorkflowSnapshot.from_json(sys.stdin.read()))
    await handler.snapshot()
    [request] = handler.pending_requests
    await handler.send_input(InputResponseEvent(request_id=request.request_id, response="yes"))
    sys.stdout.write(json.dumps(await handler.result()))


if __name__ == "__main__":
    asyncio.run(main())
