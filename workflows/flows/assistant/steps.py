"""Measures a text, asks whether it may be published, and records what was decided."""

from __future__ import annotations

from textwrap import shorten
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, StringConstraints

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
from workflows.flows.assistant.text_metrics import Figures, measure

TITLE_LENGTH = 60
EXCERPT_LENGTH = 400

Outcome = Literal["published", "rejected", "returned"]


class AssistantStart(StartEvent):
    """The text to analyse."""

    model_config = ConfigDict(extra="forbid")

    text: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=50_000)
    ] = Field(
        title="Text",
        description="English prose, up to 50,000 characters. The figures fit no other language.",
        json_schema_extra={"contentMediaType": "text/plain"},
    )


class AnalyzeEvent(Event):
    """A text that has been measured."""

    title: str
    excerpt: str
    figures: Figures


@step
def analyze(event: AssistantStart, ctx: Context) -> AnalyzeEvent:
    """Measure how the text reads and sounds."""
    ctx.progress(0.1, "Measuring the text")
    figures = measure(event.text)
    ctx.progress(1.0, "Text measured")
    ctx.set("figures", figures.model_dump())
    return AnalyzeEvent(
        title=_title(event.text),
        excerpt=_head(event.text, EXCERPT_LENGTH),
        figures=figures,
    )


@step
async def review(event: AnalyzeEvent) -> InputRequestEvent:
    """Ask a person whether the text may be published."""
    return InputRequestEvent(
        prompt=f"Approve analysis for '{event.title}'?",
        payload={
            "title": event.title,
            "figures": event.figures.model_dump(),
            "excerpt": event.excerpt,
        },
    )


@step
async def publish(event: InputResponseEvent, ctx: Context) -> StopEvent:
    """Record the decision. A free text sends the piece back to its author, with that text."""
    request: Any = ctx.request
    return StopEvent(
        result={
            "title": request.payload["title"],
            "outcome": _outcome(event),
            "approved": event.approved,
            "comment": event.comment,
            "text": event.text,
            "decided_by": ctx.answered_by,
            "figures": ctx.get("figures"),
        }
    )


def _outcome(answer: InputResponseEvent) -> Outcome:
    if answer.approved is None:
        return "returned"
    return "published" if answer.approved else "rejected"


def _title(text: str) -> str:
    lines = (line for line in text.splitlines() if line.strip())
    return _head(next(lines, "Untitled"), TITLE_LENGTH)


def _head(text: str, length: int) -> str:
    """Return the first words of `text` on one line. A word is cut only if it is too long."""
    short = shorten(text, length, placeholder=" …")
    return short if short.strip() != "…" else text.strip()[: length - 2] + " …"


workflow = registry.register(
    Workflow(
        "assistant",
        steps=[analyze, review, publish],
        description="Measures how a text reads and sounds, and asks before it is published.",
    )
)
