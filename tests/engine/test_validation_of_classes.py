"""Mistakes in classes and annotations that are reported when the workflow is built."""

from __future__ import annotations

import warnings
from decimal import Decimal

import pytest

from workflows.engine import (
    BuildError,
    Context,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    UnsentEventWarning,
    Workflow,
    step,
)


class Misspelt(InputResponseEvent):
    respones: Decimal = Decimal(0)


class Beside(InputResponseEvent):
    verdict: str = ""


class Plain(InputResponseEvent):
    response: Decimal


class Inherits(Beside):
    response: Decimal


class Lost(Event):
    number: int = 0


class Base(Event):
    number: int = 0


class Derived(Base):
    pass


def build(reply: type[InputResponseEvent]) -> Workflow:
    class Asks(InputRequestEvent):
        pass

    Asks.reply = reply

    @step
    def ask(event: StartEvent) -> Asks:
        return Asks(prompt="?")

    def end(event: InputResponseEvent) -> StopEvent:
        return StopEvent()

    end.__annotations__["event"] = reply
    return Workflow("replies", [ask, step(end)])


@pytest.mark.parametrize("reply", [Misspelt, Beside, Inherits])
def test_a_reply_class_has_no_fields_beside_its_response(reply: type[InputResponseEvent]) -> None:
    with pytest.raises(BuildError, match="a field '(respones|verdict)' of its own") as caught:
        build(reply)
    assert ("Did you mean 'response'?" in str(caught.value)) == (reply is Misspelt)


def test_a_reply_class_with_a_response_is_built() -> None:
    assert build(Plain).reply_schema("Asks")


@step
def start(event: StartEvent) -> Base:
    """Return a base event."""
    return Base()


@step
def finish(event: Base | Derived) -> StopEvent:
    """Accept what `start` may return."""
    return StopEvent()


@step
def takes_lost(event: Lost) -> StopEvent:
    """Accept an event that no step returns."""
    return StopEvent()


@step
def with_context(event: Base, ctx: Context) -> StopEvent:
    """May send any event."""
    return StopEvent()


@step
def without_annotation(event: Base):  # type: ignore[no-untyped-def]
    """May return any event."""
    return StopEvent()


def test_a_warning_names_an_event_that_no_step_returns() -> None:
    with pytest.warns(UnsentEventWarning, match="'takes_lost' takes Lost, which no step returns"):
        Workflow("lost", [start, finish, takes_lost])


def test_there_is_no_warning_if_a_step_may_send_any_event() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Workflow("context", [start, finish, with_context, takes_lost])
        Workflow("open", [start, finish, without_annotation, takes_lost])
        Workflow("derived", [start, finish])
