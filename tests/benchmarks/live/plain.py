"""The limit: a plain Channels consumer under Daphne, which sends the same bytes to every socket.

A line `50 120` of the input sends 50 messages of 120 bytes to each socket.
"""

from __future__ import annotations

import asyncio
import resource
import sys
import threading
from typing import Any

import django
from channels.generic.websocket import AsyncWebsocketConsumer
from daphne.server import Server

from tests.benchmarks.live.lines import say

PAUSE = 0.2  # seconds between two messages to all, as between two changes


class PlainConsumer(AsyncWebsocketConsumer):  # type: ignore[misc]  # channels has no types
    """A socket that is kept open."""

    channel_layer_alias = None
    opened: list[PlainConsumer] = []

    async def connect(self) -> None:
        """Accept."""
        self.opened.append(self)
        await self.accept()

    async def disconnect(self, code: int) -> None:
        """Forget it."""
        self.opened.remove(self)


async def send(count: int, size: int) -> None:
    """Send to every socket."""
    text = "x" * size
    for _ in range(count):
        for one in list(PlainConsumer.opened):
            await one.send(text_data=text)
        await asyncio.sleep(PAUSE)


def obey(server: Any) -> None:
    """Do what the lines of the input say."""
    while not server.listening_addresses:
        threading.Event().wait(0.05)
    say({"port": server.listening_addresses[0][1]})
    from twisted.internet import reactor

    for line in sys.stdin:
        count, size = map(int, line.split())
        done = asyncio.run_coroutine_threadsafe(send(count, size), reactor._asyncioEventloop)
        done.result()
        say()
    reactor.callFromThread(server.stop)


def main() -> None:
    """Serve until the input ends."""
    django.setup()
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    server = Server(
        PlainConsumer.as_asgi(), endpoints=["tcp:port=0:interface=127.0.0.1"], signal_handlers=False
    )
    threading.Thread(target=obey, args=(server,), daemon=True).start()
    server.run()


if __name__ == "__main__":
    main()
