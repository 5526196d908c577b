"""A step is a transaction: all of its effects happen, once, or none of them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.engine.machine_harness import Bench
from workflows.engine import (
    Context,
    ContextClosed,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    InvalidReturn,
    StartEvent,
    StopEvent,
    UnroutableEvent,
    UnstorableValue,
    Workflow,
    step,
)


class Item(Event):
    n: int


class Other(Event):
    pass


@step
def begin(event: StartEvent) -> list[Item]:
    return [Item(n=1), Item(n=2)]


@step(retries=3)
def work(event: Item, ctx: Context):  # type: ignore[no-untyped-def]
    return None


@step
def end(event: Other) -> StopEvent:
    return StopEvent()


@step
def answer(event: InputResponseEvent) -> None:
    return None


workflow = Workflow("context", [begin, work, end, answer])


def started() -> Bench:
    bench = Bench(workflow)
    bench.run(bench.one())
    return bench


def values(bench: Bench) -> dict[str, Any]:
    return bench.machine.state.values


def test_writes_and_events_take_effect_together_at_completion() -> None:
    bench = started()
    one, two = bench.take()
    one.context.set("a", 1)
    one.context.send_event(Other())
    assert one.context.get("a") == 1
    assert two.context.get("a", "none") == "none"
    assert not bench.take()
    bench.finish(one, InputRequestEvent(prompt="?"))
    assert two.context.get("a") == 1
    assert [trial.invocation.step for trial in bench.take()] == ["end"]
    assert len(bench.machine.state.requests) == 1


def test_crashed_attempt_leaves_none_of_its_effects() -> None:
    bench = started()
    one, _two = bench.take()
    one.context.set("a", 1)
    one.context.update("n", lambda n: (n or 0) + 1)
    one.context.send_event(Other())
    bench.crash(one)
    again = bench.one()
    assert again.context.get("a") is None
    assert again.context.attempt == 2
    bench.finish(again)
    assert values(bench) == {}


def test_what_siblings_committed_meanwhile_is_visible() -> None:
    bench = started()
    one, two = bench.take()
    two.context.set("a", "two")
    bench.finish(two)
    assert one.context.get("a") == "two"


def test_last_commit_of_a_set_wins() -> None:
    bench = started()
    one, two = bench.take()
    one.context.set("a", "one")
    two.context.set("a", "two")
    bench.finish(two)
    bench.finish(one)
    assert values(bench) == {"a": "one"}


def test_update_runs_again_on_the_committed_value() -> None:
    bench = started()
    one, two = bench.take()
    for trial in (one, two):
        assert trial.context.update("n", lambda n: (n or 0) + 1) == 1
    bench.crash(one)
    bench.finish(two)
    again = bench.one()
    assert again.context.update("n", lambda n: (n or 0) + 1) == 2
    assert again.context.get("n") == 2
    bench.finish(again)
    assert values(bench) == {"n": 2}
    assert bench.machine.journal[-1].data["set"] == {"n": 2}


def test_updates_and_sets_of_one_attempt_keep_their_order() -> None:
    bench = started()
    one, two = bench.take()
    two.context.set("n", 100)
    one.context.update("n", lambda n: (n or 0) + 1)
    one.context.update("n", lambda n: n * 2)
    one.context.set("m", 5)
    one.context.update("m", lambda m: m + 1)
    one.context.update("k", lambda k: 1)
    one.context.set("k", 7)
    bench.finish(two)
    bench.finish(one)
    assert values(bench) == {"n": 202, "m": 6, "k": 7}


def test_update_may_grow_a_list_without_touching_the_committed_one() -> None:
    bench = started()
    one, two = bench.take()

    def grow(items: list[int] | None) -> list[int]:
        items = items or []
        items.append(1)
        return items

    for trial in (one, two):
        trial.context.update("items", grow)
    bench.finish(one)
    assert values(bench)["items"] == [1]
    bench.finish(two)
    assert values(bench)["items"] == [1, 1]


def test_an_error_in_an_update_is_raised_in_the_step() -> None:
    bench = started()
    one, _ = bench.take()
    with pytest.raises(ZeroDivisionError):
        one.context.update("n", lambda n: 1 // 0)
    bench.finish(one)
    assert values(bench) == {}


def test_an_error_in_an_update_at_the_commit_is_retried() -> None:
    bench = started()
    one, two = bench.take()
    one.context.update("n", lambda n: 1 // 0 if n == 5 else 1)
    one.context.set("m", 1)
    two.context.set("n", 5)
    bench.finish(two)
    bench.finish(one)
    assert bench.kinds()[-1] == "step_retried"
    assert "m" not in values(bench)
    assert bench.one().context.attempt == 2


@pytest.mark.parametrize(
    "returned", [5, "text", [Item(n=1), 3], {"a": 1}, [None], Item], ids=lambda one: repr(one)[:10]
)
def test_step_that_returns_something_other_than_events_fails_the_run(returned: Any) -> None:
    bench = started()
    one, _ = bench.take()
    bench.finish(one, returned)
    assert isinstance(bench.machine.failure, InvalidReturn)
    assert "'work'" in str(bench.machine.failure)


def test_sent_and_returned_events_are_all_or_nothing() -> None:
    class Nowhere(Event):
        pass

    bench = started()
    one, _ = bench.take()
    one.context.set("a", 1)
    one.context.send_event(Other())
    bench.finish(one, [InputRequestEvent(prompt="?"), Nowhere()])
    assert isinstance(bench.machine.failure, UnroutableEvent)
    assert values(bench) == {}
    assert not bench.machine.state.requests
    assert "end" not in {one.step for one in bench.machine.state.invocations.values()}


def test_only_events_can_be_sent() -> None:
    bench = started()
    one, _ = bench.take()
    with pytest.raises(InvalidReturn, match="'work'"):
        one.context.send_event("text")  # type: ignore[arg-type]


def test_stop_closes_requests_of_the_same_step() -> None:
    bench = started()
    one, two = bench.take()
    bench.finish(one, [InputRequestEvent(prompt="?"), StopEvent(result=1), StopEvent(result=2)])
    assert (bench.machine.state.status, bench.machine.state.result) == ("completed", 1)
    two.effects.sent.append(Other())
    bench.finish(two)
    assert not bench.take()
    assert bench.kinds()[-1] == "completed"


def test_key_is_the_same_for_all_attempts_of_one_invocation_only() -> None:
    bench = started()
    one, two = bench.take()
    key = one.context.idempotency_key
    assert key != two.context.idempotency_key
    bench.crash(one)
    again = bench.one()
    assert (again.context.idempotency_key, again.context.attempt) == (key, 2)
    reloaded = {trial.context.idempotency_key for trial in bench.reload().take()}
    assert reloaded == {key, two.context.idempotency_key}
    assert again.context.run_id == "run-1"


def test_a_closed_context_refuses_all_calls() -> None:
    bench = started()
    one, two = bench.take()
    one.context.close()
    bench.machine.cancel()
    for context in (one.context, two.context):
        uses: list[Callable[[Context], object]] = [
            lambda c: c.get("a"),
            lambda c: c.set("a", 1),
            lambda c: c.update("a", lambda a: a),
            lambda c: c.send_event(Other()),
            lambda c: c.write_event_to_stream(Other()),
            lambda c: c.progress(0.5),
            lambda c: c.collect_events(Item(n=1), [Item]),
        ]
        for use in uses:
            with pytest.raises(ContextClosed, match="'work'"):
                use(context)
    assert not bench.streamed


def test_progress_is_limited_to_its_scale_and_storable_text() -> None:
    bench = started()
    one, _ = bench.take()
    for fraction in (-1, 0.25, 7, float("nan")):
        one.context.progress(fraction, "a\x00b")
    assert [reported[0] for reported in bench.reported] == [0.0, 0.25, 1.0, 0.0]
    assert "\x00" not in bench.reported[0][1]


def test_request_and_answerer_are_empty_without_a_request() -> None:
    bench = started()
    one, _ = bench.take()
    assert one.context.request is None
    assert one.context.answered_by == ""
    one.context.session["live"] = one
    assert bench.session["live"] is one


def test_error_of_an_unaccepted_event_mentions_a_missing_annotation() -> None:
    class Nowhere(Event):
        pass

    bench = started()
    bench.finish(bench.take()[0], Nowhere())
    assert str(bench.machine.failure).endswith("emitted Nowhere, which no step takes.")

    @step
    def start(event: StartEvent) -> StopEvent:
        return StopEvent()

    bench = Bench(Workflow("misnamed", [start]))
    bench.finish(bench.one(), Nowhere())
    reported = "emitted Nowhere, which no step takes and which its annotation does not name."
    assert str(bench.machine.failure).endswith(reported)


def test_a_set_is_refused_with_a_suggestion() -> None:
    attempt = started().take()[0].context
    with pytest.raises(UnstorableValue, match="'set' cannot be stored; give a list"):
        attempt.set("names", {"ada"})
