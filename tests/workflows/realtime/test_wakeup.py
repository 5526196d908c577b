"""Wake-ups are received after an outage of the channel layer, and sent after each commit."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import pytest
from channels.layers import BaseChannelLayer, InMemoryChannelLayer, channel_layers
from django.core.exceptions import ImproperlyConfigured

from workflows.realtime.outbox import WORKER_CHANNEL, MainLoop, Outbox
from workflows.realtime.wakeup import WakeupListener


class Flaky(InMemoryChannelLayer):  # type: ignore[misc]
    """A layer that fails at the first call."""

    failures = 1

    async def receive(self, channel: str) -> Any:
        if self.failures:
            self.failures -= 1
            raise ConnectionError("the layer is away")
        return await super().receive(channel)


@pytest.mark.django_db(transaction=True)  # the application queries demo accounts when it is loaded
async def test_a_wakeup_sent_while_the_layer_was_away_is_received_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    woken, layer = asyncio.Event(), Flaky()
    monkeypatch.setattr(MainLoop, "wake_worker", woken.set)
    # The consumer receives from the layer of the site, too: here both are the same one.
    monkeypatch.setitem(channel_layers.backends, "default", layer)
    await layer.send(WORKER_CHANNEL, {"type": "poll"})
    listening = asyncio.create_task(WakeupListener(layer=layer).listen())
    async with asyncio.timeout(30):
        await woken.wait()
    assert layer.failures == 0
    listening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await listening
    assert listening.cancelled()


class Misconfigured(InMemoryChannelLayer):  # type: ignore[misc]
    """A layer with a wrong configuration."""

    def __init__(self) -> None:
        super().__init__()
        self.asked = False
        self.asked_again = asyncio.Event()

    async def receive(self, channel: str) -> Any:
        if self.asked:
            self.asked_again.set()
            return await super().receive(channel)
        self.asked = True
        raise ImproperlyConfigured("The setting X is wrong.")


@pytest.mark.django_db(transaction=True)
async def test_a_wrong_configuration_is_not_reported_as_a_failure_of_the_layer(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    layer = Misconfigured()
    monkeypatch.setitem(channel_layers.backends, "default", layer)
    listening = asyncio.create_task(WakeupListener(layer=layer).listen())
    async with asyncio.timeout(30):
        await layer.asked_again.wait()
    assert "The setting X is wrong." in caplog.text
    assert "channel layer failed" not in caplog.text
    listening.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await listening


class Slow(BaseChannelLayer):  # type: ignore[misc]
    """A layer that sends slowly, and counts the messages."""

    def __init__(self) -> None:
        super().__init__()
        self.sent = 0
        self.sending = asyncio.Event()
        self.may_go_on = asyncio.Event()

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        self.sent += 1
        self.sending.set()
        await self.may_go_on.wait()


async def test_a_wakeup_that_is_needed_while_another_is_sent_is_sent_too(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    layer, outbox = Slow(), Outbox()
    monkeypatch.setitem(channel_layers.backends, "default", layer)
    outbox.add({}, wake_worker=True)
    await layer.sending.wait()
    for _ in range(2):
        outbox.add({}, wake_worker=True)
    layer.may_go_on.set()
    async with asyncio.timeout(30):
        while not outbox.is_done:  # noqa: ASYNC110  nothing tells when it is
            await asyncio.sleep(0)
    assert layer.sent == 2  # a worker that received the first may have polled too early for these


@pytest.mark.parametrize("others_may_receive", [True, False])
async def test_the_worker_of_this_process_is_woken_without_a_message(
    others_may_receive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    woken: list[None] = []
    layer, outbox = Slow() if others_may_receive else InMemoryChannelLayer(), Outbox()
    monkeypatch.setitem(channel_layers.backends, "default", layer)
    monkeypatch.setattr(MainLoop, "loop", asyncio.get_running_loop())
    monkeypatch.setattr(MainLoop, "wake_worker", lambda: woken.append(None))
    outbox.add({}, wake_worker=True)
    assert len(woken) == 1
    assert outbox.is_done != others_may_receive
    if others_may_receive:
        async with asyncio.timeout(30):
            await layer.sending.wait()
        layer.may_go_on.set()
