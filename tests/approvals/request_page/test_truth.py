"""Pages show the present state, and only what their reader may see."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from approvals.models import Decision
from tests.support import flows
from tests.support.clients import desk_of, text, url
from tests.support.factories import (
    BARE,
    TYPED,
    make_answered,
    make_request,
    make_reviewer,
    make_run,
    make_user,
    registered,
)
from tests.support.journals import record
from tests.support.people import NO, YES, asked_of, decide, make_operator, soon
from tests.support.worker_control import fresh, start
from workflows.models import Assignment, InputRequest, WorkflowRun, database_now
from workflows.worker.sweep import deadlines

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def known_flows() -> Iterator[None]:
    with registered(BARE, TYPED):
        yield


@pytest.fixture
def olga(db: None) -> User:
    return make_operator("olga")


def started(**columns: Any) -> WorkflowRun:
    """Return a run whose first step has begun."""
    run = make_run(**columns)
    event = {"type": "StartEvent", "data": {}}
    record(run, "started", event=event, invocations=[1], steps=["ask"])
    return run


def failing(attempt: int = 1, hours: float = 10, **columns: Any) -> WorkflowRun:
    """Return a run whose step failed, with a retry in so many hours."""
    due = timezone.now() + timedelta(hours=hours)
    run = started(status="waiting", wake_at=due, **columns)
    error = {"kind": "OSError", "message": "The bank was away."}
    record(run, "step_retried", "ask", duration=1.5, invocation=1, attempt=attempt,
           error=error, due=due.isoformat())  # fmt: skip
    return run


def run_page(user: User, run: WorkflowRun) -> str:
    return text(desk_of(user).get(run.get_absolute_url()))


def section(user: User, run: WorkflowRun, name: str) -> str:
    """Return the text of one section of the page of a run."""
    body = desk_of(user).get(run.get_absolute_url()).content.decode()
    found = re.search(rf'<(section|header) id="run-{name}".*?</\1>', body, re.DOTALL)
    assert found, name
    return " ".join(re.sub(r"<[^>]+>", " ", found[0]).split())


# What an approval does


def test_an_edit_marks_the_consequence_as_older_than_the_edit(alice: User, bob: User) -> None:
    request = asked_of(
        payload={"amount": "6,480.00"}, editable=["amount"], quorum=2,
        if_approved="6,480.00 EUR go to Ada.",
    )  # fmt: skip
    before = text(desk_of(bob).get(url(request)))
    assert "Once 2 people have approved this as it was asked: 6,480.00 EUR go to Ada." in before
    decide(alice, request, YES, edits={"amount": "6,080.00"})
    page = text(desk_of(bob).get(url(request)))
    assert "If you approve" not in page
    assert "Once 2 people" not in page
    assert "Written before the changes, for the values as they were asked: 6,480.00" in page
    assert "Edited by reviewers" in page


def test_an_editable_request_shows_that_its_consequence_is_for_the_original_values(
    alice: User,
) -> None:
    one = asked_of(if_approved="It is paid.")
    two = asked_of(if_approved="It is paid.", payload={"n": "1"}, editable=["n"])
    assert "If you approve: It is paid." in text(desk_of(alice).get(url(one)))
    assert "If you approve it as it was asked: It is paid." in text(desk_of(alice).get(url(two)))


def test_a_batch_shows_for_each_row_what_an_approval_does(alice: User) -> None:
    rows = [asked_of(if_approved="It is paid.") for _ in range(2)]
    chosen = {"_id": [str(one.pk) for one in rows]}
    page = text(desk_of(alice).get("/requests/decide/", chosen))
    assert page.count("If you approve: It is paid.") == 2
    InputRequest.objects.filter(pk=rows[0].pk).update(edits={"claimed": "1"})
    page = text(desk_of(alice).get("/requests/decide/", chosen))
    assert page.count("If you approve: It is paid.") == 1
    assert page.count("Written before the changes, for the values as they were asked: It is") == 1


# A running run


def test_a_run_whose_first_step_runs_is_shown_as_running(olga: User) -> None:
    run = started(status="running")
    page = run_page(olga, run)
    assert "Nothing has happened yet" not in page
    assert "of work in steps that have ended" in section(olga, run, "figures")
    assert "1 in progress since" in section(olga, run, "figures")
    assert "ask in progress" in section(olga, run, "timeline")
    assert "in progress" in section(olga, run, "graph")


def test_a_run_that_was_just_leased_is_not_shown_as_waiting_for_a_worker(olga: User) -> None:
    taken, queued = make_run(status="running"), make_run(status="queued")
    assert "A worker is running it." in section(olga, taken, "timeline")
    assert "next free worker starts it" in section(olga, queued, "timeline")


def test_steps_of_a_run_that_does_not_run_are_not_shown_as_in_progress(olga: User) -> None:
    for status, word in (("queued", "next"), ("paused", "paused"), ("blocked", "blocked")):
        graph = section(olga, started(status=status), "graph")
        assert word in graph
        assert "in progress" not in graph


def test_after_the_end_the_duration_is_that_of_all_steps(olga: User) -> None:
    run = make_run(status="completed")
    assert "in steps that have ended" not in section(olga, run, "figures")


# Retries


def test_a_run_that_waits_for_a_retry_shows_the_attempt_its_time_and_the_error(olga: User) -> None:
    run = failing()
    assert "Retrying" in section(olga, run, "head")
    reported = section(olga, run, "retries")
    for words in ("ask again in 9 h 59 min", "attempt 1", "of 1", "The bank was away."):
        assert words in reported, words
    assert "retrying" in section(olga, run, "graph")
    assert "Retrying" in text(desk_of(olga).get("/runs/"))


def test_the_number_of_attempts_is_that_of_the_step(drive: Callable[[], None], known: None) -> None:
    run = start(flows.LATER)
    flows.broken.add("try_later")
    drive()
    assert fresh(run).status == "waiting"
    olga = make_operator("olga")
    assert "attempt 1 of 2 failed" in section(olga, run, "retries")
    assert "try_later is broken" in section(olga, run, "retries")


def test_a_run_that_keeps_failing_needs_attention(olga: User) -> None:
    far, often = failing(attempt=1, hours=10), failing(attempt=3, hours=0.1)
    soon_ = failing(attempt=1, hours=0.1)
    page = desk_of(olga).get("/runs/attention/")
    body = page.content.decode()
    assert f'id="run-{far.pk}"' in body
    assert f'id="run-{often.pk}"' in body
    assert f'id="run-{soon_.pk}"' not in body
    assert "attempt 3 of ask failed" in text(page)
    assert "The bank was away." in text(page)
    assert 'data-count="attention">2<' in body


def test_a_run_that_was_retried_by_a_person_is_no_longer_failing(olga: User) -> None:
    run = failing()
    WorkflowRun.objects.filter(pk=run.pk).update(status="queued")
    run.refresh_from_db()
    record(run, "reopened", by="olga")
    assert "attempt" not in section(olga, run, "retries")


# Empty lists are about visible rows


def test_a_person_who_sees_some_runs_only_does_not_read_that_none_has_failed(olga: User) -> None:
    bob = make_reviewer("bob")
    page = text(desk_of(bob).get("/runs/attention/"))
    assert "None of the runs you can see has failed" in page
    assert "No run has failed" not in page
    assert "No run has failed" in text(desk_of(olga).get("/runs/attention/"))
    make_run(status="failed")
    assert "None of the runs you can see has failed" in text(desk_of(bob).get("/runs/attention/"))
    assert "No run has failed" not in text(desk_of(olga).get("/runs/attention/"))


def test_the_texts_of_empty_lists_are_about_visible_rows(olga: User) -> None:
    nobody = make_user("nobody")
    assert "No runs that you can see" in text(desk_of(nobody).get("/runs/"))
    assert "No runs yet" in text(desk_of(olga).get("/runs/"))
    reported = text(desk_of(nobody).get("/requests/answered/"))
    assert "Nothing that you can see was answered yet" in reported
    assert "Nothing was answered yet" in text(desk_of(olga).get("/requests/answered/"))


def test_the_waiting_time_counts_visible_requests_only() -> None:
    carol = make_user("carol")
    run = make_request(make_run(started_by=carol)).run
    assert "waiting for people, as far as you can see" in run_page(carol, run)


# Who answered


def test_no_page_shows_a_person_for_an_answer_at_the_deadline(olga: User) -> None:
    request = asked_of(
        deadline=soon(seconds=-1), on_deadline="default", default_response=NO, run=make_run()
    )
    other = make_request(request.run)
    similar = make_request()
    deadlines.sweep(database_now())
    record(request.run, "answered", request_id=request.request_id, response=NO, by="",
           source="deadline", reply="InputResponseEvent", invocations=[], steps=[])  # fmt: skip
    pages = {
        "request": text(desk_of(olga).get(url(request))),
        "trail": text(desk_of(olga).get(url(other))),
        "similar": text(desk_of(olga).get(url(similar))),
        "answered": text(desk_of(olga).get("/requests/answered/")),
        "run": run_page(olga, request.run),
    }
    for name, page in pages.items():
        assert "automatically at the deadline" in page, name
        assert "by somebody" not in page, name
        assert "he system" not in page, name
    late = desk_of(olga).post(url(request, "decide/"), {"verdict": "approve"})
    assert "already answered automatically at the deadline" in text(late)


# Decisions on the page of a run


def test_the_run_page_shows_each_decision_with_person_comment_edits_and_time(
    alice: User, olga: User
) -> None:
    request = asked_of(
        prompt="Send it?", payload={"day": "Friday", "to": "all"}, editable=["day"], run=make_run()
    )
    decide(alice, request, YES | {"comment": "Not before Monday."}, edits={"day": "Monday"})
    record(request.run, "answered", request_id=request.request_id, response=YES, by="alice",
           source="inbox", reply="InputResponseEvent", invocations=[], steps=[])  # fmt: skip
    reported = section(olga, request.run, "decisions")
    at = timezone.localtime(InputRequest.objects.get(pk=request.pk).answered_at)
    for words in ("Approved by alice", "Send it?", "Not before Monday.", "Friday", "Monday",
                  f"{at:%H:%M}"):  # fmt: skip
        assert words in reported, words
    row = section(olga, request.run, "history")
    assert "Approved: Send it?" in row
    assert "Not before Monday." in row
    lane = section(olga, request.run, "timeline")
    assert "approved by alice" in lane
    assert "Not before Monday." in lane


def test_each_approval_of_several_is_shown_and_whether_it_still_counts(
    alice: User, bob: User, olga: User
) -> None:
    request = asked_of(quorum=3, payload={"n": "1"}, editable=["n"], run=make_run())
    decide(alice, request, YES | {"comment": "First version."})
    decide(bob, request, YES | {"comment": "Second version."}, edits={"n": "2"})
    reported = section(olga, request.run, "decisions")
    assert "Approved by alice, one of several approvals; it no longer counts" in reported
    assert "Approved by bob, one of several approvals" in reported
    assert "bob, one of several approvals; it no longer" not in reported
    assert "First version." in reported


def test_decisions_on_hidden_requests_are_not_on_the_page(alice: User, bob: User) -> None:
    run = make_run()
    hidden = make_answered(NO | {"comment": "Fraud."}, by=alice, run=run, assigned=True)
    Assignment.objects.create(request=hidden, user=alice)
    Decision.objects.create(
        request=hidden, by=alice, at=timezone.now(), kind="vote",
        response=YES | {"comment": "Well."}, source="inbox",
    )  # fmt: skip
    make_answered(YES | {"comment": "Fine."}, by=bob, run=run)
    reported = section(bob, run, "decisions")
    assert "Fine." in reported
    assert "Fraud." not in reported
    assert "Well." not in reported
    assert "Fraud." in section(alice, run, "decisions")


def test_a_rejection_has_no_green_tick(olga: User) -> None:
    run = make_run()
    make_answered(NO, by=olga, run=run)
    graph = section(olga, run, "graph")
    assert "1 rejected" in graph
    body = desk_of(olga).get(run.get_absolute_url()).content.decode()
    assert 'class="node person rejected"' in body
    make_answered(YES, by=olga, run=run)
    body = desk_of(olga).get(run.get_absolute_url()).content.decode()
    assert 'class="node person some"' in body
    assert "1 approved, 1 rejected" in body
