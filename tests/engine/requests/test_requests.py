"""A request has its own id in the run, is declared, answerable and storable, or is refused."""

from __future__ import annotations

from typing import Any

import pytest

from tests.engine.machine_harness import Bench
from tests.engine.requests.test_reply import Ask, take
from workflows.engine import (
    DuplicateRequest,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    UnansweredRequest,
    UnroutableEvent,
    Workflow,
    step,
)


def emitting(*events: Event) -> Bench:
    @step
    def begin(event: StartEvent):  # type: ignore[no-untyped-def]
        return list(events)

    @step
    def end(event: InputResponseEvent):  # type: ignore[no-untyped-def]
        return InputRequestEvent(prompt="again", request_id="one")

    bench = Bench(Workflow("emitting", [begin, end]))
    bench.run_all()
    return bench


def test_request_id_used_twice_in_one_return_fails_the_run() -> None:
    same = InputRequestEvent(prompt="?", request_id="one")
    for pair in ((same, same), (same, InputRequestEvent(prompt="!", request_id="one"))):
        machine = emitting(*pair).machine
        assert isinstance(machine.failure, DuplicateRequest)
        assert "'one'" in str(machine.failure)
        assert "'begin'" in str(machine.failure)
        assert not machine.state.requests


def test_request_id_used_again_after_its_answer_fails_the_run() -> None:
    bench = emitting(InputRequestEvent(prompt="?", request_id="one"))
    bench.machine.answer("one", "x")
    bench.run_all()
    assert isinstance(bench.machine.failure, DuplicateRequest)
    assert "'end'" in str(bench.machine.failure)


def test_request_that_no_annotation_declares_fails_the_run() -> None:
    class Odd(InputRequestEvent):
        pass

    failure = emitting(Odd(prompt="?")).machine.failure
    assert isinstance(failure, UnroutableEvent)
    assert "Odd" in str(failure)


def test_request_whose_reply_no_step_accepts_fails_the_run() -> None:
    @step
    def begin(event: StartEvent):  # type: ignore[no-untyped-def]
        return InputRequestEvent(prompt="?")

    bench = Bench(Workflow("alone", [begin]))
    bench.run_all()
    assert isinstance(bench.machine.failure, UnansweredRequest)
    assert "'begin'" in str(bench.machine.failure)


def test_typed_request_of_a_step_without_annotations_is_found_by_its_reply() -> None:
    @step
    def begin(event: StartEvent):  # type: ignore[no-untyped-def]
        return Ask(prompt="?", request_id="one")

    bench = Bench(Workflow("unannotated", [begin, take]))
    bench.run_all()
    assert list(bench.machine.state.requests) == ["one"]
    assert list(bench.reload().machine.state.requests) == ["one"]
    bench.machine.check_compatible()


@pytest.mark.parametrize("payload", [float("nan"), "\x00", object()], ids=["nan", "nul", "object"])
def test_payload_that_cannot_be_stored_fails_the_asking_step(payload: Any) -> None:
    machine = emitting(InputRequestEvent(prompt="?", payload={"in": [payload]})).machine
    assert machine.state.status == "failed"
    assert "'begin'" in str(machine.failure)
    assert not machine.state.requests
