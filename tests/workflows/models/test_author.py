"""The person who started a run is stored through repeats and retries, and cannot be changed."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import uuid4

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db.models import ProtectedError

from approvals.errors import SecondPersonNeeded
from tests.support.clients import desk_of
from tests.support.factories import BARE, TYPED, make_run, make_user, registered
from tests.support.people import asked_of, decide, make_operator
from tests.support.worker_control import Drive, Register, fresh
from workflows.engine import (
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)
from workflows.errors import AuthorMissing, WrongRepeat
from workflows.models import AuthorIsFinal, InputRequest, RunAuthor, WorkflowRun

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("answerable")]


class Pay(InputRequestEvent):
    four_eyes: ClassVar = True  # type: ignore[misc]


@step
async def ask(event: StartEvent) -> Pay:
    return Pay(prompt="Pay it?")


@step
async def ask_at_run_time(event: StartEvent) -> InputRequestEvent:
    return InputRequestEvent(prompt="Pay it?", four_eyes=True)


@step
async def end(event: InputResponseEvent) -> StopEvent:
    return StopEvent(result=event.approved)


FOUR_EYES = Workflow("t-four-eyes", [ask, end])
AT_RUN_TIME = Workflow("t-four-eyes-at-run-time", [ask_at_run_time, end])


@pytest.fixture
def carol() -> User:
    return make_operator("carol")


def repeat(run: WorkflowRun, by: User) -> WorkflowRun:
    """Start a run that repeats this one."""
    return WorkflowRun.objects.start(run.workflow, run.input, by=by, repeats=run)


def test_a_run_keeps_the_id_and_the_name_of_who_started_it(alice: User) -> None:
    run = WorkflowRun.objects.start(BARE, {}, by=alice)
    alice.username = "renamed"
    alice.save()
    row = fresh(run)
    assert (row.started_by, row.started_by_name) == (alice, "alice")
    assert not row.is_repeat


def test_a_repeated_run_has_the_authors_of_all_that_it_repeats(
    alice: User, bob: User, carol: User
) -> None:
    first = WorkflowRun.objects.start(BARE, {}, by=alice)
    second = repeat(first, bob)
    third = repeat(fresh(second), carol)
    fourth = WorkflowRun.objects.start(BARE, {"other": 1}, by=alice, repeats=third)
    for run, authors in (
        (first, [alice]), (second, [alice, bob]), (third, [alice, bob, carol]),
        (fourth, [alice, bob, carol]),
    ):  # fmt: skip
        people = [one for one in (alice, bob, carol) if fresh(run).has_author(one)]
        assert people == authors
    assert sorted(third.earlier_authors.values_list("name", flat=True)) == ["alice", "bob"]
    request = asked_of(run=third, four_eyes=True)
    for person in (alice, bob, carol):
        with pytest.raises(SecondPersonNeeded):
            decide(person, request)


def test_run_again_on_its_page_keeps_the_author_of_the_run_that_it_repeats(alice: User) -> None:
    olga = make_user("olga", "workflows.add_workflowrun", "workflows.view_workflowrun")
    run = WorkflowRun.objects.start(BARE, {}, by=alice)
    sent = {"_repeats": str(run.pk), "_key": str(uuid4())}
    for _ in range(2):
        assert desk_of(olga).post(f"/workflows/{BARE.name}/start/", sent).status_code == 303
    repeat = WorkflowRun.objects.exclude(pk=run.pk).get()
    assert repeat.started_by == olga
    assert repeat.has_author(alice)


def test_a_run_repeats_only_runs_of_its_own_workflow(alice: User) -> None:
    with pytest.raises(WrongRepeat, match="'test-typed' cannot repeat a run of 'test-bare'"):
        WorkflowRun.objects.start(TYPED, {}, by=alice, repeats=make_run(BARE))


def test_a_retry_keeps_the_author(alice: User, carol: User) -> None:
    run = make_run(status="failed", started_by=alice, started_by_name="alice")
    run.retry(by=carol)
    assert (fresh(run).started_by, fresh(run).has_author(carol)) == (alice, False)


def _save(run: WorkflowRun, bob: User) -> None:
    run.started_by = bob
    run.save()


def _save_one_field(run: WorkflowRun, bob: User) -> None:
    run.started_by_name = "bob"
    run.save(update_fields=["started_by_name"])


def _bulk_update(run: WorkflowRun, bob: User) -> None:
    run.started_by = bob
    WorkflowRun.objects.bulk_update([run], ["started_by"])


def _upsert(run: WorkflowRun, bob: User) -> None:
    run.started_by = bob
    WorkflowRun.objects.bulk_create(
        [run], update_conflicts=True, unique_fields=["id"], update_fields=["started_by"]
    )


@pytest.mark.parametrize(
    "change",
    [
        _save,
        _save_one_field,
        _bulk_update,
        _upsert,
        lambda run, bob: WorkflowRun.objects.update(started_by=bob),
        lambda run, bob: WorkflowRun.objects.filter(pk=run.pk).update(started_by_id=bob.pk),
        lambda run, bob: WorkflowRun.objects.update(started_by_name="bob"),
        lambda run, bob: WorkflowRun.objects.update(is_repeat=False),
        lambda run, bob: WorkflowRun.objects.update_or_create(
            pk=run.pk, defaults={"started_by": bob}
        ),
        lambda run, bob: RunAuthor.objects.update(user=bob),
        lambda run, bob: RunAuthor.objects.all().delete(),
        lambda run, bob: RunAuthor.objects.get().delete(),
        lambda run, bob: RunAuthor.objects.get().save(),
    ],
)
def test_an_author_is_never_changed(change: Any, alice: User, bob: User, carol: User) -> None:
    run = repeat(WorkflowRun.objects.start(BARE, {}, by=carol), alice)
    with pytest.raises(AuthorIsFinal):
        change(fresh(run), bob)
    row = fresh(run)
    assert (row.started_by, row.started_by_name, row.is_repeat) == (alice, "alice", True)
    assert RunAuthor.objects.get().user == carol


def test_other_columns_of_a_run_are_saved_as_before(alice: User) -> None:
    run = WorkflowRun.objects.start(BARE, {}, by=alice)
    run.signature = "other"
    run.save()
    assert fresh(run).signature == "other"


def test_an_account_that_started_a_run_is_deactivated_and_not_deleted(
    alice: User, bob: User, carol: User
) -> None:
    repeat(WorkflowRun.objects.start(BARE, {}, by=alice), bob)
    for person in (alice, bob):
        with pytest.raises(ProtectedError):
            person.delete()
    root = User.objects.create_superuser("root")
    page = desk_of(root).get(f"/admin/auth/user/{alice.pk}/delete/").content.decode()
    assert "Deactivate the account instead" in page
    sent = desk_of(root).post(
        "/admin/auth/user/", {"action": "delete_selected", "_selected_action": [alice.pk]}
    )
    assert "Deactivate the accounts instead" in sent.content.decode()
    page = desk_of(root).get(f"/admin/auth/user/{carol.pk}/delete/").content.decode()
    assert "instead" not in page
    assert User.objects.filter(pk=alice.pk).exists()


def test_pruning_a_run_deletes_its_earlier_authors(alice: User, bob: User) -> None:
    run = repeat(WorkflowRun.objects.start(BARE, {}, by=alice), bob)
    fresh(run).delete()
    assert not RunAuthor.objects.exists()


def test_a_workflow_with_four_eyes_needs_a_person_who_starts_it(alice: User) -> None:
    with registered(FOUR_EYES):
        with pytest.raises(AuthorMissing, match="'t-four-eyes' asks Pay with four eyes"):
            WorkflowRun.objects.start(FOUR_EYES, {})
        assert not WorkflowRun.objects.exists()
        WorkflowRun.objects.start(FOUR_EYES, {}, by=alice)


@pytest.mark.parametrize("by", ["alice", 1, AnonymousUser()])
def test_a_run_is_started_by_a_user_and_not_by_a_name(alice: User, by: Any) -> None:
    with pytest.raises(TypeError, match="by takes a user, not"):
        WorkflowRun.objects.start(BARE, {}, by=by)
    assert not WorkflowRun.objects.exists()


def test_a_step_cannot_ask_for_four_eyes_in_a_run_without_an_author(
    drive: Drive, register: Register, alice: User
) -> None:
    register(AT_RUN_TIME)
    nobodys = WorkflowRun.objects.start(AT_RUN_TIME, {})
    hers = WorkflowRun.objects.start(AT_RUN_TIME, {}, by=alice)
    drive()
    error = fresh(nobodys).error or {}
    assert (fresh(nobodys).status, error["kind"], error["step"]) == (
        "failed", "InvalidRequestOptions", "ask_at_run_time",
    )  # fmt: skip
    assert "with four eyes, but nobody is known to have started the run" in error["message"]
    assert (fresh(hers).status, InputRequest.objects.get().four_eyes) == ("waiting", True)


def test_requests_that_only_earlier_authors_could_answer_need_attention(
    alice: User, bob: User
) -> None:
    run = repeat(WorkflowRun.objects.start(BARE, {}, by=alice), bob)
    everybodys = asked_of(run=run, four_eyes=True)
    given = asked_of(alice, run=run, four_eyes=True)
    open_to_all = asked_of(run=run)
    assert set(InputRequest.objects.unanswerable()) == {everybodys, given}
    dora = make_operator("dora")
    assert not InputRequest.objects.unanswerable().exists()
    dora.is_active = False
    dora.save()
    assert open_to_all not in InputRequest.objects.unanswerable()
