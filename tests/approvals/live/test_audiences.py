"""What is sent to each person's inbox about each kind of change: what they may see, no more."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
from channels.auth import AuthMiddlewareStack
from channels.routing import URLRouter
from django.contrib.auth.models import Group, User
from pytest_django import Settings

from approvals import actions
from approvals.consumers import websocket_urlpatterns
from tests.support import sockets
from tests.support.factories import finish, make_request, make_reviewer, make_run, make_user
from tests.support.people import again, asked_of, decide, make_operator, soon
from tests.support.sockets import Socket, in_thread
from tests.support.worker_control import Register
from workflows.engine import InputRequestEvent, StartEvent, Workflow, step
from workflows.models import InputRequest, WorkflowRun, database_now
from workflows.realtime import publisher
from workflows.realtime.messages import request_messages
from workflows.worker import Worker
from workflows.worker.commit.store import block

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("answerable")]

application = AuthMiddlewareStack(URLRouter(websocket_urlpatterns))


@dataclass(frozen=True, slots=True)
class World:
    """People of each kind, and a request for each group of them: all, one person, a group."""

    people: dict[str, User]
    requests: list[InputRequest]
    last: InputRequest

    @classmethod
    def make(cls) -> World:
        people = {
            "reader": make_user("reader", "workflows.view_inputrequest"),
            "reviewer": make_reviewer("reviewer"), "alice": make_reviewer("alice"),
            "fiona": make_reviewer("fiona"), "operator": make_operator("operator"),
        }  # fmt: skip
        finance = Group.objects.create(name="finance")
        people["fiona"].groups.add(finance)
        requests = [asked_of(), asked_of(), asked_of(people["alice"]), asked_of(finance)]
        requests += [asked_of(people["alice"], finance), asked_of(people["operator"])]
        return cls(people, requests, make_request())

    def seen(self) -> dict[str, set[str]]:
        """Return for each person which of the requests they may see now."""
        keys = [one.pk for one in self.requests]
        return {
            name: {
                str(one.pk)
                for one in InputRequest.objects.visible_to(User.objects.get(pk=user.pk))
                if one.pk in keys
            }
            for name, user in self.people.items()
        }

    async def opened(self, stack: AsyncExitStack) -> dict[str, Socket]:
        """Open an inbox for each person, and wait for the first message."""
        pages = {}
        for name, user in self.people.items():
            client = await in_thread(sockets.sign_in, user)
            opened = sockets.opened(application, "/ws/inbox/", client)
            pages[name] = await stack.enter_async_context(opened)
            await pages[name].expect_read()
        return pages

    async def kinds(self, page: Socket) -> dict[str, str]:
        """Return the kinds of the changes that were sent to a page, by request."""
        changes = await page.changes(self.last.pk)
        kinds = {one["id"]: one["kind"] for one in changes}
        assert len(kinds) == len(changes), "each change is sent once"
        return kinds

    def change_last(self) -> None:
        """Publish a change that everybody is sent, after all others."""
        publisher.enqueue(request_messages(changed=[self.last.pk]))


Act = Callable[[User, InputRequest], object]


def nothing(by: User, request: InputRequest) -> None:
    """Do nothing."""


def columns(**values: object) -> Act:
    """Return what sets these columns of a request."""

    def act(by: User, request: InputRequest) -> None:
        InputRequest.objects.filter(pk=request.pk).update(**values)

    return act


def fail(by: User, request: InputRequest) -> None:
    WorkflowRun.objects.filter(pk=request.run_id).update(status="failed", finished_at=soon())
    InputRequest.objects.filter(pk=request.pk).update(status="cancelled")


def run_step(by: User, request: InputRequest) -> None:
    now = database_now()
    running = {"status": "running", "lease_owner": "me", "wake_at": now}
    WorkflowRun.objects.filter(pk=request.run_id).update(**running)


def run_of(request: InputRequest) -> WorkflowRun:
    return WorkflowRun.objects.get(pk=request.run_id)


CLOSED, LOOKS_DIFFERENT, OPENED = "removed", "changed", "added"
PAST = soon(seconds=-1)
ESCALATED = {
    "escalate_at": PAST, "next_notification_at": PAST, "escalate_to": ["group:finance", "reviewer"],
}  # fmt: skip

CHANGES: dict[str, tuple[Act, Act, str]] = {
    "answered": (nothing, decide, CLOSED),
    "claimed": (nothing, lambda by, one: actions.claim(by, one.pk), LOOKS_DIFFERENT),
    "released": (
        lambda by, one: actions.claim(by, one.pk),
        lambda by, one: actions.release(by, one.pk), LOOKS_DIFFERENT,
    ),
    "commented": (nothing, lambda by, one: actions.comment(by, one.pk, "Why?"), LOOKS_DIFFERENT),
    "expired": (columns(deadline=PAST), lambda by, one: one.expire(database_now()), CLOSED),
    "overdue": (
        columns(deadline=PAST, on_deadline="stay_open"),
        lambda by, one: one.mark_overdue(database_now()), LOOKS_DIFFERENT,
    ),
    "reminded": (
        columns(remind_at=PAST, next_notification_at=PAST),
        lambda by, one: one.remind_or_escalate(database_now()), LOOKS_DIFFERENT,
    ),
    "escalated": (
        columns(**ESCALATED), lambda by, one: one.remind_or_escalate(database_now()), OPENED,
    ),
    "run cancelled": (nothing, lambda by, one: run_of(one).cancel(by=by), CLOSED),
    "run paused": (nothing, lambda by, one: run_of(one).pause(by=by), LOOKS_DIFFERENT),
    "run resumed": (
        lambda by, one: run_of(one).pause(by=by), lambda by, one: run_of(one).resume(by=by),
        LOOKS_DIFFERENT,
    ),
    "run blocked": (run_step, lambda by, one: block(run_of(one), "Gone."), LOOKS_DIFFERENT),
    "run retried": (fail, lambda by, one: run_of(one).retry(by=by), OPENED),
    "vote": (columns(quorum=2), decide, LOOKS_DIFFERENT),
    "vote withdrawn": (
        lambda by, one: (columns(quorum=2)(by, one), decide(by, one)),
        lambda by, one: actions.withdraw(by, one.pk, source="inbox"), LOOKS_DIFFERENT,
    ),
    "answer undone": (
        decide, lambda by, one: actions.withdraw(by, one.pk, source="inbox"), OPENED,
    ),
    "given to one": (
        nothing, lambda by, one: actions.reassign(by, one.pk, to=["fiona"]), OPENED,
    ),
    "given to a group": (
        nothing, lambda by, one: actions.reassign(by, one.pk, to=["group:finance"]), OPENED,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
async def test_each_person_is_told_what_they_may_see(name: str, settings: Settings) -> None:
    settings.UNDO_SECONDS = 60 if "undone" in name else 0
    prepare, act, kind = CHANGES[name]
    world = await in_thread(World.make)

    def do(what: Act) -> None:
        for request in world.requests:
            what(User.objects.get(pk=world.people["operator"].pk), again(request))

    await in_thread(do, prepare)
    before = await in_thread(world.seen)
    async with AsyncExitStack() as stack:
        pages = await world.opened(stack)
        await in_thread(do, act)
        await in_thread(world.change_last)
        after = await in_thread(world.seen)
        was_closed = name in ("run retried", "answer undone")
        for person, page in pages.items():
            expected = dict.fromkeys(before[person] - after[person], "removed")
            expected |= dict.fromkeys(after[person] - before[person], kind)
            stays = LOOKS_DIFFERENT if kind == OPENED and not was_closed else kind
            expected |= dict.fromkeys(after[person] & before[person], stays)
            assert await world.kinds(page) == expected, person
    assert min(len(seen) for seen in before.values()) < len(world.requests)


@step
async def ask_some(event: StartEvent) -> list[InputRequestEvent]:
    """Ask everybody, one person, and a group."""
    return [
        InputRequestEvent(prompt="All?"),
        InputRequestEvent(prompt="Alice?", assign_to=("alice",)),
        InputRequestEvent(prompt="Finance?", assign_to=("group:finance",)),
    ]


async def test_what_a_worker_asks_is_new_to_those_who_may_see_it(register: Register) -> None:
    world = await in_thread(World.make)
    world.requests.clear()
    workflow = register(Workflow("t-some", steps=[ask_some, finish]))
    async with AsyncExitStack() as stack:
        pages = await world.opened(stack)
        await in_thread(WorkflowRun.objects.start, workflow, {})
        await Worker().run_until_idle()
        world.requests.extend(await in_thread(list, InputRequest.objects.filter(workflow="t-some")))
        await in_thread(world.change_last)
        seen = await in_thread(world.seen)
        for person, page in pages.items():
            assert await world.kinds(page) == dict.fromkeys(seen[person], "added"), person


async def test_an_expired_request_does_not_leave_again_when_its_run_changes() -> None:
    world = await in_thread(World.make)
    run = await in_thread(make_run)
    await in_thread(make_request, run, status="expired")
    pending = await in_thread(make_request, run)
    async with AsyncExitStack() as stack:
        pages = await world.opened(stack)
        await in_thread(run.pause)
        await in_thread(world.change_last)
        assert await world.kinds(pages["reader"]) == {str(pending.pk): "changed"}


async def test_who_gets_a_request_back_in_the_same_moment_is_told_that_it_changed() -> None:
    world = await in_thread(World.make)
    request = world.requests[2]  # it was alice's
    by = world.people["operator"]

    def to_and_fro() -> None:
        for name in ("fiona", "alice"):
            actions.reassign(by, request.pk, to=[name])

    async with AsyncExitStack() as stack:
        pages = await world.opened(stack)
        await in_thread(to_and_fro)
        await in_thread(world.change_last)
        sent = {
            name: [one["kind"] for one in await page.changes(world.last.pk)]
            for name, page in pages.items()
        }
    assert sent["reviewer"] == []
    assert sent["alice"][-1] in ("changed", "added")
    assert sent["fiona"][-1] == "removed"


async def test_a_row_that_is_gone_is_told_to_nobody() -> None:
    world = await in_thread(World.make)
    gone = world.requests[0]
    async with AsyncExitStack() as stack:
        pages = await world.opened(stack)
        await in_thread(InputRequest.objects.filter(pk=gone.pk).delete)
        await in_thread(publisher.enqueue, request_messages(changed=[gone.pk]))
        await in_thread(world.change_last)
        assert await world.kinds(pages["operator"]) == {}


async def test_a_change_says_what_a_page_needs_and_the_name_of_who_claimed() -> None:
    world = await in_thread(World.make)
    request, alice = world.requests[0], world.people["alice"]
    async with AsyncExitStack() as stack:
        pages = await world.opened(stack)
        await in_thread(actions.claim, alice, request.pk)
        (change,) = (await pages["reader"].message())["changes"]
    version = change.pop("version")
    assert len(version) == 8
    assert change == {
        "id": str(request.pk), "kind": "changed", "workflow": request.workflow,
        "priority": int(request.priority), "level": "normal",
        "created": request.created_at.isoformat(), "claimed": [str(alice.pk), "alice"],
    }  # fmt: skip
