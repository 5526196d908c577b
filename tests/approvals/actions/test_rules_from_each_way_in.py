"""Each rule of the action, tested from each source of answers.

A row of `RULES` makes a request that alice may not answer, and has the expected status. A source
tries to answer it, and returns the status of the refusal. Nothing may have changed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management import CommandError, call_command

from approvals import actions
from approvals.errors import AnswerRefused
from approvals.models import Comment, Decision, Draft
from tests.support.clients import HTMX, desk_of, text, url
from tests.support.factories import (
    BARE,
    TYPED,
    make_answered,
    make_reviewer,
    make_run,
    make_user,
    registered,
)
from tests.support.people import NO, YES, again, asked_of, soon
from workflows.models import Assignment, Delivery, InputRequest, WorkflowRun, database_now
from workflows.worker.sweep import deadlines

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def flows() -> Iterator[None]:
    with registered(BARE, TYPED):
        yield


@dataclass(frozen=True)
class Try:
    """A person, the request that they try to answer, and their edits of its payload."""

    user: User
    request: InputRequest
    edits: str = ""


@dataclass(frozen=True)
class Case:
    """A request that cannot be answered: the status, and words of the error message."""

    status: int
    words: str
    make: Callable[[User, User], InputRequest]
    edits: str = ""


def of_a_group_of_others(alice: User, bob: User) -> InputRequest:
    group = Group.objects.create(name="finance")
    bob.groups.add(group)
    return asked_of(group)


def approved_before(alice: User, bob: User) -> InputRequest:
    request = asked_of(quorum=2)
    said = {"approved": True, "comment": "Fine."}
    actions.decide(alice, request.id, said, source="inbox")
    return request


RULES = {
    "given to somebody else": Case(404, "There is no request", lambda a, b: asked_of(b)),
    "given to a group of others": Case(404, "There is no request", of_a_group_of_others),
    "four eyes": Case(
        403,
        "second person",
        lambda a, b: asked_of(run=make_run(started_by=a), four_eyes=True),
    ),
    "answered": Case(409, "already answered by bob", lambda a, b: make_answered(NO, by=b)),
    "answered by the deadline": Case(
        409, "already answered by the workflow itself", lambda a, b: make_answered(NO, by=None)
    ),
    "expired": Case(410, "has expired", lambda a, b: asked_of(status="expired")),
    "late, and nobody said so yet": Case(
        410, "has expired", lambda a, b: asked_of(deadline=soon(seconds=-1))
    ),
    "late, and the default comes": Case(
        410,
        "has expired",
        lambda a, b: asked_of(
            deadline=soon(seconds=-1), on_deadline="default", default_response=NO
        ),
    ),
    "cancelled with its run": Case(
        410, "is closed", lambda a, b: asked_of(run=make_run(status="cancelled"))
    ),
    "blocked": Case(503, "is blocked", lambda a, b: asked_of(run=make_run(status="blocked"))),
    "claimed": Case(
        409,
        "claimed by bob",
        lambda a, b: asked_of(claimed_by=b, claimed_until=soon(hours=1)),
    ),
    "approved by this person before": Case(409, "1 of 2 approvals", approved_before),
    "a verdict that it does not take": Case(
        422, "does not take a approve", lambda a, b: asked_of(allow=["reply"])
    ),
    "an edit of what may not be edited": Case(
        422, "This may not be edited", lambda a, b: asked_of(editable=[]), edits="claimed"
    ),
    "an edit of another kind": Case(
        422, "This has to be a number", lambda a, b: asked_of(
            payload={"n": 1}, editable=["n"]), edits="n",
    ),
}  # fmt: skip


# The sources: each answers with an approval, and returns (status, text).


def by_the_action(attempt: Try) -> tuple[int, str]:
    edits = {attempt.edits: "text"} if attempt.edits else None
    try:
        actions.decide(attempt.user, attempt.request.id, YES, source="inbox", edits=edits)
    except AnswerRefused as error:
        return error.status, str(error)
    return 200, ""


def on_the_page(attempt: Try, **headers: str) -> tuple[int, str]:
    fields = {"verdict": "approve", "comment": "so"} | (
        {f"_edit.{attempt.edits}": "text"} if attempt.edits else {}
    )
    page = desk_of(attempt.user).post(url(attempt.request, "decide/"), fields, headers=headers)
    return page.status_code, text(page)


def with_htmx(attempt: Try) -> tuple[int, str]:
    return on_the_page(attempt, **HTMX)


def on_the_command_line(attempt: Try) -> tuple[int, str]:
    options = ["--edit", f'{attempt.edits}="text"'] if attempt.edits else []
    try:
        call_command(
            "answer", str(attempt.request.id), "--approve", "--as", attempt.user.username, *options,
            stdout=StringIO(),
        )  # fmt: skip
    except CommandError as error:
        return 0, str(error)
    return 200, ""


def in_a_batch(attempt: Try) -> tuple[int, str]:
    answer = actions.Answer(YES, attempt.request.version)
    [item] = actions.decide_many(attempt.user, {str(attempt.request.id): answer}, source="inbox")
    return (item.refusal.status, str(item.refusal)) if item.refusal else (200, "")


SOURCES: dict[str, Callable[[Try], tuple[int, str]]] = {
    "source": by_the_action,
    "page": on_the_page,
    "htmx": with_htmx,
    "command": on_the_command_line,
    "batch": in_a_batch,
}
WITHOUT_EDITS = {"batch"}  # an answer to several requests has no edits


def everything() -> list[Any]:
    models = (InputRequest, WorkflowRun, Decision, Delivery, Comment, Draft, Assignment)
    return [list(model._default_manager.order_by("pk").values()) for model in models]


@pytest.mark.parametrize("side", SOURCES)
@pytest.mark.parametrize("rule", RULES)
def test_a_rule_is_checked_for_each_source(rule: str, side: str) -> None:
    case = RULES[rule]
    if case.edits and side in WITHOUT_EDITS:
        return
    if rule == "an edit of what may not be edited" and side in ("page", "htmx"):
        return  # a form ignores fields that it did not render
    alice, bob = make_reviewer("alice"), make_reviewer("bob")
    request = case.make(alice, bob)
    before = everything()
    status, reported = SOURCES[side](Try(alice, request, case.edits))
    assert status == (0 if side == "command" else case.status), reported
    assert everything() == before
    if side in ("source", "command", "batch"):
        assert case.words in reported


@pytest.mark.parametrize("side", SOURCES)
def test_a_request_that_no_rule_forbids_is_answered_from_each_source(side: str) -> None:
    alice = make_reviewer("alice")
    for request in (asked_of(), asked_of(alice), asked_of(claimed_by=alice, claimed_until=soon())):
        SOURCES[side](Try(alice, request))
        assert again(request).status == "answered", side


@pytest.mark.parametrize("side", SOURCES)
def test_a_person_who_may_only_read_cannot_answer_from_any_source(side: str) -> None:
    reader, request = make_user("reader", "workflows.view_inputrequest"), asked_of()
    status, reported = SOURCES[side](Try(reader, request))
    assert status in (0, 403), reported
    assert again(request).is_pending


@pytest.mark.parametrize("side", [side for side in SOURCES if side not in WITHOUT_EDITS])
def test_an_edit_is_accepted_from_each_source(side: str) -> None:
    request = asked_of(payload={"note": "asked"}, editable=["note"])
    SOURCES[side](Try(make_reviewer("alice"), request, edits="note"))
    assert again(request).edits == {"note": "text"}


# The deadline is a source, too


@pytest.mark.parametrize(
    "columns",
    [
        {"status": "answered", "source": "inbox", "answered_at": soon()},
        {"status": "cancelled"}, {"status": "expired"}, {"deadline": soon(hours=1)},
        {"overdue_at": soon(seconds=-1)}, {"run": "blocked"}, {"run": "completed"},
    ],
)  # fmt: skip
@pytest.mark.parametrize("policy", ["fail", "default", "stay_open"])
def test_the_rules_are_checked_at_the_deadline(policy: str, columns: dict[str, Any]) -> None:
    terms = {"deadline": soon(seconds=-1), "on_deadline": policy, "default_response": YES}
    run = {"run": make_run(status=columns["run"])} if "run" in columns else {}
    asked_of(**terms | columns | run)
    before = everything()
    deadlines.sweep(database_now())
    if columns == {"run": "completed"} and policy == "stay_open":
        return  # it is marked as overdue, which is not an answer
    assert everything() == before
