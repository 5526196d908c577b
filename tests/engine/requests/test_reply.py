"""Answers are matched by `request_id` and checked; a refused answer changes nothing."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from typing import Annotated, Any, ClassVar, Literal

import pytest
from pydantic import BaseModel, Field, field_validator

from tests.engine.machine_harness import Bench
from workflows.engine import (
    AlreadyAnswered,
    Context,
    InputRequestEvent,
    InputResponseEvent,
    InvalidReply,
    RequestClosed,
    RequestExpired,
    StartEvent,
    StopEvent,
    UnknownRequest,
    Workflow,
    step,
)


class Mood(Enum):
    GOOD = "good"
    BAD = "bad"


class Decision(BaseModel):
    approved: bool
    amount: Decimal = Field(ge=0)
    reason: Literal["in policy", "exception"]
    mood: Mood | None = None
    by_alias: int = Field(default=0, alias="byAlias")


class Reply(InputResponseEvent):
    response: Decision


class Ask(InputRequestEvent):
    reply: ClassVar[type[InputResponseEvent]] = Reply


@step
def ask(event: StartEvent) -> list[Ask | InputRequestEvent]:
    return [
        Ask(prompt="typed", request_id="typed"),
        InputRequestEvent(prompt="bare", request_id="bare", payload={"n": 1}),
    ]


@step
def take(event: Reply, ctx: Context) -> StopEvent | None:
    return None


@step
def take_bare(event: InputResponseEvent, ctx: Context) -> StopEvent:
    assert ctx.request is not None
    return StopEvent(
        result=[event.approved, event.comment, event.text, ctx.request.prompt, ctx.answered_by]
    )


workflow = Workflow("replies", [ask, take, take_bare])
ALL = ("approve", "reject", "reply")


def asked() -> Bench:
    bench = Bench(workflow)
    bench.run_all()
    return bench


@pytest.mark.parametrize(
    ("response", "normalised"),
    [
        ({"approved": True}, {"approved": True}),
        ({"approved": False, "comment": ""}, {"approved": False}),
        ({"approved": True, "comment": None}, {"approved": True}),
        ({"approved": True, "comment": "ok"}, {"approved": True, "comment": "ok"}),
        ("text ", "text "),
    ],
)
def test_untyped_answer_is_normalised(response: Any, normalised: Any) -> None:
    assert workflow.check_reply("InputRequestEvent", ALL, response) == normalised


@pytest.mark.parametrize(
    "response",
    [
        {"approved": "true"}, {"approved": 1}, {"approved": None}, None, "", "  ",
        {"approved": True, "comment": 3}, {"approved": True, "more": 1}, "a\x00", "\ud800",
        {"approved": True, "comment": "\x00"}, {"approved": float("nan")}, object(),
    ],
    ids=lambda one: "an object" if type(one) is object else repr(one),
)  # fmt: skip
def test_untyped_answer_of_another_shape_is_refused(response: Any) -> None:
    with pytest.raises(InvalidReply) as caught:
        workflow.check_reply("InputRequestEvent", ALL, response)
    assert caught.value.errors


@pytest.mark.parametrize(
    "response", [5, 0, -1.5, True, False, [], [1, [2]], {}, {"a": {"b": 1}}, {"comment": "no"}, "a"]
)
def test_any_json_is_a_reply_where_replies_are_allowed(response: Any) -> None:
    back = workflow.check_reply("InputRequestEvent", ["reply"], response)
    assert (back, type(back)) == (response, type(response))
    with pytest.raises(InvalidReply, match="does not take a reply"):
        workflow.check_reply("InputRequestEvent", ["approve", "reject"], response)


async def test_a_step_gets_a_reply_of_any_json_from_code_and_from_a_handler() -> None:
    @step
    async def ask(event: StartEvent) -> InputRequestEvent:
        return InputRequestEvent(prompt="How many?", request_id="r")

    @step
    async def end(event: InputResponseEvent) -> StopEvent:
        return StopEvent(result=[event.response, event.approved, event.text])

    async def handle(event: InputRequestEvent) -> InputResponseEvent:
        return InputResponseEvent(request_id=event.request_id, response=[1, {"a": 2}])

    handler = await Workflow("count", [ask, end]).run()
    await handler.snapshot()  # returns when the run waits
    await handler.send_input(InputResponseEvent(request_id="r", response=7))
    assert await handler.result() == [7, None, None]
    handler = await Workflow("count", [ask, end], input_handler=handle).run()
    assert await handler.result() == [[1, {"a": 2}], None, None]


@pytest.mark.parametrize(
    ("response", "verdict"),
    [({"approved": True}, "approve"), ({"approved": False}, "reject"), ("text", "reply")],
)
def test_verdict_that_the_request_does_not_allow_is_refused(response: Any, verdict: str) -> None:
    allow = [one for one in ALL if one != verdict]
    with pytest.raises(InvalidReply, match=verdict):
        workflow.check_reply("InputRequestEvent", allow, response)
    assert workflow.check_reply("InputRequestEvent", [verdict], response) == response


def test_typed_answer_is_normalised_by_field_name() -> None:
    given = {"approved": "yes", "amount": 3, "reason": "exception", "byAlias": 4, "mood": "good"}
    assert workflow.check_reply("Ask", ALL, given) == {
        "approved": True, "amount": "3", "reason": "exception", "mood": "good", "by_alias": 4,
    }  # fmt: skip


def test_typed_answer_may_be_an_object_of_its_class() -> None:
    given = Decision(approved=True, amount=Decimal("1.50"), reason="exception", byAlias=2)
    reported = workflow.check_reply("Ask", ALL, given)
    assert (reported["amount"], reported["by_alias"]) == ("1.50", 2)


def test_every_fault_of_a_typed_answer_is_listed_at_its_field() -> None:
    with pytest.raises(InvalidReply, match="Ask") as caught:
        workflow.check_reply("Ask", ALL, {"amount": -1, "reason": "why"})
    assert {fault["loc"] for fault in caught.value.errors} == {
        ("approved",), ("amount",), ("reason",)
    }  # fmt: skip


@pytest.mark.parametrize(
    "response", [float("nan"), "\x00", "\ud800", object(), "x"], ids=lambda one: repr(one)[:8]
)
def test_typed_answer_that_cannot_be_stored_is_refused(response: Any) -> None:
    class Free(InputResponseEvent):
        response: dict[str, Any]

    class AskFree(InputRequestEvent):
        reply: ClassVar[type[InputResponseEvent]] = Free

    with pytest.raises(InvalidReply):
        ask_for(AskFree).check_reply("AskFree", ALL, response)
    if response != "x":
        with pytest.raises(InvalidReply):
            ask_for(AskFree).check_reply("AskFree", ALL, {"in": [response]})


def test_deeply_nested_answer_is_refused() -> None:
    deep: Any = 1
    for _ in range(2000):
        deep = [deep]
    with pytest.raises(InvalidReply):
        workflow.check_reply("Ask", ALL, deep)


def ask_for(request: type[InputRequestEvent]) -> Workflow:
    def begin(event: StartEvent) -> Any: ...
    def end(event: Any) -> StopEvent: ...  # type: ignore[empty-body]

    begin.__annotations__["return"] = request
    end.__annotations__["event"] = request.reply
    return Workflow("asks", [step(begin), step(end)])


def test_rules_of_the_response_field_are_applied() -> None:
    class Short(InputResponseEvent):
        response: Annotated[str, Field(max_length=3, description="A code")]

        @field_validator("response")
        @classmethod
        def upper(cls, value: str) -> str:
            return value.upper()

    class AskShort(InputRequestEvent):
        reply: ClassVar[type[InputResponseEvent]] = Short

    short = ask_for(AskShort)
    assert short.check_reply("AskShort", ALL, "abc") == "ABC"
    with pytest.raises(InvalidReply):
        short.check_reply("AskShort", ALL, "abcd")
    schema = short.reply_schema("AskShort")
    assert schema is not None
    assert (schema["maxLength"], schema["type"]) == (3, "string")


def test_reply_class_without_a_response_type_is_untyped() -> None:
    class Plain(InputResponseEvent):
        pass

    class AskPlain(InputRequestEvent):
        reply: ClassVar[type[InputResponseEvent]] = Plain

    plain = ask_for(AskPlain)
    assert plain.reply_schema("AskPlain") is None
    assert plain.check_reply("AskPlain", ALL, {"approved": True}) == {"approved": True}
    with pytest.raises(InvalidReply):
        plain.check_reply("AskPlain", ["reject"], {"approved": True})


def test_reply_schema_is_the_schema_of_the_response_field() -> None:
    schema = workflow.reply_schema("Ask")
    assert schema is not None
    assert schema["required"] == ["approved", "amount", "reason"]
    assert workflow.reply_schema("InputRequestEvent") is None
    with pytest.raises(UnknownRequest, match=r"'replies'.*'Nope'"):
        workflow.reply_schema("Nope")


def test_answer_reaches_the_step_with_its_request_and_who_answered() -> None:
    bench = asked()
    bench.machine.answer("bare", {"approved": False, "comment": "no"}, by="alice", source="inbox")
    bench.run_all()
    assert bench.machine.state.result == [False, "no", None, "bare", "alice"]


def test_unknown_answered_and_closed_requests_have_different_errors() -> None:
    bench = asked()
    with pytest.raises(UnknownRequest, match=r"run-1.*'nope'"):
        bench.machine.answer("nope", "x")
    bench.machine.answer("bare", "x")
    for one in (bench, bench.reload()):
        with pytest.raises(AlreadyAnswered, match="'bare'"):
            one.machine.answer("bare", "x")
    bench.run_all()
    assert bench.machine.state.status == "completed"
    with pytest.raises(RequestClosed, match="'typed'.*completed"):
        bench.machine.answer("typed", {})
    with pytest.raises(AlreadyAnswered):
        bench.machine.answer("bare", "x")
    with pytest.raises(UnknownRequest):
        bench.machine.answer("nope", "x")


def test_refused_answer_changes_nothing() -> None:
    bench = asked()
    bench.machine.journal.clear()
    before = bench.machine.state.seq
    with pytest.raises(UnknownRequest):
        bench.machine.answer("nope", "x")
    request = bench.machine.check_open("typed")
    with pytest.raises(InvalidReply):
        workflow.check_reply(type(request).__name__, request.allow, {"no": 1})
    assert bench.machine.state.seq == before
    assert list(bench.machine.state.requests) == ["typed", "bare"]


def test_expired_request_fails_the_run_and_the_error_names_it() -> None:
    bench = asked()
    bench.machine.expire("bare")
    bench.machine.expire("bare")
    assert bench.kinds()[-2:] == ["expired", "failed"]
    assert isinstance(bench.machine.failure, RequestExpired)
    assert "'bare'" in str(bench.machine.failure)
    with pytest.raises(RequestClosed):
        bench.machine.answer("bare", "x")


@pytest.mark.parametrize(
    "response", [{"aproved": False}, {"Approved": True}, {"approve": True, "comment": "yes"}]
)
def test_a_mapping_with_a_misspelt_approved_is_refused_with_a_suggestion(response: Any) -> None:
    with pytest.raises(InvalidReply, match="did you mean 'approved'"):
        workflow.check_reply("InputRequestEvent", ALL, response)


@pytest.mark.parametrize("response", [{"approver": "ada"}, {"moved": True}, {"text": "approved"}])
def test_a_mapping_with_other_keys_is_a_reply(response: Any) -> None:
    assert workflow.check_reply("InputRequestEvent", ALL, response) == response
