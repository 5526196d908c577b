"""A snapshot has the complete state of a run, at any time and for any process."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from typing import Any

import pytest

from tests.engine import other_process
from tests.engine.loop_polling import until
from tests.engine.request_steps import Register, reply, through_text, waiting, workflow
from workflows.engine import (
    AlreadyAnswered,
    Context,
    IncompatibleRun,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StepFailed,
    StopEvent,
    UnknownWorkflow,
    UnstorableValue,
    Workflow,
    WorkflowCancelled,
    WorkflowSnapshot,
    step,
)


async def test_waiting_run_continues_from_its_snapshot(register: Register) -> None:
    first, snapshot = await waiting(register)
    assert (snapshot.workflow, snapshot.status, snapshot.seq) == ("snapshots", "running", 2)
    handler = await Workflow.resume(snapshot)
    assert handler.run_id == first.run_id == snapshot.run_id
    assert handler.status == "waiting"
    assert handler.pending_requests == first.pending_requests
    await handler.send_input(reply("r"))
    assert await handler.result() == [1, "yes", {"a": [1]}]
    with pytest.raises(AlreadyAnswered):
        await handler.send_input(reply("r"))


async def test_one_snapshot_may_be_resumed_more_than_once(register: Register) -> None:
    _, snapshot = await waiting(register)
    for text in ("one", "two"):
        handler = await Workflow.resume(snapshot)
        await handler.send_input(reply("r", text))
        assert await handler.result() == [1, text, {"a": [1]}]


async def test_snapshot_shares_nothing_with_the_run(register: Register) -> None:
    handler, _ = await waiting(register)
    snapshot = await handler.snapshot()
    text = snapshot.to_json()
    await handler.send_input(reply("r"))
    await handler.result()
    assert snapshot.to_json() == text


async def test_paused_snapshot_resumes_running(register: Register) -> None:
    handler, _ = await waiting(register)
    await handler.pause()
    await handler.send_input(reply("r", "kept"))
    snapshot = through_text(await handler.snapshot())
    assert snapshot.status == "paused"
    assert await (await Workflow.resume(snapshot)).result() == [1, "kept", {"a": [1]}]


async def test_snapshot_of_a_completed_run_gives_its_result(register: Register) -> None:
    handler, _ = await waiting(register)
    await handler.send_input(reply("r"))
    result = await handler.result()
    again = await Workflow.resume(through_text(await handler.snapshot()))
    assert (again.status, await again.result()) == ("completed", result)
    assert again.pending_requests == []


async def test_snapshot_of_a_failed_run_gives_its_error(register: Register) -> None:
    handler, _ = await waiting(register)
    await handler.send_input(reply("r", "fail"))
    with pytest.raises(StepFailed):
        await handler.result()
    again = await Workflow.resume(through_text(await handler.snapshot()))
    with pytest.raises(StepFailed, match=r"'snapshots'.*'end'.*ValueError: failed as asked"):
        await again.result()


async def test_snapshot_of_an_engine_error_gives_the_same_class(register: Register) -> None:
    @step
    async def odd(event: StartEvent, ctx: Context) -> StopEvent:
        ctx.set("key", {1})
        return StopEvent()

    handler = await register(Workflow("odd", [odd])).run()
    again = await Workflow.resume(through_text(await handler.snapshot()))
    for one in (handler, again):
        with pytest.raises(UnstorableValue, match="'key'"):
            await one.result()


async def test_snapshot_of_a_cancelled_run_has_the_status_cancelled(register: Register) -> None:
    handler, _ = await waiting(register)
    await handler.cancel()
    again = await Workflow.resume(through_text(await handler.snapshot()))
    with pytest.raises(WorkflowCancelled, match="'snapshots'"):
        await again.result()


async def test_snapshot_taken_while_steps_run_runs_them_again(register: Register) -> None:
    entered, leave = asyncio.Event(), asyncio.Event()
    attempts: list[str] = []

    @step(retries=2)
    async def slow(event: StartEvent, ctx: Context) -> StopEvent:
        ctx.update("n", lambda n: (n or 0) + 1)
        attempts.append(ctx.idempotency_key)
        entered.set()
        await leave.wait()
        return StopEvent(result=[ctx.get("n"), ctx.attempt])

    handler = await register(Workflow("slow", [slow])).run()
    await entered.wait()
    snapshot = through_text(await handler.snapshot(wait=False))
    assert handler.status == "running"
    assert snapshot.data["values"] == {}
    await handler.cancel()
    leave.set()
    assert await (await Workflow.resume(snapshot)).result() == [1, 1]
    assert len(attempts) == 2
    assert len(set(attempts)) == 1


async def test_a_snapshot_taken_during_a_fan_in_continues_in_another_process() -> None:
    handler = await other_process.workflow.run()
    handler.session["hold"] = True
    await until(lambda: handler._machine.state.seq == 4)  # both halves have contributed
    snapshot = await handler.snapshot(wait=False)
    await handler.cancel()
    assert [one["step"] for one in snapshot.data["invocations"]] == ["half", "half"]
    process = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-m", "tests.engine.other_process"],
        input=snapshot.to_json(),
        capture_output=True,
        text=True,
        check=True,
    )
    result = json.loads(process.stdout)
    assert sorted(result.pop("joined")) == [1, 2]
    assert result == {"began": 1, "halves": 2, "text": "yes"}


async def test_parallel_requests_survive_and_are_answered_in_any_order(
    register: Register,
) -> None:
    @step
    async def both(event: StartEvent) -> list[InputRequestEvent]:
        return [InputRequestEvent(prompt=name) for name in "abc"]

    @step
    async def join(event: InputResponseEvent, ctx: Context) -> StopEvent | None:
        assert ctx.request is not None
        ctx.update("seen", lambda seen: [*(seen or []), [ctx.request.prompt, event.text]])  # type: ignore[union-attr]
        found = ctx.collect_events(event, [InputResponseEvent] * 3)
        return None if found is None else StopEvent(result=ctx.get("seen"))

    handler = await register(Workflow("parallel", [both, join])).run()
    for name in ("b", "c", "a"):
        handler = await Workflow.resume(through_text(await handler.snapshot()))
        [request] = [one for one in handler.pending_requests if one.prompt == name]
        await handler.send_input(reply(request.request_id, f"to {name}"))
    assert await handler.result() == [["b", "to b"], ["c", "to c"], ["a", "to a"]]


async def test_unknown_workflow_is_named() -> None:
    handler = await workflow.run()
    with pytest.raises(UnknownWorkflow, match="'snapshots'"):
        await Workflow.resume(await handler.snapshot())


async def test_the_error_names_what_a_changed_workflow_no_longer_has(register: Register) -> None:
    handler = await workflow.run()
    snapshot = await handler.snapshot()

    @step
    async def other(event: StartEvent) -> StopEvent:
        return StopEvent()

    register(Workflow("snapshots", [other]))
    with pytest.raises(IncompatibleRun, match=r"'snapshots'.*InputResponseEvent"):
        await Workflow.resume(snapshot)


async def test_state_of_the_maximum_depth_can_be_stored_in_a_snapshot(register: Register) -> None:
    deepest: dict[str, Any] = {}
    for _ in range(99):
        deepest = {"$": deepest}  # stored as pairs: three levels of JSON for each level

    @step
    async def keep(event: StartEvent, ctx: Context) -> InputRequestEvent:
        ctx.set("deep", deepest)
        return InputRequestEvent(prompt="?")

    @step
    async def end(event: InputResponseEvent, ctx: Context) -> StopEvent:
        return StopEvent(result=ctx.get("deep"))

    handler = await register(Workflow("deep", [keep, end])).run()
    text = (await handler.snapshot()).to_json()
    resumed = await Workflow.resume(WorkflowSnapshot.from_json(text))
    [request] = resumed.pending_requests
    await resumed.send_input(InputResponseEvent(request_id=request.request_id, response="x"))
    assert await resumed.result() == deepest


async def test_snapshot_names_no_code() -> None:
    handler = await workflow.run()
    text = (await handler.snapshot()).to_json()
    assert "tests." not in text
    assert "pickle" not in text
