"""Keys separate the sets of `collect_events` that are incomplete at the same time."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.machine_harness import Bench, applied, copied, stored
from workflows.engine import (
    BadSnapshot,
    CollectEventError,
    Context,
    Event,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowSnapshot,
    WorkflowStalled,
    step,
)
from workflows.engine.machine.fan_in import describe_incomplete, fan_in
from workflows.engine.machine.journal import Transition
from workflows.engine.machine.state import RunState

KEYS = ["page-1", "page-2", "a:b#c", "100% #1", "ä\n: ", "x" * 200]


class Head(Event):
    page: int


class Table(Event):
    page: int


class Page(Event):
    parts: list[int]


@step
async def begin(event: StartEvent) -> list[Head | Table]:
    return [cls(page=n) for cls in (Head, Table) for n in range(len(KEYS))]


@step(retries=99, name="join: a#b")
async def join(event: Head | Table, ctx: Context) -> Page | None:
    await asyncio.sleep(0)
    parts = ctx.collect_events(event, [Head, Table], key=KEYS[event.page])
    if ctx.attempt == 1 and event.page % 2:
        raise ValueError("once more")
    return None if parts is None else Page(parts=[one.page for one in parts])


@step
async def end(event: Page, ctx: Context) -> StopEvent | None:
    pages = ctx.collect_events(event, [Page] * len(KEYS))
    return None if pages is None else StopEvent(result=sorted(one.parts for one in pages))


workflow = Workflow("pages", [begin, join, end])
WHOLE = [[n, n] for n in range(len(KEYS))]


async def test_parts_of_two_pages_are_not_mixed() -> None:
    handler = await workflow.run()
    assert await handler.result() == WHOLE


async def test_without_a_key_two_sets_at_once_cannot_be_distinguished() -> None:
    @step
    async def start(event: StartEvent) -> list[Head | Table]:
        return [Head(page=1), Table(page=2), Head(page=2), Table(page=1)]

    @step
    async def mix(event: Head | Table, ctx: Context) -> Page | None:
        parts = ctx.collect_events(event, [Head, Table])
        return None if parts is None else Page(parts=[one.page for one in parts])

    @step
    async def finish(event: Page, ctx: Context) -> StopEvent | None:
        pages = ctx.collect_events(event, [Page] * 2)
        return None if pages is None else StopEvent(result=[one.parts for one in pages])

    handler = await Workflow("mixed", [start, mix, finish]).run()
    assert await handler.result() == [[1, 2], [2, 1]]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_each_page_has_its_own_parts_after_any_crash_and_reload(data: Any) -> None:
    bench = Bench(workflow)
    bench.finish(bench.one(), [cls(page=n) for n in range(3) for cls in (Head, Table)])
    first, rows = copied(bench.machine.state), []
    done: list[list[int]] = []
    while trials := bench.take():
        for trial in data.draw(st.permutations(trials)):
            if trial.invocation.step == "end":
                continue
            what = data.draw(st.sampled_from(["finish", "crash", "crash after"]))
            if what == "crash":
                bench.crash(trial)
                continue
            parts = trial.context.collect_events(
                trial.event, [Head, Table], key=KEYS[trial.event.page]
            )
            if what == "crash after":
                bench.crash(trial)
                continue
            bench.finish(trial)
            if parts is not None:
                done.append([one.page for one in parts])
        rows += [stored(entry) for entry in bench.machine.journal]
        bench.machine.journal.clear()
        state = bench.machine.state
        assert copied(applied(copied(first), rows)).buffers.keys() == state.buffers.keys()
        if data.draw(st.booleans()):
            bench = bench.reload()
    assert sorted(done) == WHOLE[:3]
    assert not bench.machine.state.buffers


async def test_a_snapshot_with_incomplete_sets_keeps_the_pages_apart(register: Any) -> None:
    register(workflow)
    bench = Bench(workflow)
    bench.finish(bench.one(), [cls(page=n) for n in range(len(KEYS)) for cls in (Head, Table)])
    for trial in bench.take()[::2]:
        trial.context.collect_events(trial.event, [Head, Table], key=KEYS[trial.event.page])
        bench.finish(trial)
    taken = WorkflowSnapshot.of("pages", workflow.signature, "r", bench.machine.state)
    assert taken.data["format"] == 2
    handler = await Workflow.resume(WorkflowSnapshot.from_json(taken.to_json()))
    assert await handler.result() == WHOLE


asked_names = st.sampled_from(["A", "A,B*2"])
fan_ins = st.tuples(st.text(), asked_names, st.none() | st.text(min_size=1))


@given(st.lists(fan_ins, unique=True))
def test_no_two_fan_ins_have_the_same_name(found: list[tuple[str, str, str | None]]) -> None:
    storable = [one for one in found if "\ud800" not in repr(one)]
    try:
        names = {fan_in(*one) for one in storable}
    except UnicodeEncodeError:  # lone surrogates were refused before
        return
    assert len(names) == len(storable)


def test_a_run_without_keys_is_stored_as_older_code_reads_it() -> None:
    bench = Bench(workflow)
    bench.finish(bench.one(), [Head(page=0), Table(page=0)])
    one, _ = bench.take()
    one.context.collect_events(one.event, [Head, Table])
    taken = WorkflowSnapshot.of("pages", workflow.signature, "r", bench.machine.state)
    assert taken.data["format"] == 1
    assert list(taken.data["buffers"]) == ["join: a#b:Head,Table"]
    entry = bench.machine.journal[-1]
    assert set(entry.data) == {"invocation", "asked"}


def test_older_code_refuses_an_entry_with_a_key() -> None:
    bench = Bench(workflow)
    bench.finish(bench.one(), [Head(page=0), Table(page=0)])
    one, _ = bench.take()
    one.context.collect_events(one.event, [Head, Table], key="k")
    entry = bench.machine.journal[-1]
    assert "asked" not in entry.data, "older code reads `asked`, and would mix the sets"


@pytest.mark.parametrize("format_", [0, 3, "2", None])
def test_a_snapshot_of_another_format_is_refused(format_: Any) -> None:
    with pytest.raises(BadSnapshot, match="1 and 2 can"):
        WorkflowSnapshot({"format": format_}).state()


@pytest.mark.parametrize(
    ("key", "reported"),
    [
        ("", "has 0 characters, not 1 to 200"),
        ("x" * 201, "has 201 characters, not 1 to 200"),
        (7, "is of type int, not a text"),
        ("a\x00", "NUL"),
        ("a\ud800", "surrogate"),
    ],
)
def test_a_key_of_a_wrong_type_is_refused_and_nothing_is_counted(key: Any, reported: str) -> None:
    bench = Bench(workflow)
    bench.finish(bench.one(), [Head(page=0)])
    trial = bench.one()
    with pytest.raises(
        CollectEventError, match=rf"'join: a#b' collects Head,Table, but .*{reported}"
    ):
        trial.context.collect_events(trial.event, [Head, Table], key=key)
    assert not bench.machine.state.buffers


async def test_the_error_of_a_stalled_run_names_the_incomplete_keys() -> None:
    @step
    async def start(event: StartEvent) -> list[Head | Table]:
        return [Head(page=1), Table(page=2)]

    handler = await Workflow("half", [start, join, end]).run()
    with pytest.raises(WorkflowStalled, match="holds Head of Head,Table under the key 'page-2'"):
        await handler.result()


def test_one_invocation_may_add_to_several_sets() -> None:
    bench = Bench(workflow)
    bench.finish(bench.one(), [Head(page=0), Table(page=0)])
    head, table = bench.take()
    for key in ("one", "two"):
        assert head.context.collect_events(head.event, [Head, Table], key=key) is None
    for key in ("one", "two"):
        assert table.context.collect_events(table.event, [Head, Table], key=key) is not None
    assert list(describe_incomplete(bench.machine.state.buffers)) == []


def test_an_entry_from_before_keys_existed_is_applied() -> None:
    state = RunState()
    state._spawn(1, "join", copied_event())
    state.apply(Transition("collected", {"invocation": 1, "asked": "Head,Table"}, "join"))
    assert list(state.buffers) == ["join:Head,Table"]


def copied_event() -> Any:
    from workflows.engine.serialization.stored_event import StoredEvent

    return StoredEvent.from_event(Head(page=1))
