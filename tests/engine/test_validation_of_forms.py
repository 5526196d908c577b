"""Building a workflow: what forms, columns or addresses cannot represent is refused by name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ConfigDict, create_model

from workflows.engine import (
    BadName,
    BadReply,
    InputRequestEvent,
    InputResponseEvent,
    NoSchema,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)


def with_start(cls: Any) -> None:
    def begin(event: Any) -> StopEvent:
        return StopEvent()

    begin.__annotations__["event"] = cls
    Workflow("form", [step(begin)])


def with_reply(cls: Any) -> None:
    class Asked(InputRequestEvent):
        pass

    def begin(event: StartEvent) -> Any: ...
    def end(event: Any) -> StopEvent:
        return StopEvent()

    Asked.reply = cls
    begin.__annotations__["return"] = Asked
    end.__annotations__["event"] = cls
    Workflow("form", [step(begin), step(end)])


class Opaque:
    pass


class Loose(StartEvent, arbitrary_types_allowed=True):
    pass


@pytest.mark.parametrize(
    ("annotation", "default"),
    [(Opaque, ...), (Callable[[], int], ...), (float, float("nan")), (str, "a\x00b")],
    ids=["class", "callable", "nan", "nul"],
)
def test_a_type_that_no_form_can_represent_is_refused_by_name(
    annotation: Any, default: Any
) -> None:
    field = (annotation, default)
    start: Any = create_model("OddStart", __base__=Loose, value=field)
    with pytest.raises(NoSchema, match="OddStart"):
        with_start(start)
    model: Any = create_model(
        "Inner", __config__=ConfigDict(arbitrary_types_allowed=True), value=field
    )
    reply: Any = create_model("OddReply", __base__=InputResponseEvent, response=(model, ...))
    with pytest.raises(NoSchema, match="OddReply"):
        with_reply(reply)


def test_a_reply_with_a_field_that_no_answer_fills_in_is_refused_by_name() -> None:
    class Signed(InputResponseEvent):
        signature: str

    class Typed(InputResponseEvent):
        response: str
        signature: str

    class Noted(InputResponseEvent):
        note: str = ""

    for cls in (Signed, Typed):
        with pytest.raises(BadReply, match=rf"{cls.__name__} has a field 'signature'"):
            with_reply(cls)
    with pytest.raises(BadReply, match="Noted has a field 'note'"):
        with_reply(Noted)


@pytest.mark.parametrize(
    "name",
    [
        "", " ", ".", "..", "a/../b", "/a", "a/", "a//b", "a/start", "a\nb", "a\x00", "\ud800",
        "a\u202eb", " a", "a ", "x" * 101, None, 7,
    ],
)  # fmt: skip
def test_a_workflow_name_that_no_address_can_contain_is_refused(name: Any) -> None:
    with pytest.raises(BadName):
        Workflow(name, [step(begin_any)])


@pytest.mark.parametrize("name", ["a", "letters/monthly", "Zürich 7", "start", "a.b", "?#%&"])
def test_a_workflow_name_that_fits_into_an_address_is_accepted(name: str) -> None:
    assert Workflow(name, [step(begin_any)]).name == name


@pytest.mark.parametrize("name", [" ", "x" * 201, "a\nb", "\x00"])
def test_names_that_are_too_long_for_their_column_are_refused(name: str) -> None:
    with pytest.raises(BadName, match="step"):
        Workflow("named", [step(name=name)(begin_any)])
    if name.isprintable() and name.strip():
        start: Any = type(name, (StartEvent,), {})
        with pytest.raises(BadName, match="event"):
            with_start(start)


def begin_any(event: StartEvent) -> StopEvent:
    return StopEvent()
