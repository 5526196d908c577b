"""Very many open pages on one server while requests change: each page shows the final list."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from websockets.asyncio.client import connect

from tests.e2e.load_reviewer import ROW, Reviewer, ReviewerThread
from tests.e2e.private_servers import Site
from tests.e2e.server import PATIENCE, ROOT, Person, ServeProcess, environment, say
from tests.support.inbox_state import InboxState

pytestmark = pytest.mark.soak

LONG = os.environ.get("SOAK") == "1"
PAGES, REQUESTS = (1000, 500) if LONG else (100, 50)
LEFT = 3  # requests that nobody answers; all pages show them at the end
FETCHERS = 4  # requests of all pages together at the same time
CONNECTING = 20  # handshakes at the same time


def make_people(count: int, to: str) -> None:
    """Make this number of reviewers, and write their session keys, in a process of the site."""
    from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY
    from django.contrib.auth.models import Group, User
    from django.contrib.sessions.backends.db import SessionStore
    from django.db import transaction

    keys = []
    with transaction.atomic():
        group = Group.objects.get(name="reviewers")
        for number in range(count):
            user = User.objects.create(username=f"page-{number}", password="!")
            user.groups.add(group)
            session = SessionStore()
            session[SESSION_KEY] = str(user.pk)
            session[BACKEND_SESSION_KEY] = "django.contrib.auth.backends.ModelBackend"
            session[HASH_SESSION_KEY] = user.get_session_auth_hash()
            session.create()
            keys.append(session.session_key)
    Path(to).write_text(json.dumps(keys))


def people(folder: Path, env: dict[str, str]) -> list[str]:
    """Return the session keys of one person for each page."""
    path = folder / "people.json"
    code = f"from tests.e2e.test_sockets import make_people; make_people({PAGES}, {str(path)!r})"
    subprocess.run(
        [sys.executable, "manage.py", "shell", "--verbosity", "0", "--command", code],
        cwd=ROOT, env=env, check=True,
    )  # fmt: skip
    return list(json.loads(path.read_text()))


class Page:
    """An open inbox as its script behaves: it applies messages, and fetches the rest."""

    def __init__(self, port: int, session: str, fetches: asyncio.Queue[Page]) -> None:
        self.state = InboxState()
        self.opened = 0.0
        self._person = Person(port)
        self._person.cookies["sessionid"] = session
        self._fetches = fetches
        self._queued = False

    async def open(self, connecting: asyncio.Semaphore) -> None:
        """Hold a socket until cancelled. Its first message lets the page read the list."""
        port = self._person.port
        headers = {"Cookie": f"sessionid={self._person.cookies['sessionid']}"}
        await connecting.acquire()
        try:
            socket = await connect(
                f"ws://127.0.0.1:{port}/ws/inbox/", additional_headers=headers,
                origin=f"http://127.0.0.1:{port}",  # type: ignore[arg-type]
                compression=None, ping_interval=None, open_timeout=PATIENCE,
            )  # fmt: skip
        finally:
            connecting.release()
        self.opened = self.opened or time.monotonic()
        self.state.opened()
        try:
            async for message in socket:
                self.state.apply(json.loads(message))
                self._fetch_soon()
        finally:
            socket.transport.abort()

    def _fetch_soon(self) -> None:
        if self.state.is_behind and not self._queued:
            self._queued = True
            self._fetches.put_nowait(self)

    async def fetch(self) -> None:
        """Fetch the list, or the rows that the page lacks."""
        self._queued = False
        if self.state.must_read:
            self.state.begin_read()
            self.state.took_list(await self._get("/"))
        else:
            ids = self.state.begin_fetch()
            self.state.took_rows(ids, await self._get(f"/requests/rows/?ids={','.join(ids)}"))
        self._fetch_soon()

    async def _get(self, path: str) -> str:
        status, text = await asyncio.to_thread(self._person.get, path)
        assert status == 200, text
        return text


class Crowd:
    """All the open pages."""

    def __init__(self, port: int, sessions: list[str]) -> None:
        self._fetches: asyncio.Queue[Page] = asyncio.Queue()
        self.pages = [Page(port, session, self._fetches) for session in sessions]
        self._connecting = asyncio.Semaphore(CONNECTING)
        self._sockets: dict[Page, asyncio.Task[None]] = {}
        self._fetching = [asyncio.create_task(self._fetch()) for _ in range(FETCHERS)]
        self.fetched = 0

    async def open(self, pages: list[Page]) -> None:
        """Open these pages and wait until each has the list."""
        for page in pages:
            page.opened = 0.0
            self._sockets[page] = asyncio.create_task(page.open(self._connecting))
        await self.until(lambda: all(page.opened for page in pages), "all sockets are open")

    async def lose(self, pages: list[Page]) -> None:
        """Close the connections of these pages without a close frame."""
        for page in pages:
            self._sockets[page].cancel()
        await asyncio.wait([self._sockets.pop(page) for page in pages])

    async def until(self, condition: Callable[[], bool], what: str, within: float = 300) -> None:
        """Wait for a condition; fail if a socket or a fetch fails."""
        async with asyncio.timeout(within):
            while not condition():
                for task in [*self._sockets.values(), *self._fetching]:
                    if task.done():
                        raise AssertionError(f"A page broke before {what}") from task.exception()
                await asyncio.sleep(0.05)

    async def close(self) -> None:
        """Close everything."""
        tasks = [*self._sockets.values(), *self._fetching]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _fetch(self) -> None:
        while True:
            page = await self._fetches.get()
            await page.fetch()
            self.fetched += 1


class Traffic(threading.Thread):
    """A thread that makes requests, and answers all but a few."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._admin = Reviewer(port, "admin")
        reviewer = Reviewer(port, "bob")
        self.goal = len(reviewer.waiting()) + REQUESTS - LEFT
        self.reviewer = ReviewerThread(
            reviewer, Random(6), may_answer=lambda: self.accepted < self.goal,
            sending=threading.Event(),
        )  # fmt: skip

    @property
    def accepted(self) -> int:
        """The number of accepted answers so far."""
        return sum(answer.acknowledged for answer in list(self.reviewer.answers))

    def run(self) -> None:
        self.reviewer.start()
        for number in range(REQUESTS):
            self._start(f"Number {number}. It is short.")

    def _start(self, text: str) -> None:
        status, answer = self._admin.post("/workflows/assistant/start/", text=text)
        assert status in (302, 303), answer[:500]

    def present_list(self) -> list[str]:
        """Return the list of the inbox as it is now."""
        return ROW.findall(self._admin.get("/")[1])


async def scenario(port: int, other: int, sessions: list[str]) -> str:
    """Open the pages on one port, change requests on another port, and return measurements."""
    began = time.monotonic()
    crowd = Crowd(port, sessions)
    try:
        await crowd.open(crowd.pages)
        opened = time.monotonic()
        traffic = await asyncio.to_thread(Traffic, other)
        traffic.start()
        away = crowd.pages[::10]
        await crowd.until(lambda: traffic.accepted > traffic.goal // 3, "a third is answered")
        await crowd.lose(away)
        await crowd.until(lambda: traffic.accepted == traffic.goal, "all are answered", 600)
        answered = time.monotonic()
        await crowd.open(away)
        truth: list[str] = []
        while len(truth) != LEFT:
            truth = await asyncio.to_thread(traffic.present_list)
        await crowd.until(
            lambda: all(page.state.shown == truth for page in crowd.pages),
            "every page shows the truth",
        )
        ended = time.monotonic()
        stayed = [page for page in crowd.pages if page not in away]
        assert min(page.state.messages for page in stayed) > 1
        assert sum(page.state.gaps for page in stayed) == 0
        most = max(page.state.messages for page in stayed)
        await asyncio.to_thread(traffic.reviewer.leave)
        return (
            f"{PAGES} pages open after {opened - began:.1f} s; {REQUESTS} requests came and went "
            f"in {answered - opened:.1f} s; all pages right {ended - answered:.1f} s later; "
            f"at most {most} messages to one page, {crowd.fetched} fetches"
        )
    finally:
        await crowd.close()


def memory(pid: int) -> str:
    """Return the memory that a process uses."""
    status = Path(f"/proc/{pid}/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((line.split(":")[1].strip() for line in lines if "VmRSS" in line), "unknown")


def test_every_page_of_one_process_shows_the_final_list(tmp_path: Path) -> None:
    server = ServeProcess(tmp_path, "--noreload").wait_until_healthy()
    try:
        sessions = people(tmp_path, environment(tmp_path))
        say(asyncio.run(scenario(server.port, server.port, sessions)))
        say(f"the server holds {memory(server.process.pid)}")
        assert " ERROR " not in server.output
    finally:
        server.kill()


def test_every_page_of_another_process_shows_the_final_list(site: Site) -> None:
    sessions = people(site.folder, site.env)
    here, other = site.ports
    say(asyncio.run(scenario(here, other, sessions)))
    process = site.processes[0].process
    assert process is not None
    say(f"the server holds {memory(process.pid)}")
    site.still_runs()
