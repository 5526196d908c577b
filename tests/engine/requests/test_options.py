"""The options of a request: how they are used, and which values are refused."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, ClassVar

import pytest
from pydantic import BaseModel, ValidationError

from tests.engine.machine_harness import Bench
from workflows.engine import (
    Context,
    InputRequestEvent,
    InputResponseEvent,
    InvalidReply,
    InvalidRequestOptions,
    QuorumWithoutVerdict,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)

HOUR = timedelta(hours=1)


def asking(**fields: Any) -> Bench:
    """Return a run. Its first step asks with these options; the next returns what was approved."""

    @step
    def begin(event: StartEvent) -> InputRequestEvent:
        return InputRequestEvent(request_id="r", prompt="?", payload={"amount": 5}, **fields)

    @step
    def end(event: InputResponseEvent, ctx: Context) -> StopEvent:
        assert ctx.request is not None
        return StopEvent(
            result=[event.response, event.edits, ctx.request.payload, ctx.effective_payload]
        )

    bench = Bench(Workflow("terms", [begin, end]))
    bench.run_all()
    return bench


@pytest.mark.parametrize(
    ("field", "terms"),
    [
        ("assign_to", {"assign_to": ["group:"]}),
        ("assign_to", {"assign_to": ["name"] * 51}),
        ("tags", {"tags": [" "]}),
        ("tags", {"tags": ["t" * 51]}),
        ("due_in", {"due_in": timedelta(0)}),
        ("due_in", {"due_in": -HOUR}),
        ("due_in", {"due_in": timedelta.max}),
        ("remind_in", {"remind_in": timedelta.max}),
        ("escalate_in", {"escalate_in": timedelta.max, "escalate_to": ["boss"]}),
        ("remind_in", {"remind_in": timedelta(0)}),
        ("remind_in", {"remind_in": 2 * HOUR, "due_in": HOUR}),
        ("escalate_in", {"escalate_in": HOUR, "due_in": HOUR, "escalate_to": ["boss"]}),
        ("escalate_to", {"escalate_in": HOUR}),
        ("escalate_to", {"escalate_to": ["boss"]}),
        ("on_deadline", {"on_deadline": "stay_open"}),
        ("default_response", {"default_response": {"approved": True}}),
        ("default_response", {"on_deadline": "default", "due_in": HOUR, "default_response": ""}),
        ("default_response", {"on_deadline": "default", "due_in": HOUR}),
        ("if_approved", {"if_approved": "two\nlines"}),
        ("if_approved", {"if_approved": "x" * 301}),
        ("editable", {"editable": ["total"]}),
    ],
)
def test_options_that_cannot_be_stored_fail_the_step_and_the_error_names_the_field(
    field: str, terms: dict[str, Any]
) -> None:
    machine = asking(**terms).machine
    assert isinstance(machine.failure, InvalidRequestOptions)
    assert f"{field!r}" in str(machine.failure)
    assert "'begin'" in str(machine.failure)
    assert not machine.state.requests


def test_the_step_that_gets_the_reply_can_read_the_edited_and_the_original_payload() -> None:
    bench = asking(editable=["amount"])
    bench.machine.answer("r", {"approved": True}, by="alice", edits={"amount": 3})
    bench = bench.reload()
    bench.run_all()
    assert bench.machine.state.result == [
        {"approved": True}, {"amount": 3}, {"amount": 5}, {"amount": 3},
    ]  # fmt: skip


def test_without_edits_the_journal_has_no_key_for_them() -> None:
    bench = asking(editable=["amount"])
    bench.machine.answer("r", {"approved": True})
    assert "edits" not in bench.machine.journal[-1].to_json()
    bench.run_all()
    assert bench.machine.state.result[1:] == [{}, {"amount": 5}, {"amount": 5}]


@pytest.mark.parametrize(
    ("policy", "kinds"),
    [
        ("fail", ["expired", "failed"]),
        ("default", ["answered", "step_completed", "completed"]),
        ("stay_open", []),
    ],
)
def test_a_run_in_memory_applies_the_deadline_policy(policy: str, kinds: list[str]) -> None:
    default = {"approved": False} if policy == "default" else None
    bench = asking(due_in=HOUR, on_deadline=policy, default_response=default)
    before = len(bench.kinds())
    bench.machine.expire_overdue()
    assert bench.kinds()[before:] == []
    bench.later(3601)
    bench.machine.expire_overdue()
    bench.machine.expire_overdue()
    bench.run_all()
    assert bench.kinds()[before:] == kinds
    if policy == "default":
        answered = bench.machine.journal[before]
        assert (answered.data["by"], answered.data["source"]) == ("", "deadline")


class Verdict(BaseModel):
    approved: bool


class VerdictReply(InputResponseEvent):
    response: Verdict


class NumberReply(InputResponseEvent):
    response: int


def with_quorum(count: int, answer: type[InputResponseEvent]) -> Workflow:
    class Two(InputRequestEvent):
        reply: ClassVar = answer
        quorum: int = count

    @step
    def begin(event: StartEvent) -> Two:
        return Two(prompt="?")

    def end(event: Any) -> StopEvent:
        return StopEvent()

    end.__annotations__["event"] = answer
    return Workflow("quorum", [begin, step(end)])


def test_a_quorum_needs_a_reply_with_the_field_approved() -> None:
    with_quorum(2, InputResponseEvent)
    with_quorum(2, VerdictReply)
    with_quorum(1, NumberReply)
    with pytest.raises(QuorumWithoutVerdict, match="Two has a quorum of"):
        with_quorum(2, NumberReply)


async def test_edits_in_memory_are_accepted_only_for_editable_keys() -> None:
    @step
    async def begin(event: StartEvent) -> InputRequestEvent:
        return InputRequestEvent(prompt="?", payload={"n": 5, "s": "a"}, editable=("n",))

    @step
    async def end(event: InputResponseEvent, ctx: Context) -> StopEvent:
        return StopEvent(result=ctx.effective_payload)

    handler = await Workflow("edits", [begin, end]).run()
    await handler.snapshot()
    [request] = handler.pending_requests
    yes = {"request_id": request.request_id, "response": {"approved": True}}
    for edits in ({"s": "b"}, {"n": "six"}, {"n": True}):
        with pytest.raises(InvalidReply):
            await handler.send_input(InputResponseEvent(**yes, edits=edits))
    await handler.send_input(InputResponseEvent(**yes, edits={"n": 6}))
    assert await handler.result() == {"n": 6, "s": "a"}


@pytest.mark.parametrize("field", ["assign_to", "escalate_to", "tags", "editable"])
def test_the_error_of_a_single_text_suggests_a_tuple(field: str) -> None:
    with pytest.raises(ValidationError, match=r'a single one is written \("alice",\)'):
        InputRequestEvent(prompt="?", **{field: "alice"})


def test_a_default_with_a_misspelt_approved_is_refused() -> None:
    terms = {"on_deadline": "default", "due_in": HOUR, "default_response": {"aproved": False}}
    machine = asking(**terms).machine
    assert isinstance(machine.failure, InvalidRequestOptions)
    assert "did you mean 'approved'" in str(machine.failure)
