"""Requests whose reply class has changed need an operator, unless the schema is equal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, ClassVar

import pytest
from django.contrib.auth.models import User
from django.db import connections
from pydantic import BaseModel

from approvals import actions
from approvals.errors import CannotReask, Closed, NotPermitted, StaleForm
from approvals.models import Comment, Decision
from tests.support.clients import desk_of, field, text, url
from tests.support.people import make_operator
from workflows import models
from workflows.engine import (
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    registry,
    step,
)
from workflows.models import Delivery, InputRequest, WorkflowRun, database_now
from workflows.worker import Worker
from workflows.worker.sweep import deadlines

pytestmark = pytest.mark.django_db(transaction=True)

NAME = "t-changing"
YES = {"approved": True}


class Old(BaseModel):
    approved: bool


class More(BaseModel):
    approved: bool
    reason: str


class Verdictless(BaseModel):
    amount: int


def version(answer: type[BaseModel], *, name: str = "PayRequest", **asked: Any) -> Workflow:
    """Return the version of the workflow that has this class of answers."""
    quorum = asked.pop("quorum", 1)

    class PayReply(InputResponseEvent):
        response: answer  # type: ignore[valid-type]

    request: Any = type(
        name,
        (InputRequestEvent,),
        {
            "__annotations__": {"reply": ClassVar[type[InputResponseEvent]], "quorum": int},
            "__module__": __name__, "reply": PayReply, "quorum": quorum,
        },
    )  # fmt: skip

    async def ask(event: StartEvent) -> Any:
        return request(prompt="Pay it?", payload={"claimed": "9"}, **asked)

    async def pay(event: Any) -> StopEvent:
        return StopEvent(result=event.response.model_dump())

    ask.__annotations__ |= {"event": StartEvent, "return": request}
    pay.__annotations__ |= {"event": PayReply, "return": StopEvent}
    return Workflow(NAME, steps=[step(ask), step(pay)])


def deploy(workflow: Workflow) -> None:
    """Register this version of the workflow in this process."""
    if NAME in registry:
        registry.unregister(NAME)
    registry.register(workflow)


def drive() -> None:
    asyncio.run(Worker().run_until_idle())
    connections.close_all()


def asked(workflow: Workflow) -> InputRequest:
    """Start a run of this version, and return its request."""
    deploy(workflow)
    WorkflowRun.objects.start(NAME, {})
    drive()
    return InputRequest.objects.get()


def again() -> InputRequest:
    return InputRequest.objects.select_related("run").get()


@pytest.fixture(autouse=True)
def gone() -> Iterator[None]:
    yield
    if NAME in registry:
        registry.unregister(NAME)


@pytest.fixture
def olga() -> User:
    return make_operator("olga")


def sweep_after_the_deadline() -> None:
    InputRequest.objects.update(deadline=database_now() - timedelta(seconds=1))
    deadlines.sweep(database_now())


def test_an_equal_schema_is_answered_as_before(alice: User) -> None:
    request = asked(version(Old))
    deploy(version(Old))
    actions.decide(alice, request.id, YES, source="inbox")
    drive()
    assert again().run.result == YES


@pytest.mark.parametrize(
    ("today", "reported"),
    [
        (version(More), "made by another version of the class 'PayRequest'"),
        (version(Old, name="PaymentRequest"), "no request class 'PayRequest' in the workflow"),
        (None, "the code has no workflow 't-changing'"),
    ],
)
def test_a_request_that_does_not_fit_the_code_accepts_no_answer_and_needs_attention(
    alice: User, olga: User, today: Workflow | None, reported: str
) -> None:
    request = asked(version(Old))
    actions.save_draft(alice, request.id, {"note": ["half a thought"]})
    registry.unregister(NAME) if today is None else deploy(today)
    for answer in (YES, {"approved": False}, {"approved": True, "reason": "cheap"}):
        with pytest.raises(StaleForm, match=reported):
            actions.decide(alice, request.id, answer, source="inbox")
    assert (again().status, Decision.objects.count()) == ("pending", 0)
    assert actions.draft_of(alice, request)
    page = desk_of(alice).get(url(request))
    assert reported in text(page).replace("&#x27;", "'")
    assert "Needs an operator" in text(page)
    assert "Ask again under" not in text(page)
    sent = desk_of(alice).post(url(request, "decide/"), {"approved": "true"})
    assert sent.status_code == 503
    listed = text(desk_of(olga).get("/runs/attention/")).replace("&#x27;", "'")
    assert "Requests that need an operator" in listed
    assert reported[:1].upper() + reported[1:] in listed or reported in listed


def test_a_request_that_fits_needs_no_attention(alice: User, olga: User) -> None:
    asked(version(Old))
    assert "Requests that need an operator" not in text(desk_of(olga).get("/runs/attention/"))


def test_the_attention_page_shows_no_hidden_requests(bob: User, olga: User) -> None:
    asked(version(Old, assign_to=("olga",)))
    deploy(version(More))
    assert "Pay it?" not in text(desk_of(bob).get("/runs/attention/"))
    assert "Pay it?" in text(desk_of(olga).get("/runs/attention/"))


def test_an_operator_asks_again_and_the_run_gets_the_new_answer(
    alice: User, bob: User, olga: User
) -> None:
    request = asked(version(Old, quorum=2, assign_to=("alice", "bob", "olga")))
    actions.decide(alice, request.id, YES, source="inbox")
    actions.save_draft(bob, request.id, {"note": ["half a thought"]})
    deploy(version(More, quorum=2))
    before = again()
    sent = desk_of(olga).post(url(request, "reask/"))
    assert sent.status_code == 303
    row = again()
    assert (row.revision, row.votes, row.quorum) == (2, 0, 2)
    assert row.schema is not None
    assert "reason" in str(row.schema)
    assert row.digest != before.digest
    assert sorted(one.name for one in row.assignments.all()) == ["alice", "bob", "olga"]
    assert actions.draft_of(bob, request)
    assert not Decision.objects.effective().exists()
    note = Comment.objects.get()
    assert (note.by, note.is_system) == (olga, True)
    entry = row.run.journal.get(kind="reasked")
    assert entry.data == {"by": "olga", "request_id": row.request_id, "revision": 2}
    answer = YES | {"reason": "cheap"}
    page = {"approved": "true", "reason": "cheap", "_digest": before.digest}
    assert desk_of(alice).post(url(request, "decide/"), page).status_code == 412
    page["_digest"] = field(desk_of(alice).get(url(request)), "_digest")
    assert desk_of(alice).post(url(request, "decide/"), page).status_code == 303
    actions.decide(bob, request.id, answer, source="inbox")
    drive()
    assert again().run.result == answer
    history = text(desk_of(olga).get(row.run.get_absolute_url()))
    assert "Asked again with the current code" in history


def test_only_operators_can_ask_again_and_only_if_needed(alice: User, olga: User) -> None:
    request = asked(version(Old))
    with pytest.raises(CannotReask, match="has the form that the code has now"):
        actions.reask(olga, request.id)
    deploy(version(More))
    with pytest.raises(NotPermitted):
        actions.reask(alice, request.id)
    assert desk_of(alice).post(url(request, "reask/")).status_code == 403
    request.run.cancel()
    with pytest.raises(Closed):
        actions.reask(olga, request.id)


def test_nothing_is_asked_again_while_workers_with_other_code_run(olga: User) -> None:
    request = asked(version(Old))
    now = database_now()
    old = {NAME: version(Old).signature}
    models.WorkerHeartbeat.objects.create(pk="old", signatures=old, started_at=now, seen_at=now)
    deploy(version(More))
    with pytest.raises(CannotReask, match="another version"):
        actions.reask(olga, request.id)
    assert again().revision == 1


def test_the_error_has_the_reason_why_a_request_cannot_be_asked_again(olga: User) -> None:
    request = asked(version(Old, quorum=2))
    deploy(version(Old, name="PaymentRequest", quorum=2))
    with pytest.raises(CannotReask, match="no request class 'PayRequest'"):
        actions.reask(olga, request.id)
    deploy(version(Verdictless))
    with pytest.raises(CannotReask, match="wants 2 approvals"):
        actions.reask(olga, request.id)
    deploy(version(More, quorum=2))
    WorkflowRun.objects.update(status="running", lease_owner="w", wake_at=database_now())
    with pytest.raises(CannotReask, match="at work"):
        actions.reask(olga, request.id)
    assert (again().revision, Comment.objects.count()) == (1, 0)


def test_a_default_that_fits_answers_at_the_deadline(olga: User) -> None:
    timed: dict[str, Any] = {
        "due_in": timedelta(hours=1),
        "on_deadline": "default",
        "default_response": YES,
    }
    asked(version(Old, **timed))
    sweep_after_the_deadline()
    drive()
    assert (again().source, again().run.status) == ("deadline", "completed")


@pytest.mark.parametrize("today", [version(More), None])
def test_a_default_that_no_longer_fits_leaves_the_request_open_and_overdue(
    olga: User, today: Workflow | None
) -> None:
    no = {"approved": False}
    timed: dict[str, Any] = {
        "due_in": timedelta(hours=1),
        "on_deadline": "default",
        "default_response": no,
    }
    asked(version(Old, **timed))
    registry.unregister(NAME) if today is None else deploy(today)
    sweep_after_the_deadline()
    sweep_after_the_deadline()
    row = again()
    assert (row.status, row.run.status) == ("pending", "waiting")
    assert row.overdue_at is not None
    assert not Delivery.objects.exists()
    assert "Pay it?" in text(desk_of(olga).get("/runs/attention/"))
    page = text(desk_of(olga).get(url(row)))
    assert "Needs an operator" in page


def test_a_person_can_answer_after_the_default_did_not_fit(alice: User, olga: User) -> None:
    no = {"approved": False}
    timed: dict[str, Any] = {
        "due_in": timedelta(hours=1), "on_deadline": "default", "default_response": no,
    }  # fmt: skip
    request = asked(version(Old, **timed))
    deploy(version(More))
    sweep_after_the_deadline()
    deploy(version(Old))
    page = text(desk_of(alice).get(url(request)))
    assert "The default answer was not used at the deadline" in page
    actions.decide(alice, request.id, YES, source="inbox")
    drive()
    assert again().run.result == YES


def test_asking_an_overdue_request_again_restarts_its_timers_and_checks_its_default(
    olga: User,
) -> None:
    timed: dict[str, Any] = {
        "due_in": timedelta(hours=1),
        "on_deadline": "default",
        "default_response": YES,
    }
    request = asked(version(Old, **timed))
    deploy(version(More))
    sweep_after_the_deadline()
    actions.reask(olga, request.id)
    row = again()
    assert row.deadline is not None
    assert (row.overdue_at, row.on_deadline, row.default_response) == (None, "stay_open", None)
    assert "its default no longer fits" in Comment.objects.get().text


def test_a_worker_with_old_code_leaves_the_default_to_workers_with_new_code(olga: User) -> None:
    timed: dict[str, Any] = {
        "due_in": timedelta(hours=1),
        "on_deadline": "default",
        "default_response": YES,
    }
    asked(version(Old, **timed))
    now = database_now()
    new = {NAME: version(Old).signature}
    models.WorkerHeartbeat.objects.create(pk="new", signatures=new, started_at=now, seen_at=now)
    deploy(version(More))
    sweep_after_the_deadline()
    assert (again().status, again().overdue_at) == ("pending", None)
    deploy(version(Old))
    sweep_after_the_deadline()
    assert again().source == "deadline"


def test_rows_of_older_code_are_compared_by_their_schema(alice: User) -> None:
    request = asked(version(Old))
    InputRequest.objects.update(schema_digest="")
    actions.decide(alice, request.id, YES, source="inbox")
    assert again().status == "answered"
