"""Prepared and handwritten statements return the same rows as the queries of the ORM."""

from __future__ import annotations

from datetime import timedelta
from itertools import product

import pytest
from django.contrib.auth.models import Group, User
from django.db import connection

from tests.support.factories import make_request, make_reviewer, make_run, make_user
from workflows.models import Assignment, Delivery, InputRequest, WorkflowRun, database_now
from workflows.sql.chained import Statement, execute_chain, insert_statement
from workflows.sql.lease_runs import MAX_LEASE

pytestmark = pytest.mark.django_db

SECOND = timedelta(seconds=1)


def people() -> dict[str, User]:
    named = make_reviewer("named")
    grouped = make_reviewer("grouped")
    grouped.groups.add(Group.objects.create(name="finance"))
    return {
        "nobody": make_user("nobody"),
        "reader": make_user("reader", "workflows.view_inputrequest"),
        "named": named,
        "grouped": grouped,
        "other": make_reviewer("other"),
    }


def test_one_request_is_found_for_people_who_may_see_it() -> None:
    known = people()
    requests = [make_request(make_run(), assigned=assigned) for assigned in (False, True, True)]
    Assignment.objects.create(request=requests[1], user=known["named"])
    Assignment.objects.create(request=requests[2], group=Group.objects.get(name="finance"))
    seen = set()
    for (name, user), request in product(known.items(), requests):
        found = InputRequest.objects.one_visible_to(user, request.pk)
        wanted = InputRequest.objects.visible_to(user).filter(pk=request.pk).first()
        assert found == wanted, name
        if found is not None:
            seen.add((name, requests.index(request)))
            assert found.run == request.run
            columns = [field.attname for field in InputRequest._meta.concrete_fields]
            fresh = InputRequest.objects.get(pk=request.pk)
            assert [getattr(found, one) for one in columns] == [
                getattr(fresh, one) for one in columns
            ]
    everybody = {(name, 0) for name in ("named", "grouped", "other")}
    reader = {("reader", number) for number in range(3)}
    assert seen == everybody | reader | {("named", 1), ("grouped", 2)}


def test_a_worker_leases_what_is_leasable() -> None:
    now = database_now()
    minute = timedelta(minutes=1)  # longer than a test may take
    moments = [None, now - SECOND, now, now + minute / 2, now + MAX_LEASE + minute]
    run = make_run(status="completed")
    for status, moment in product(("queued", "running", "waiting"), moments):
        if moment is None and status != "waiting":
            continue  # the constraints forbid this row
        owner = "another" if status == "running" else ""
        make_run(status=status, wake_at=moment, lease_owner=owner)
    wanted = set(WorkflowRun.objects.leasable(now).values_list("pk", flat=True))
    leased = WorkflowRun.objects.lease("me", limit=100, duration=SECOND)
    assert {one.pk for one in leased} == wanted
    assert len(wanted) == 9
    assert run.pk not in wanted
    assert {one.status for one in leased} == {"running"}


def rename(name: str, to: str) -> Statement:
    return Statement("UPDATE auth_group SET name = %s WHERE name = %s", [to, name])


def test_each_statement_runs_only_if_the_one_before_changed_a_row() -> None:
    for name in ("one", "two"):
        Group.objects.create(name=name)
    sent = Delivery(run=make_run(), kind="pause", data={"by": ""}, created_at=database_now())
    assert execute_chain(
        rename("one", "first"), rename("two", "second"), insert_statement(sent)
    ) == [1, 1, 1]
    assert Delivery.objects.get(pk=sent.pk).data == {"by": ""}
    assert not sent._state.adding
    late = Delivery(run=make_run(), kind="pause", data={}, created_at=database_now())
    turns = (
        rename("first", "1st"),
        rename("nobody", "2nd"),
        insert_statement(late),
        rename("second", "3rd"),
    )
    assert execute_chain(*turns) == [1, 0, 0, 0]
    assert late._state.adding
    assert {"1st", "second"} <= set(Group.objects.values_list("name", flat=True))


@pytest.mark.django_db(transaction=True)
def test_a_chain_that_is_its_own_transaction_undoes_itself() -> None:
    if connection.vendor != "postgresql":  # elsewhere a chain is always within a transaction
        return
    Group.objects.create(name="one")
    third = Delivery(run=make_run(), kind="pause", data={}, created_at=database_now())
    chain = rename("one", "first"), rename("nobody", "second"), insert_statement(third)
    assert execute_chain(*chain) == [1, 0, 0]
    assert not Delivery.objects.exists()
    assert Group.objects.filter(name="one").exists()
    assert execute_chain(rename("nobody", "first"), rename("one", "second")) == [0, 0]
    assert execute_chain(rename("one", "first"), rename("first", "second")) == [1, 0]
    assert Group.objects.filter(name="one").exists()


@pytest.mark.django_db(transaction=True)
def test_the_statements_of_an_answer_are_prepared_once_for_each_connection() -> None:
    alice, request = make_reviewer("alice"), make_request(make_run())
    for _ in range(7):
        InputRequest.objects.one_visible_to(alice, request.pk)
    if connection.vendor != "postgresql":  # the driver of SQLite always caches statements
        return
    with connection.cursor() as cursor:
        cursor.execute("SELECT statement FROM pg_prepared_statements")
        kept = [statement for (statement,) in cursor.fetchall()]
    assert [one for one in kept if 'FROM "workflows_inputrequest"' in one]
