"""Requests go to users and groups by exact name; an unknown name fails the asking step."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.db.backends.signals import connection_created

from approvals import actions
from tests.support.clients import desk_of
from tests.support.factories import make_reviewer
from tests.support.people import YES, asked_of, make_operator, soon
from tests.support.worker_control import Drive, Register, fresh
from workflows.engine import (
    Context,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)
from workflows.models import InputRequest, Route, WorkflowRun, database_now
from workflows.models.requests.assignment import Directory
from workflows.worker.sweep import deadlines

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("answerable")]

asks: dict[str, Any] = {}


class Part(Event):
    number: int


@step(retries=1)
async def ask(event: StartEvent, ctx: Context) -> InputRequestEvent:
    return InputRequestEvent(prompt="Pay it?", **asks)


@step
async def end(event: InputResponseEvent) -> StopEvent:
    return StopEvent(result=event.approved)


FLOW = Workflow("t-recipients", [ask, end])
ODD = ("Müller, Anna", "ÄNNE", "änne", "a; b", "o'neil", "group", "per cent %", "x:y")


@pytest.fixture
def flow(register: Register) -> Workflow:
    asks.clear()
    return register(FLOW)


def run_of(flow: Workflow, drive: Drive, **options: Any) -> WorkflowRun:
    asks.update(options)
    run = WorkflowRun.objects.start(flow, {})
    drive()
    return fresh(run)


@pytest.mark.parametrize("name", ODD)
def test_a_user_is_found_by_the_exact_name(name: str, flow: Workflow, drive: Drive) -> None:
    for one in ODD:
        make_reviewer(one)
    assert run_of(flow, drive, assign_to=(name,)).status == "waiting"
    request = InputRequest.objects.get()
    assert [one.name for one in request.assignments.all()] == [name]
    assert actions.find(User.objects.get(username=name), request.id) == request
    assert InputRequest.objects.visible_to(make_reviewer("other")).count() == 0


@pytest.mark.parametrize("name", ["Finance; EU", "Müller, Söhne", "group:inner", "BOARD", " wide "])
def test_a_group_is_found_by_the_exact_name(name: str, flow: Workflow, drive: Drive) -> None:
    group = Group.objects.create(name=name)
    Group.objects.create(name=name.lower() + "!")
    assert run_of(flow, drive, assign_to=(f"group:{name}",)).status == "waiting"
    [one] = InputRequest.objects.get().assignments.all()
    assert (one.group, one.name) == (group, f"group:{name}")


def test_a_user_whose_name_begins_with_the_prefix_of_groups_is_found(
    flow: Workflow, drive: Drive
) -> None:
    odd, plain = make_reviewer("group:finance"), make_reviewer("alice")
    finance = Group.objects.create(name="finance")
    names = ("user:group:finance", "group:finance", "alice", "user:alice")
    assert run_of(flow, drive, assign_to=names).status == "waiting"
    rows = list(InputRequest.objects.get().assignments.order_by("pk"))
    assert [one.user or one.group for one in rows] == [odd, finance, plain]
    assert [one.name for one in rows] == ["user:group:finance", "group:finance", "alice"]
    assert list(Directory([rows[0].name]).found([rows[0].name])) == [odd]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"assign_to": ("alice", "nobody")}, "'assign_to' names 'nobody', .* no such active user"),
        ({"assign_to": ("ALICE",)}, "'assign_to' names 'ALICE'"),
        ({"assign_to": ("gone",)}, "'assign_to' names 'gone'"),
        ({"assign_to": ("alice,bob",)}, "'assign_to' names 'alice,bob'"),
        ({"assign_to": ("group:none",)}, "'group:none', and there is no such group"),
        ({"assign_to": ("a\x00b",)}, "'assign_to' names"),
        ({"escalate_to": ("group:none",), "escalate_in": soon(hours=1) - soon()},
         "'escalate_to' names 'group:none'"),
    ],
)  # fmt: skip
def test_a_name_that_does_not_exist_fails_the_step_after_its_retries(
    options: Any, words: str, flow: Workflow, drive: Drive, alice: User
) -> None:
    make_reviewer("gone")
    User.objects.filter(username="gone").update(is_active=False)
    run = run_of(flow, drive, **options)
    error = run.error or {}
    assert (run.status, error["kind"], error["step"]) == ("failed", "InvalidRequestOptions", "ask")
    assert re.search(words, error["message"])
    assert run.journal.filter(kind="step_retried").count() == 1
    assert not InputRequest.objects.exists()


def test_the_step_succeeds_when_the_name_exists(flow: Workflow, drive: Drive) -> None:
    run = run_of(flow, drive, assign_to=("late",))
    assert run.status == "failed"
    late = make_reviewer("late")
    run.retry()
    drive()
    actions.decide(late, InputRequest.objects.get().id, YES, source="inbox")
    drive()
    assert (fresh(run).status, fresh(run).result) == ("completed", True)


@step
async def ask_and_cancel(event: StartEvent) -> InputRequestEvent:
    task = asyncio.current_task()
    assert task is not None
    task.cancel()
    return InputRequestEvent(prompt="?", assign_to=("alice",))


def test_a_step_that_is_cancelled_while_its_names_are_read_has_failed(
    register: Register, drive: Drive, alice: User
) -> None:
    flow = register(Workflow("t-cancels-itself", [ask_and_cancel, end]))
    run = WorkflowRun.objects.start(flow, {})
    drive()
    assert fresh(run).status == "failed"


@step
async def split(event: StartEvent) -> list[Part]:
    return [Part(number=number) for number in range(30)]


@step
async def ask_each(event: Part) -> InputRequestEvent | None:
    names = (f"u{event.number % 3}",) if asks else ()
    return InputRequestEvent(prompt="?", request_id=str(event.number), assign_to=names)


def test_names_of_many_steps_are_read_together(register: Register, drive: Drive) -> None:
    flow = register(Workflow("t-many", [split, ask_each, end]))
    for number in range(3):
        make_reviewer(f"u{number}")
    looks = []
    for names in ({}, {"assign_to": ()}):
        asks.clear()
        asks.update(names)
        WorkflowRun.objects.start(flow, {})
        with looked_up() as seen:
            drive()
        looks.append(len(seen))
    assert looks[0] == 0
    assert 1 <= looks[1] <= 6  # not one for each of the 30
    assert InputRequest.objects.filter(assigned=True).count() == 30


@contextmanager
def looked_up() -> Iterator[list[Any]]:
    """Count the queries for users by name, in all threads."""
    seen: list[Any] = []

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if '"username" IN' in sql:
            seen.append(params)
        return execute(sql, params, many, context)

    def install(connection: Any, **_: Any) -> None:
        connection.execute_wrappers.append(note)

    connection_created.connect(install)
    try:
        yield seen
    finally:
        connection_created.disconnect(install)


def test_a_route_to_deactivated_people_has_no_other_recipients(
    flow: Workflow, drive: Drive, alice: User, bob: User
) -> None:
    route = Route.objects.create(workflow=FLOW.name)
    route.users.add(alice)
    User.objects.filter(pk=alice.pk).update(is_active=False)
    assert run_of(flow, drive).status == "waiting"
    request = InputRequest.objects.get()
    assert request.assigned
    assert not InputRequest.objects.visible_to(bob).exists()
    assert list(InputRequest.objects.unanswerable()) == [request]
    carol = make_operator("carol")
    actions.reassign(carol, request.id, to=["bob"])
    assert InputRequest.objects.visible_to(bob).exists()


def test_a_route_to_a_deactivated_account_cannot_be_set(flow: Workflow, alice: User) -> None:
    User.objects.filter(pk=alice.pk).update(is_active=False)
    root = desk_of(User.objects.create_superuser("root"))
    sent = root.post("/admin/workflows/route/add/", {"workflow": FLOW.name, "users": [alice.pk]})
    assert "Requests cannot go to a deactivated account: alice." in sent.content.decode()
    assert not Route.objects.exists()


def test_requests_of_a_deleted_group_get_no_other_recipients(alice: User, bob: User) -> None:
    group = Group.objects.create(name="finance")
    alice.groups.add(group)
    request = asked_of(group)
    group.name = "money"
    group.save()
    assert actions.find(alice, request.id) == request
    group.delete()
    assert not InputRequest.objects.visible_to(alice).exists()
    assert request in InputRequest.objects.unanswerable()


def test_an_escalation_to_a_deleted_group_is_logged(
    alice: User, caplog: pytest.LogCaptureFixture
) -> None:
    request = asked_of(
        alice, escalate_to=["group:board", "bob"], escalate_at=soon(seconds=-1),
        next_notification_at=soon(seconds=-1),
    )  # fmt: skip
    deadlines.sweep(database_now())
    assert "escalated to 'group:board', 'bob', who do not exist any more" in caplog.text
    assert [one.name for one in request.assignments.all()] == ["alice"]
