"""What happens at set times: reminders, escalations, deadlines, and delayed answers."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core import mail

from approvals import actions
from approvals.errors import AlreadyAnswered, Closed
from approvals.models import Decision
from tests.support.factories import BARE, make_reviewer, make_run, make_user, registered
from tests.support.people import NO, YES, again, asked_of, soon
from tests.support.polling import until
from workflows.engine import (
    Context,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)
from workflows.models import Delivery, InputRequest, WorkflowRun, database_now
from workflows.worker.sweep import deadlines

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def flows() -> Iterator[None]:
    with registered(BARE):
        yield


@pytest.fixture
def alice() -> User:
    return make_reviewer("alice")


def sweep() -> None:
    deadlines.sweep(database_now())


def test_at_the_deadline_a_request_fails_its_run_by_default() -> None:
    request = asked_of(deadline=soon(seconds=-1))
    sweep()
    assert again(request).status == "expired"
    assert Delivery.objects.get().kind == "expire"


def test_the_default_answer_has_no_person(alice: User) -> None:
    late = {"deadline": soon(seconds=-1), "on_deadline": "default", "default_response": NO}
    request = asked_of(quorum=2, **late)
    with pytest.raises(Closed, match="expired"):
        actions.decide(alice, request.id, YES, source="inbox")
    sweep()
    sweep()
    row = again(request)
    assert (row.status, row.response, row.answered_by) == ("answered", NO, None)
    assert row.source == "deadline"
    delivery = Delivery.objects.get().data
    assert (delivery["by"], delivery["source"], delivery["response"]) == ("", "deadline", NO)
    assert not Decision.objects.exists()
    with pytest.raises(AlreadyAnswered, match="automatically at the deadline"):
        actions.decide(alice, request.id, YES, source="inbox")


def test_a_request_that_stays_open_is_marked_once_and_takes_answers(alice: User) -> None:
    request = asked_of(deadline=soon(seconds=-1), on_deadline="stay_open")
    sweep()
    marked = again(request).overdue_at
    assert marked is not None
    sweep()
    assert again(request).overdue_at == marked
    assert not Delivery.objects.exists()
    actions.decide(alice, request.id, YES, source="inbox")
    assert again(request).status == "answered"


def test_nothing_happens_too_early() -> None:
    later = soon(hours=1)
    for policy in ("fail", "default", "stay_open"):
        asked_of(
            deadline=later, on_deadline=policy, default_response=YES, remind_at=later,
            escalate_at=later, next_notification_at=later,
        )  # fmt: skip
    sweep()
    rows = InputRequest.objects.filter(
        status="pending", overdue_at=None, reminded_at=None, escalated_at=None
    )
    assert rows.count() == 3
    assert not Delivery.objects.exists()


def test_the_deadlines_of_a_blocked_run_wait_until_it_is_unblocked() -> None:
    request = asked_of(
        run=make_run(status="blocked"),
        deadline=soon(seconds=-1),
        next_notification_at=soon(seconds=-1),
    )
    sweep()
    assert again(request).is_pending


# Reminders and escalation


def test_assignees_with_an_address_are_reminded_once(alice: User, settings: Any) -> None:
    settings.SITE_URL = "https://approvals.example.com"
    User.objects.filter(pk=alice.pk).update(email="alice@example.com")
    group = Group.objects.create(name="finance")
    bob = make_user("bob", "approvals.add_decision", email="bob@example.com")
    gone = make_user("gone", "approvals.add_decision", email="g@example.com", is_active=False)
    stranger = make_user("stranger", email="stranger@example.com")
    for member in (bob, gone, stranger, alice):
        member.groups.add(group)
    past = soon(seconds=-1)
    request = asked_of(
        alice, group, prompt="Pay it?\nNow.", remind_at=past, next_notification_at=past
    )
    sweep()
    sweep()
    until(lambda: len(mail.outbox) == 2)
    assert sorted(one.to[0] for one in mail.outbox) == ["alice@example.com", "bob@example.com"]
    assert mail.outbox[0].subject == "Reminder: Pay it?"
    assert f"https://approvals.example.com/requests/{request.id}/" in mail.outbox[0].body
    assert again(request).reminded_at is not None
    assert again(request).next_notification_at is None


def test_an_escalation_adds_people_and_removes_nobody(alice: User) -> None:
    bob = make_reviewer("bob")
    past, later = soon(seconds=-1), soon(hours=1)
    terms = {"escalate_at": past, "escalate_to": ["bob", "nobody"], "next_notification_at": past}
    mine = asked_of(alice, remind_at=later, **terms)
    everybodys = asked_of(**terms)
    sweep()
    sweep()
    visible = InputRequest.objects.visible_to(bob)
    assert set(visible) == {mine, everybodys}
    assert set(InputRequest.objects.visible_to(alice)) == {mine, everybodys}
    assert again(mine).next_notification_at == later
    assert again(mine).escalated_at is not None


def test_a_retry_restarts_the_timers_of_requests() -> None:
    run = make_run(status="failed", error={})
    past = soon(seconds=-60)
    request = asked_of(
        run=run, status="expired", created_at=soon(seconds=-100), deadline=past, remind_at=past,
        reminded_at=past,
    )  # fmt: skip
    run.requests.reopen(database_now())
    row = again(request)
    assert row.is_pending
    assert row.reminded_at is None
    assert row.deadline is not None
    assert soon(seconds=20) < row.deadline < soon(seconds=60)
    assert row.next_notification_at == row.remind_at == row.deadline


# An answer that can no longer be undone


def test_a_delayed_answer_is_delivered_at_its_time(alice: User, settings: Any) -> None:
    settings.UNDO_SECONDS = 60
    request = asked_of()
    actions.decide(alice, request.id, YES, source="inbox")
    sweep()
    assert WorkflowRun.objects.get().status == "waiting"
    deadlines.sweep(database_now() + timedelta(seconds=61))
    run = WorkflowRun.objects.get()
    assert (run.status, run.delivery_count, Delivery.objects.get().not_before) == (
        "queued",
        1,
        None,
    )
    deadlines.sweep(database_now() + timedelta(seconds=61))
    assert WorkflowRun.objects.get().delivery_count == 1


# With a worker


@step
async def ask(event: StartEvent, ctx: Context) -> InputRequestEvent:
    return InputRequestEvent(
        prompt="Pay?", payload={"amount": 5}, assign_to=("alice",), priority="high",
        tags=("money", "money"), due_in=timedelta(days=2), remind_in=timedelta(days=1),
        escalate_in=timedelta(hours=3), escalate_to=("group:boss",), on_deadline="default",
        default_response={"approved": False}, if_approved="It is paid.", editable=("amount",),
    )  # fmt: skip


@step
async def pay(event: InputResponseEvent, ctx: Context) -> StopEvent:
    return StopEvent(result={"paid": ctx.effective_payload, "by": ctx.answered_by})


TERMS = Workflow("t-terms", steps=[ask, pay])


@pytest.mark.django_db(transaction=True)
def test_the_options_of_a_request_are_stored_in_its_row(
    drive: Callable[[], None], register: Callable[[Workflow], Workflow], alice: User
) -> None:
    register(TERMS)
    Group.objects.create(name="boss")
    WorkflowRun.objects.start("t-terms", {})
    drive()
    row = InputRequest.objects.get()
    assert [one.name for one in row.assignments.all()] == ["alice"]
    assert (row.assigned, row.priority, row.tags) == (True, 3, ["money"])
    assert row.deadline is not None
    assert row.deadline > row.created_at + timedelta(days=1)
    assert row.remind_at == row.created_at + timedelta(days=1)
    assert row.escalate_at == row.next_notification_at == row.created_at + timedelta(hours=3)
    assert (row.on_deadline, row.default_response) == ("default", {"approved": False})
    assert (row.if_approved, row.editable, row.quorum) == ("It is paid.", ["amount"], 1)
    assert row.digest == row.version
    actions.decide(alice, row.id, YES, source="inbox", edits={"amount": 4})
    drive()
    assert WorkflowRun.objects.get().result == {"paid": {"amount": 4}, "by": "alice"}
    entry = WorkflowRun.objects.get().journal.get(kind="answered")
    assert entry.data["edits"] == {"amount": 4}


@pytest.mark.django_db(transaction=True)
def test_the_default_answer_continues_its_run(
    drive: Callable[[], None], register: Callable[[Workflow], Workflow], alice: User
) -> None:
    register(TERMS)
    Group.objects.create(name="boss")
    WorkflowRun.objects.start("t-terms", {})
    drive()
    InputRequest.objects.update(deadline=soon(seconds=-1))
    drive()
    run = WorkflowRun.objects.get()
    assert (run.status, run.result) == ("completed", {"paid": {"amount": 5}, "by": ""})
