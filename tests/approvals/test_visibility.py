"""No page, header or message shows a person any data of a request that they may not see.

Every address of the site is opened as every kind of person, and each response is searched for texts
that are in only one place of one request. The addresses come from the URL configuration, so that
new pages are tested automatically.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from channels.auth import AuthMiddlewareStack
from django.apps import apps
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import NoReverseMatch, reverse
from django.utils.http import urlencode

from approvals.bulk_page.page import DIGEST, kind_of
from blazen_site.asgi import sockets as router
from tests.routes import Route, routes
from tests.support import sockets
from tests.support.canaries import Canaries
from tests.support.clients import HTMX, desk_of, text
from tests.support.factories import (
    BARE,
    make_answered,
    make_request,
    make_reviewer,
    make_run,
    make_user,
    registered,
)
from tests.support.permission_matrix import OF_A_MODEL, colonless
from workflows.models import Assignment, InputRequest, WorkflowRun
from workflows.realtime import publisher

pytestmark = pytest.mark.django_db

PEOPLE = ("none", "own", "read", "rev", "oper", "clerk", "root", "alice", "fiona", "archive")
EVERY = "?ids=*"  # stands for all requests
QUERIES = {
    "approvals:answered": ("", "?closed=1", "?q=zq"),
    "approvals:inbox": ("", "?mine=1", "?q=zq"),
    "approvals:rows": (EVERY,),
    "workflows:run": ("", "?before=4"),
}
FRAGMENTS = {
    "approvals:inbox", "approvals:request", "workflows:run", "workflows:runs",
    "workflows:attention", "workflows:snapshot",
}  # fmt: skip
UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
SHOWN = ("prompt", "key", "value", "edit", "tag", "comment", "vote", "answer")
"""The places of a request that a person who may see it must find on some page."""


@pytest.fixture
def world() -> Iterator[Canaries]:
    with registered(BARE):
        yield Canaries.make()


def arguments(route: Route, world: Canaries) -> Iterator[dict[str, Any]]:
    """Yield the arguments for the pattern of `route`: each existing request, run or row."""
    pattern = colonless(route.pattern)
    fixed = {route.key: route.choice} if route.key else {}
    if "<request_id>" in pattern:
        yield from ({**fixed, "request_id": one.pk} for one in world.requests)
    elif "<run_id>" in pattern:
        yield from ({**fixed, "run_id": one.pk} for one in world.runs)
    elif "<name>" in pattern:
        yield {"name": BARE.name}
    elif OF_A_MODEL.match(route.pattern):
        _, app, model, *_ = route.pattern.split("/")
        keys = apps.get_model(app, model)._default_manager.values_list("pk", flat=True)
        yield from ({"object_id": key} for key in keys)
    else:
        yield fixed


def addresses(world: Canaries) -> Iterator[tuple[str, str]]:
    """Yield the name of each route of the site with each of its existing addresses."""
    for route in routes():
        for given in arguments(route, world):
            try:
                yield route.name, reverse(route.name, kwargs=given)
            except NoReverseMatch:
                continue


def answers(client: Client, world: Canaries) -> Iterator[tuple[str, str]]:
    """Yield each response to this person, with its address. Changes are undone."""
    only_post: set[str] = set()
    every = ",".join(str(one.pk) for one in world.requests)
    for name, address in dict.fromkeys(addresses(world)):
        for query in QUERIES.get(name, ("",)) if name not in only_post else ():
            query = query.replace(EVERY, f"?ids={every}")
            response = client.get(address + query)
            yield f"GET {address}{query}", headers_and_body(response)
            if response.status_code == 405:
                only_post.add(name)
                break
        if name in FRAGMENTS:
            yield f"htmx {address}", headers_and_body(client.get(address, headers=HTMX))
        if name in only_post and "logout" not in name:
            fields = {"to": "nobody", "verdict": "approve", "comment": "x"}
            yield f"POST {address}", headers_and_body(undone(client, address, fields))
    for request in world.requests:
        yield (
            f"open {request.pk}",
            headers_and_body(client.get("/", {"open": str(request.pk)}, headers=HTMX)),
        )
    yield from answers_of_a_batch(client, [one for one in world.requests if one.is_pending])


def answers_of_a_batch(client: Client, rows: list[InputRequest]) -> Iterator[tuple[str, str]]:
    """Yield the page of a batch of these, and the response to each of its buttons."""
    ids = [str(one.pk) for one in rows]
    reported = " ".join(ids)  # these ids were sent
    address = f"/requests/decide/?{urlencode({'_id': ids}, doseq=True)}"
    digests = {DIGEST + str(one.pk): one.version for one in rows}
    yield f"batch {reported}", headers_and_body(client.get(address))
    for kind in {kind_of(one) for one in rows}:
        for verdict in ("approve", "reject"):
            batch = {"_id": ids, "_go": f"{kind}:{verdict}", **digests}
            yield (
                f"{verdict} {reported}",
                headers_and_body(undone(client, address, batch, follow=True)),
            )


def undone(client: Client, address: str, fields: dict[str, Any], **options: Any) -> Any:
    """POST, and undo the changes."""
    with transaction.atomic():
        response = client.post(address, fields, **options)
        transaction.set_rollback(True)
    return response


def headers_and_body(response: Any) -> str:
    """Return the headers and the body."""
    return f"{dict(response.headers)} {response.content.decode(errors='replace')}"


@pytest.mark.parametrize("person", PEOPLE)
def test_no_person_gets_data_of_a_request_that_they_may_not_see(
    person: str, world: Canaries
) -> None:
    user = world.people[person]
    seen = set(InputRequest.objects.visible_to(user).values_list("pk", flat=True))
    forbidden = {text for text, request in world.texts.items() if request.pk not in seen}
    forbidden |= {text for text, owner in world.private.items() if owner != person}
    forbidden |= {str(one.pk) for one in world.requests if one.pk not in seen}
    found: set[str] = set()
    leaks = []
    for asked, reported in answers(desk_of(user), world):
        # An address that was asked for may come back; it tells nothing.
        here = set(re.findall(rf"zq\w+?qz|{UUID.pattern}", reported))
        found |= here
        leaks += [f"{asked}: {one}" for one in here & forbidden if one not in asked]
    assert leaks == []
    missing = [
        text for text, request in world.texts.items()
        if request.pk in seen and text.strip("zq0123456789") in SHOWN and text not in found
    ]  # fmt: skip
    assert missing == [], "this person must find these texts"


def test_the_requests_of_this_test_decide_what_they_may(world: Canaries) -> None:
    waiting = [one for one in world.requests if one.is_pending]
    walked = list(answers_of_a_batch(desk_of(world.people["root"]), waiting))
    assert len(walked) == 3
    for asked, reported in walked[1:]:
        assert re.search(r"<b>\d+ decided\.</b>", reported), asked
    assert InputRequest.objects.filter(status="pending").count() == len(waiting), "it is undone"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("person", PEOPLE)
async def test_a_socket_names_only_requests_that_the_person_may_see_and_no_text_of_them(
    person: str,
) -> None:
    world = await sync_to_async(Canaries.make)()
    user = world.people[person]
    visible = await sync_to_async(ids_visible_to)(user)
    client = await sync_to_async(sockets.sign_in)(user)
    every = [one.pk for one in world.requests]
    async with sockets.opened(AuthMiddlewareStack(router), "/ws/inbox/", client) as socket:
        if not visible:
            assert await socket.close_code() == 4403
        else:
            await socket.expect_read()
            await publisher.publish(changed=every, requests_of=[one.pk for one in world.runs])
            reported = await socket.receive_from(timeout=10)
            assert set(UUID.findall(reported)) == visible
            assert [one for one in world.texts if one in reported] == []
    for run in world.runs:
        path = f"/ws/runs/{run.pk}/"
        async with sockets.opened(AuthMiddlewareStack(router), path, client) as socket:
            await publisher.publish(runs=[run.pk])
            reported = str(await socket.receive_output(timeout=10))
            assert UUID.findall(reported) == []
            assert "zq" not in reported


def ids_visible_to(user: User) -> set[str]:
    """Return the keys of the requests that this person may see."""
    keys = InputRequest.objects.visible_to(user).values_list("pk", flat=True)
    return {str(key) for key in keys}


# Earlier leaks, one test for each


def test_the_summary_of_a_request_has_no_data_of_hidden_requests() -> None:
    alice, bob = make_reviewer("alice"), make_reviewer("bob")
    run = make_run()
    done = {"approved": False, "comment": "Fraud."}
    hidden = make_answered(done, by=alice, run=run, assigned=True, prompt="The salary of Eve?")
    waits = make_request(run, assigned=True, prompt="And her bonus?")
    for one in (hidden, waits):
        Assignment.objects.create(request=one, user=alice)
    with registered(BARE):
        shared = make_request(run)
        page = text(desk_of(bob).get(shared.get_absolute_url()))
        own = text(desk_of(alice).get(shared.get_absolute_url()))
    for words in ("The salary of Eve?", "Fraud.", "alice", "and 1 more", "earlier answer"):
        assert words not in page, words
    assert "The salary of Eve?" in own
    assert "Waiting for this answer, and 1 more" in own


def test_a_person_who_sees_one_request_of_a_run_sees_neither_its_input_nor_its_result() -> None:
    bob = make_reviewer("bob")
    run = make_run(
        status="completed", input={"salary": "51,000"}, result={"paid": "4,250"},
        started_by=make_reviewer("carol"),
    )  # fmt: skip
    hidden = make_answered({"approved": True}, by=None, run=run, assigned=True)
    make_answered({"approved": True}, by=bob, run=run)
    with registered(BARE):
        page = text(desk_of(bob).get(run.get_absolute_url()))
        owner = text(desk_of(run.started_by).get(run.get_absolute_url()))  # type: ignore[arg-type]
        assert "51,000" not in page
        assert "4,250" not in page
        assert "51,000" in owner
        assert "4,250" in owner
        Assignment.objects.create(request=hidden, user=bob)
        assert "51,000" in text(desk_of(bob).get(run.get_absolute_url()))


def test_a_person_who_may_not_see_the_input_cannot_run_it_again() -> None:
    bob = make_user("bob", "approvals.add_decision", "workflows.add_workflowrun")
    with registered(BARE):
        run = make_run(status="completed")
        make_answered({"approved": True}, by=None, run=run, assigned=True)
        make_answered({"approved": True}, by=bob, run=run)
        desk = desk_of(bob)
        assert "do-again" not in desk.get(run.get_absolute_url()).content.decode()
        assert desk.get(f"/workflows/{BARE.name}/?repeats={run.pk}").status_code == 404
        sent = {"_repeats": str(run.pk)}
        assert desk.post(f"/workflows/{BARE.name}/start/", sent).status_code == 404
        assert WorkflowRun.objects.count() == 1
