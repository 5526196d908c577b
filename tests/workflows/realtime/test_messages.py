"""The messages between processes: what two of them become, and how a lost one is noticed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from uuid import UUID, uuid4

import pytest
from channels.layers import BaseChannelLayer, InMemoryChannelLayer, channel_layers

from workflows.realtime import outbox as outboxes
from workflows.realtime.messages import (
    INBOX,
    MAX_CHANGES,
    Message,
    merged,
    people_messages,
    request_messages,
    run_messages,
)
from workflows.realtime.outbox import Outbox
from workflows.realtime.subscriber import Subscriber

FIRST, SECOND = UUID(int=1), UUID(int=2)
ALICE, BOB = (
    {"is_open": False, "users": [name], "groups": []} for name in ("alice", "bob")
)  # fmt: skip


def requests(**given: Any) -> Message:
    """Return the message to the inboxes."""
    return request_messages(**given)[INBOX]


def test_nothing_changed_is_no_message() -> None:
    assert request_messages() == {}


def test_two_messages_become_one_that_names_what_both_named() -> None:
    both = merged(requests(changed=[FIRST]), requests(changed=[SECOND], requests_of=[FIRST]))
    assert both["requests"].keys() == {str(FIRST), str(SECOND)}
    assert both["runs"] == [str(FIRST)]
    assert both["everything"] is False


@pytest.mark.parametrize("is_first", [True, False])
def test_a_request_that_was_added_stays_added(is_first: bool) -> None:
    one, other = requests(added=[FIRST]), requests(changed=[FIRST])
    both = merged(one, other) if is_first else merged(other, one)
    assert both["requests"][str(FIRST)]["added"] is True


def test_who_could_see_a_request_is_kept_in_the_order_of_the_changes() -> None:
    older = requests(added=[FIRST], seen_before={FIRST: ALICE})
    newer = requests(added=[FIRST], seen_before={FIRST: BOB})
    both = merged(merged(older, newer), requests(changed=[FIRST]))
    assert both["requests"][str(FIRST)]["seen_before"] == [ALICE, BOB]


def test_merging_leaves_the_messages_as_they_were() -> None:
    older, newer = requests(changed=[FIRST]), requests(added=[FIRST, SECOND])
    copies = [{**one, "requests": dict(one["requests"])} for one in (older, newer)]
    merged(older, newer)
    assert [older, newer] == copies


def test_too_many_changes_become_everything_and_stay_so() -> None:
    many = requests(changed=[UUID(int=n) for n in range(MAX_CHANGES)])
    assert merged(many, requests(changed=[UUID(int=0)]))["everything"] is False
    everything = merged(many, requests(changed=[UUID(int=MAX_CHANGES)]))
    assert (everything["everything"], everything["requests"], everything["runs"]) == (True, {}, [])
    assert merged(everything, requests(changed=[FIRST]))["everything"] is True
    runs = requests(requests_of=[UUID(int=n) for n in range(MAX_CHANGES)])
    assert merged(runs, requests(changed=[FIRST]))["everything"] is True


def test_messages_to_pages_of_runs_and_people_say_who_is_meant_once() -> None:
    assert len(run_messages([FIRST, FIRST, SECOND])) == 2
    assert [one["user"] for one in people_messages([7, 7, 8]).values()] == ["7", "8"]


class Recorder(BaseChannelLayer):  # type: ignore[misc]
    """A layer that keeps what is sent to groups, and fails or waits on demand."""

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[Message] = []
        self.failures = 0
        self.is_sending = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def group_send(self, group: str, message: Message) -> None:
        self.is_sending.set()
        await self.may_go_on.wait()
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the layer is away")
        self.sent.append(message)


async def wait_for(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(30):
        while not condition():  # noqa: ASYNC110  nothing tells when it is
            await asyncio.sleep(0.005)


@pytest.fixture
def layer(monkeypatch: pytest.MonkeyPatch) -> Recorder:
    layer = Recorder()
    monkeypatch.setitem(channel_layers.backends, "default", layer)
    monkeypatch.setattr(outboxes, "RETRY_DELAY", 0.01)
    return layer


async def test_messages_to_the_inboxes_are_numbered_and_others_are_not(layer: Recorder) -> None:
    outbox = Outbox()
    for request in (FIRST, SECOND):
        outbox.add(request_messages(changed=[request]) | run_messages([FIRST]))
        await wait_for(lambda: outbox.is_done)
    inbox = [one for one in layer.sent if one["group"] == INBOX]
    assert [one["number"] for one in inbox] == [1, 2]
    assert len({one["sender"] for one in inbox}) == 1
    assert all("number" not in one for one in layer.sent if one["group"] != INBOX)


async def test_two_outboxes_are_two_senders(layer: Recorder) -> None:
    first, second = Outbox(), Outbox()
    for outbox in (first, second):
        outbox.add(request_messages(changed=[FIRST]))
    await wait_for(lambda: first.is_done and second.is_done)
    assert len({one["sender"] for one in layer.sent}) == 2


async def test_what_waits_together_is_sent_as_one(layer: Recorder) -> None:
    outbox = Outbox()
    for number in range(20):
        outbox.add(request_messages(changed=[UUID(int=number)]))
    await wait_for(lambda: outbox.is_done)
    (message,) = layer.sent
    assert len(message["requests"]) == 20


async def test_what_comes_while_a_message_is_sent_is_another_message(layer: Recorder) -> None:
    outbox = Outbox()
    layer.may_go_on.clear()
    outbox.add(request_messages(added=[FIRST]))
    await layer.is_sending.wait()
    assert not outbox.is_done
    outbox.add(request_messages(added=[SECOND]))
    layer.may_go_on.set()
    await wait_for(lambda: outbox.is_done)
    assert [list(one["requests"]) for one in layer.sent] == [[str(FIRST)], [str(SECOND)]]
    assert [one["number"] for one in layer.sent] == [1, 2]


async def test_a_message_that_could_not_be_sent_goes_with_the_next_one(layer: Recorder) -> None:
    outbox, layer.failures = Outbox(), 2
    layer.may_go_on.clear()
    outbox.add(request_messages(changed=[FIRST], seen_before={FIRST: ALICE}))
    await layer.is_sending.wait()
    outbox.add(request_messages(added=[FIRST, SECOND]))
    layer.may_go_on.set()
    await wait_for(lambda: layer.sent)
    (message,) = layer.sent
    assert message["number"] == 1
    assert message["requests"] == {
        str(FIRST): {"added": True, "seen_before": [ALICE]},
        str(SECOND): {"added": True, "seen_before": []},
    }


async def test_messages_that_find_no_place_leave_a_gap_in_the_numbers(
    layer: Recorder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(outboxes, "MAX_MESSAGES", 1)
    outbox = Outbox()
    outbox.add(request_messages(changed=[FIRST]))
    outbox.add(request_messages(changed=[SECOND]))
    await wait_for(lambda: outbox.is_done)
    outbox.add(request_messages(changed=[SECOND]))
    await wait_for(lambda: outbox.is_done)
    assert [one["number"] for one in layer.sent] == [2, 3]


class Inbox:
    """An open inbox that keeps what it receives."""

    def __init__(self) -> None:
        self.received: list[str] = []

    def receive_message(self, message: Message) -> None:
        self.received.append(str(message["number"]))

    def wake(self) -> None:
        self.received.append("wake")


class Forgetful(InMemoryChannelLayer):  # type: ignore[misc]
    """A layer that loses some messages without a word, as a full channel does."""

    lost: tuple[tuple[str, int], ...] = (("a", 3), ("b", 2), ("b", 3))

    async def group_send(self, group: str, message: Message) -> None:
        if (message.get("sender"), message.get("number")) not in self.lost:
            await super().group_send(group, message)


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ("a1 a2 a4 a5", "1 2 wake 4 5"),
        ("a1 a2 a3 a4", "1 2 wake 4"),
        ("a7 b1 a8 b2 b3 b4 a9", "7 1 8 wake 4 9"),
        ("a1 a1 a2", "1 1 2"),
        ("a5 a1 a2", "5 1 2"),
    ],
)
async def test_a_page_reads_again_when_a_message_of_a_sender_is_missing(
    sent: str, received: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = Forgetful()
    monkeypatch.setitem(channel_layers.backends, "default", layer)
    subscriber, page = Subscriber(), Inbox()
    await subscriber.join(page, [INBOX])
    for one in sent.split():
        message = requests(changed=[uuid4()]) | {"sender": one[0], "number": int(one[1:])}
        await layer.group_send(INBOX, message)
    expected = received.split()
    await wait_for(lambda: len(page.received) >= len(expected))
    await subscriber.leave(page, [INBOX])
    assert page.received == expected
