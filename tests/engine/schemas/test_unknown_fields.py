"""An unknown key in data from outside is an error; it is not dropped silently."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, computed_field
from typing_extensions import TypedDict

from workflows.engine import (
    InputRequestEvent,
    InputResponseEvent,
    InvalidInput,
    InvalidReply,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)


class Reason(BaseModel):
    code: str = ""
    remark: str = ""


class Money(BaseModel):
    approved: bool
    amount: Decimal = Decimal(0)
    reasons: list[Reason] = []
    by_page: dict[str, Reason] = {}
    main: Reason | int | None = None


class Typed(InputResponseEvent):
    response: Money


class AskMoney(InputRequestEvent):
    reply = Typed


class Open(BaseModel):
    model_config = ConfigDict(extra="allow")
    approved: bool


class Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")
    approved: bool
    inner: Reason = Reason()


class OpenReply(InputResponseEvent):
    response: Open


class LenientReply(InputResponseEvent):
    response: Lenient


class AskOpen(InputRequestEvent):
    reply = OpenReply


class AskLenient(InputRequestEvent):
    reply = LenientReply


@dataclass
class Place:
    city: str = ""


class Tag(TypedDict, total=False):
    colour: str


class Paper(BaseModel):
    title: str = Field("", alias="Title")

    @computed_field
    def length(self) -> int:
        """Count the characters."""
        return len(self.title)


class Case(StartEvent):
    paper: Paper = Paper()
    place: Place = Place()
    tag: Tag = {}


@step
def ask(event: Case) -> AskMoney | AskOpen | AskLenient:
    """Ask."""
    return AskMoney(prompt="Pay?")


@step
def end(event: Typed | OpenReply | LenientReply) -> StopEvent:
    """End."""
    return StopEvent(result=event.response)


FLOW = Workflow("unknown-keys", [ask, end])


def reported(response: Any, request: str = "AskMoney") -> str:
    with pytest.raises(InvalidReply) as caught:
        FLOW.check_reply(request, ["approve"], response)
    return str(caught.value)


def input_error(data: Any) -> str:
    with pytest.raises(InvalidInput) as caught:
        FLOW.check_input(data)
    return str(caught.value)


def test_a_misspelt_key_of_an_answer_is_refused_with_a_suggestion() -> None:
    said = reported({"approved": True, "amount": 0.3, "resaons": []})
    assert "There is no field 'resaons'; did you mean 'reasons'?" in said


@pytest.mark.parametrize(
    "part",
    [
        {"reasons": [{"remrak": "x"}]},
        {"by_page": {"3": {"remrak": "x"}}},
        {"main": {"remrak": "x"}},
    ],
)
def test_the_error_names_a_misspelt_key_deep_within_an_answer(part: dict[str, Any]) -> None:
    assert "no field 'remrak'; did you mean 'remark'?" in reported({"approved": True, **part})


def test_an_unknown_key_without_a_similar_one_is_refused_without_a_suggestion() -> None:
    assert reported({"approved": True, "zzz": 1}).endswith("There is no field 'zzz'")


def test_the_error_is_located_at_the_unknown_key() -> None:
    with pytest.raises(InvalidReply) as caught:
        FLOW.check_reply("AskMoney", [], {"approved": True, "reasons": [{"remrak": ""}]})
    assert [one["loc"] for one in caught.value.errors] == [("reasons", 0, "remrak")]


def test_a_model_that_sets_extra_keeps_its_own_rule() -> None:
    kept = FLOW.check_reply("AskOpen", [], {"approved": True, "note": "x"})
    assert kept == {"approved": True, "note": "x"}
    dropped = FLOW.check_reply("AskLenient", [], {"approved": True, "note": "x"})
    assert dropped == {"approved": True, "inner": {"code": "", "remark": ""}}
    assert "no field 'cod'" in reported({"approved": True, "inner": {"cod": ""}}, "AskLenient")


def test_objects_from_code_may_be_given_with_their_computed_fields() -> None:
    money = Money(approved=True, reasons=[Reason(code="a")])
    assert FLOW.check_reply("AskMoney", [], money)["reasons"] == [{"code": "a", "remark": ""}]
    mixed = {"approved": True, "reasons": [Reason(code="b")], "resaons": 1}
    assert "did you mean 'reasons'?" in reported(mixed)
    assert FLOW.check_input(Case(paper=Paper(Title="abc")))["paper"] == {"title": "abc"}


@pytest.mark.parametrize(
    ("data", "meant"),
    [
        ({"paper": {"Titel": "x"}}, "'Titel'; did you mean 'Title'?"),
        ({"place": {"citty": "x"}}, "'citty'; did you mean 'city'?"),
        ({"tag": {"color": "x"}}, "'color'; did you mean 'colour'?"),
    ],
)
def test_the_error_names_a_misspelt_key_within_an_input(data: Any, meant: str) -> None:
    assert f"There is no field {meant}" in input_error(data)


def test_a_misspelt_key_of_a_default_fails_the_asking_step() -> None:
    assert "did you mean 'approved'?" in reported({"aproved": True})


def test_validators_of_data_from_outside_run_once() -> None:
    calls: list[int] = []

    def count(value: int) -> int:
        calls.append(value)
        return value * 100

    class Sum(BaseModel):
        cents: Annotated[int, AfterValidator(count)]

    class SumReply(InputResponseEvent):
        response: Sum

    class AskSum(InputRequestEvent):
        reply = SumReply

    @step
    def first(event: StartEvent) -> AskSum:
        return AskSum(prompt="?")

    @step
    def last(event: SumReply) -> StopEvent:
        return StopEvent()

    flow = Workflow("once", [first, last])
    assert flow.check_reply("AskSum", [], {"cents": 5}) == {"cents": 500}
    assert calls == [5]
