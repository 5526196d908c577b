"""The waterfall and the durations of a run: when steps ran, and when people had the run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User

from workflows.engine.graph import Edge
from workflows.models import InputRequest
from workflows.web.run_page.journal_rows import JournalRow
from workflows.web.run_page.node_status import node_statuses, run_durations
from workflows.web.run_page.waterfall import Timeline, timeline

START = datetime(2026, 11, 22, 9, 0, tzinfo=UTC)


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def mark(kind: str, seconds: float, step: str = "", **columns: Any) -> JournalRow:
    return JournalRow(seq=1, kind=kind, at=at(seconds), step=step, **columns)


def asked(seconds: float, **columns: Any) -> InputRequest:
    values: dict[str, Any] = {"prompt": "Pay it?", "event": "PayRequest", "status": "pending"}
    return InputRequest(created_at=at(seconds), **values | columns)


def answered(seconds: float, until: float, response: object, **columns: Any) -> InputRequest:
    return asked(
        seconds, status="answered", answered_at=at(until), response=response,
        source="inbox", **columns,
    )  # fmt: skip


def draw(*parts: JournalRow | InputRequest, until: float = 100, limit: int = 60) -> Timeline:
    marks = [part for part in parts if isinstance(part, JournalRow)]
    requests = [part for part in parts if isinstance(part, InputRequest)]
    return timeline(marks, requests, start=START, end=at(until), limit=limit)


def test_the_bar_of_a_step_ends_at_its_entry_and_is_as_wide_as_its_duration() -> None:
    [row] = draw(mark("step_completed", 50, "check", duration=30.0)).rows
    [bar] = row.bars
    assert (bar.kind, bar.x, bar.width) == ("work", 20, 30)
    assert (row.label, row.seconds) == ("check", 30)


def test_a_step_has_one_row_however_often_it_ran() -> None:
    marks = [mark("step_completed", 10 * n, "check", duration=1.0) for n in (2, 4, 8)]
    [row] = draw(*marks).rows
    assert (row.count, len(row.bars), row.seconds) == (3, 3, 3)


def test_bars_too_close_to_distinguish_are_one_bar() -> None:
    marks = [mark("step_completed", 10 + n / 10, "check", duration=0.1) for n in range(41)]
    [row] = draw(*marks).rows
    assert len(row.bars) == 1
    assert row.count == 41


def test_an_attempt_without_duration_is_visible_and_inside_its_row() -> None:
    [row] = draw(mark("step_completed", 100, "last", duration=0.0)).rows
    [bar] = row.bars
    assert bar.width > 0
    assert bar.x + bar.width <= 100


def test_an_open_request_waits_until_now() -> None:
    [row] = draw(asked(25)).rows
    assert [(bar.kind, bar.x, bar.width) for bar in row.bars] == [("wait", 25, 75)]
    assert (row.outcome, row.seconds) == ("waiting", 75)


def test_an_answered_request_shows_the_person_and_the_decision() -> None:
    bob = User(username="bob")
    timeline = draw(
        answered(10, 30, {"approved": False}, answered_by=bob),
        answered(11, 30, {"approved": True, "amount": "3"}, answered_by=bob),
        answered(12, 30, "Too long.", answered_by=bob),
    )
    outcomes = [row.outcome for row in timeline.rows]
    assert outcomes == ["rejected by bob", "approved by bob", "replied by bob"]
    assert timeline.rows[0].seconds == 20


def test_the_input_handler_answers_as_the_workflow_itself() -> None:
    request = answered(10, 30, {"approved": True})
    request.source = "handler"
    assert draw(request).rows[0].outcome == "approved by the workflow itself"


def test_an_expired_request_waited_until_its_deadline() -> None:
    [row] = draw(asked(10, status="expired", deadline=at(40))).rows
    assert (row.outcome, row.seconds) == ("expired", 30)


def test_a_failed_attempt_has_a_marker_and_a_label() -> None:
    [row] = draw(
        mark("step_retried", 20, "publish", duration=5.0, attempt=1),
        mark("step_retried", 24, "publish", duration=2.0, attempt=2),
        mark("step_retried", 60, "publish", duration=2.0, attempt=3),
        mark("failed", 99, "publish", duration=1.0),
    ).rows
    assert [(marker.x, marker.label) for marker in row.markers] == [
        (20, "retry"), (24, ""), (60, "retry"), (99, "failed"),
    ]  # fmt: skip
    assert row.retries == 3
    assert row.outcome == "failed"
    assert row.markers[-1].flipped


def test_a_pause_has_its_own_row() -> None:
    timeline = draw(mark("paused", 10), mark("resumed", 40), mark("paused", 80))
    [row] = timeline.rows
    assert row.kind == "pause"
    assert [(bar.x, bar.width) for bar in row.bars] == [(10, 30), (80, 20)]


def test_rows_are_in_the_order_of_their_beginning_and_limited() -> None:
    timeline = draw(*(asked(seconds) for seconds in range(70, 0, -1)), limit=60)
    assert len(timeline.rows) == 60
    assert timeline.more == 10
    starts = [row.start for row in timeline.rows]
    assert starts == sorted(starts)


def test_a_run_without_duration_is_shown() -> None:
    timeline = draw(mark("step_completed", 0, "first", duration=0.0), until=0)
    assert timeline.rows[0].bars


def test_overlapping_waits_are_counted_once() -> None:
    requests = [asked(10), answered(20, 40, None), answered(5, 15, None)]
    found = run_durations([], requests, start=START, end=at(100))
    assert found.waiting == 95


def test_durations_count_steps_work_and_retries() -> None:
    marks = [
        mark("started", 0),
        mark("step_retried", 5, "a", duration=1.0),
        mark("step_completed", 9, "a", duration=2.5),
        mark("completed", 9),
    ]
    found = run_durations(marks, [], start=START, end=at(9))
    assert (found.elapsed, found.work, found.steps, found.retries) == (9, 3.5, 1, 1)


def test_the_graph_shows_the_status_of_each_node() -> None:
    marks = [
        mark("started", 0, begun=("read",)),
        mark("step_completed", 1, "read", begun=("check", "check")),
        mark("step_completed", 2, "check"),
    ]
    requests = [asked(1), asked(1), answered(1, 2, None)]
    found = node_statuses(marks, requests, ended=False)
    assert {node: (one.state, one.text) for node, one in found.items()} == {
        "start": ("done", ""),
        "read": ("done", ""),
        "check": ("here", "1 of 2"),
        "person:PayRequest": ("here", "2 waiting, 1 answered"),
    }


def test_a_step_that_may_get_more_events_is_not_done() -> None:
    marks = [
        mark("started", 0, begun=("read",)),
        mark("step_completed", 1, "read", begun=("close", "close")),
        mark("step_completed", 2, "close"),
        mark("step_completed", 2, "close"),
    ]
    edges = [Edge("read", "person:PayRequest", "e"), Edge("person:PayRequest", "close", "e")]
    found = node_statuses(marks, [asked(1)], ended=False, edges=edges)
    assert (found["close"].state, found["close"].text) == ("some", "2 so far")
    assert found["read"].state == "done"
    assert node_statuses(marks, [asked(1)], ended=True)["close"].state == "done"


def test_a_failed_step_is_marked_until_it_runs_again() -> None:
    marks = [mark("started", 0, begun=("read",)), mark("failed", 3, "read")]
    assert node_statuses(marks, [], ended=True)["read"].state == "failed"
    marks.append(mark("reopened", 4))
    assert node_statuses(marks, [], ended=False)["read"].state == "here"


def test_no_step_is_shown_as_running_in_a_run_that_has_ended() -> None:
    marks = [mark("started", 0, begun=("read", "other")), mark("step_completed", 3, "read")]
    states = node_statuses(marks, [], ended=True)
    assert {node: one.state for node, one in states.items()} == {
        "start": "done", "read": "done", "other": "idle",
    }  # fmt: skip
