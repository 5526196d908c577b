"""Workflows that put attacks into all texts of a workflow."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from tests.e2e.xss_site.attacks import (
    BREAKER,
    CLOSER,
    HTMX,
    IMAGE,
    LONG,
    MARKDOWN,
    NAME,
    PAYLOADS,
    SCRIPT,
    TEMPLATE,
    TEXTS,
    nested,
)
from workflows.engine import (
    Context,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    registry,
    step,
)


class Reported(Event):
    said: str


class HostileReply(InputResponseEvent):
    """A reply whose form has attacks for labels, hints, defaults and choices."""

    class Answer(BaseModel):
        approved: bool
        title: str = Field(default=BREAKER, title=SCRIPT, description=IMAGE)
        text: str = Field(default=CLOSER, title=HTMX, description=TEMPLATE, max_length=5_000)
        choice: Literal["<b>bold</b>", '" onclick="window.pwned=1'] = Field(title=LONG[:400])
        other: str | None = Field(default=None, title="Other", description=LONG[:2_000])

    response: Answer


class HostileRequest(InputRequestEvent):
    reply: ClassVar[type[InputResponseEvent]] = HostileReply


Questions = list[InputRequestEvent | HostileRequest]


@step
async def ask(event: StartEvent, ctx: Context) -> Questions:
    """<script>window.pwned=1</script> The docstring of a step."""
    ctx.progress(0.5, f"{SCRIPT} {IMAGE} {LONG}")
    prompts = [f"{name}: {text}" for name, text in TEXTS.items()]
    return [
        HostileRequest(prompt=f"typed {SCRIPT}", payload={BREAKER: HTMX}),
        InputRequestEvent(prompt=f"bare {LONG}", payload=SCRIPT),
        InputRequestEvent(prompt=f"lines {SCRIPT}\n\n{IMAGE}\n{HTMX}", payload=None),
        *(InputRequestEvent(prompt=prompt) for prompt in prompts),
        *(
            InputRequestEvent(prompt=f"marks {name} **go**?\n\n{text}", payload=None)
            for name, text in MARKDOWN.items()
        ),
        *(InputRequestEvent(prompt=f"payload {name}", payload=PAYLOADS[name]) for name in PAYLOADS),
    ]


@step
async def take(event: InputResponseEvent) -> Reported:
    return Reported(said=str(event.response))


@step
async def take_typed(event: HostileReply) -> Reported:
    return Reported(said=event.response.text)


@step
async def end(event: Reported, ctx: Context) -> StopEvent:
    """End the run at the first answer."""
    return StopEvent(result={SCRIPT: event.said, "values": TEXTS, "long": LONG})


@step
async def fail(event: StartEvent) -> StopEvent:
    raise ValueError(f"{SCRIPT} {IMAGE} {HTMX} {TEMPLATE} {LONG}")


class Depth(StartEvent):
    depth: int


@step
async def ask_deeply(event: Depth) -> InputRequestEvent:
    return InputRequestEvent(prompt="deep", payload=nested(event.depth))


@step
async def stop(event: InputResponseEvent) -> StopEvent:
    return StopEvent()


for workflow in (
    Workflow(NAME, steps=[ask, take, take_typed, end], description=f"{SCRIPT} {IMAGE} {LONG}"),
    Workflow("fails", steps=[fail], description="Fails with an attack for a message."),
    Workflow("deep", steps=[ask_deeply, stop]),
):
    registry.register(workflow)
