"""Outages of PostgreSQL and Redis under load: nothing is lost, and all processes recover."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from playwright.sync_api import Browser, Locator, expect
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.e2e.audit import faults
from tests.e2e.load_reviewer import Answer, Question, Reviewer, ReviewerThread
from tests.e2e.private_servers import Site
from tests.e2e.server import PATIENCE, Person, eventually, say

pytestmark = pytest.mark.soak

LONG = os.environ.get("SOAK") == "1"
OUTAGE = 20.0 if LONG else 3.0  # seconds
SHARE = 60 if LONG else 10  # answers between two outages
ASKED = 3  # requests of each run
RUNS = (SHARE * 12) // ASKED
CLAIMS = """\
claim,person,team,date,category,description,amount,receipt
K-1,Ada Novak,Sales,2026-10-01,train,Train to Bonn,86.40,yes
K-2,Ada Novak,Sales,2026-10-02,hotel,"Hotel, two nights",540.00,no
K-3,Ben Fischer,Service,2026-10-05,meals,Lunch,31.50,no
K-4,Ben Fischer,Service,2026-10-06,meals,Breakfast,11.80,no
K-5,Cleo Wirth,Service,2026-10-07,phone,Roaming,75.25,no
"""
UNAPPLIED = "SELECT count(*) FROM workflows_delivery WHERE applied_seq IS NULL"
UNFINISHED = "SELECT count(*) FROM workflows_workflowrun WHERE status <> 'completed'"


class Patient(Reviewer):
    """A reviewer who tries again if the server is without its database."""

    def get(self, path: str) -> tuple[int, str]:
        status, page = super().get(path)
        if status >= 500:
            raise ConnectionError(f"{path} has status {status}")
        return status, page

    def waiting(self) -> list[Question]:
        return super().waiting()

    def send(self, answer: Answer) -> None:
        super().send(answer)
        if answer.status is not None and answer.status >= 500:
            assert answer.status == 503, f"{answer} got {answer.status}: {answer.page}"
            answer.status = None  # a commit that failed may have been done
            raise ConnectionError("the server has no database")


class Load:
    """Two people who answer a limited number of requests, each with another server."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._limit = 0
        self.threads = [
            ReviewerThread(
                Patient(port, name), Random(name), may_answer=self._may_answer,
                sending=threading.Event(),
            )
            for port, name in zip(site.ports, ("alice", "bob"), strict=True)
        ]  # fmt: skip
        for thread in self.threads:
            thread.start()

    @property
    def answers(self) -> list[Answer]:
        return [answer for thread in self.threads for answer in list(thread.answers)]

    @property
    def accepted(self) -> int:
        return sum(answer.acknowledged for answer in self.answers)

    def _may_answer(self) -> bool:
        return self.accepted < self._limit

    def allow(self, count: int) -> int:
        """Allow this number of further answers, and return the total number."""
        self._limit = self.accepted + count
        return self._limit

    def check_progress(self, what: str) -> None:
        """Wait until more answers are accepted, and all of them have reached their runs."""
        began, goal = time.monotonic(), self.allow(SHARE)
        eventually(lambda: self.accepted >= goal, f"answers are accepted {what}", 60)
        accepted = time.monotonic() - began
        eventually(lambda: self.site.postgres.ask(UNAPPLIED) == 0, f"runs go on {what}", 60)
        self.check()
        took = time.monotonic() - began
        say(f"{what}: {SHARE} answers after {accepted:.1f} s, applied after {took:.1f} s")

    def check(self) -> None:
        """Fail if a person had an error, or a process has ended."""
        self.site.still_runs()
        for thread in self.threads:
            if thread.broke is not None:
                raise AssertionError(f"{thread.name} had an error") from thread.broke

    def finish(self) -> None:
        """Let people answer all remaining requests, and wait until all runs have ended."""
        self.allow(10**6)
        eventually(
            lambda: all(thread.left_over == 0 for thread in self.threads), "nothing is open", 300
        )
        eventually(lambda: self.site.postgres.ask(UNFINISHED) == 0, "all runs end", 60)
        self.check()
        self.leave()

    def leave(self) -> None:
        for thread in self.threads:
            thread.leave()


def crash_postgres(load: Load) -> None:
    load.allow(SHARE)
    load.site.postgres.stop(signal.SIGQUIT)
    load.site.postgres.start()


def restart_redis(load: Load) -> None:
    load.allow(SHARE)
    load.site.redis.flush()
    load.site.redis.stop()
    load.site.redis.start()


def without_postgres(load: Load) -> None:
    """Check that pages and /healthz report that the database is not reachable."""
    load.allow(SHARE)
    load.site.postgres.stop(signal.SIGINT)
    began = time.monotonic()
    status, page = Person(load.site.ports[0]).get("/")
    took = time.monotonic() - began
    time.sleep(max(0.0, OUTAGE - took))
    healthy = Person(load.site.ports[1]).get("/healthz")[0]
    load.site.postgres.start()
    say(f"without PostgreSQL a page had its {status} after {took:.1f} s")
    assert (status, healthy) == (503, 503)
    assert "Database unavailable" in page


def without_redis(load: Load) -> None:
    load.site.redis.stop()
    load.check_progress("while Redis is away")
    time.sleep(OUTAGE)
    load.site.redis.start()


def with_frozen_redis(load: Load) -> None:
    process = load.site.redis.process
    assert process is not None
    process.send_signal(signal.SIGSTOP)
    try:
        load.check_progress("while Redis is frozen")
    finally:
        process.send_signal(signal.SIGCONT)


OUTAGES: list[Callable[[Load], None]] = [
    crash_postgres, restart_redis, without_postgres, without_redis, with_frozen_redis,
]  # fmt: skip


def test_outages_under_load_lose_and_double_nothing(site: Site, tmp_path: Path) -> None:
    claims = tmp_path / "few.csv"
    claims.write_text(CLAIMS)
    site.database.start(RUNS, claims)
    load = Load(site)
    try:
        load.check_progress("before all")
        for outage in OUTAGES:
            outage(load)
            load.check_progress(f"after {outage.__name__}")
        load.finish()
    finally:
        load.leave()
    facts = site.database.facts()
    reported = Counter(answer.status for answer in load.answers)
    say(f"{len(facts['runs'])} runs, {len(facts['decisions'])} decisions, {dict(reported)}")
    assert "\n".join(faults(facts, load.answers)) == ""
    assert len(facts["decisions"]) == RUNS * ASKED + 8


RECONNECTING, LIVE = '{"state": "reconnecting"}', '{"state": "live"}'


class Socket(threading.Thread):
    """A socket of the inbox, and all messages that it got."""

    def __init__(self, person: Person) -> None:
        super().__init__(daemon=True)
        cookie = "; ".join(f"{name}={value}" for name, value in person.cookies.items())
        self._connection = connect(
            f"ws://127.0.0.1:{person.port}/ws/inbox/", additional_headers={"Cookie": cookie},
            origin=f"http://127.0.0.1:{person.port}",  # type: ignore[arg-type]
        )  # fmt: skip
        self.reported: list[str] = []
        self.start()

    def run(self) -> None:
        try:
            for message in self._connection:
                self.reported.append(str(message))
        except ConnectionClosed as error:
            self.reported.append(repr(error))

    def close(self) -> None:
        self._connection.close()
        self.join(PATIENCE)


def start_run(person: Person, text: str) -> None:
    status, page = person.post("/workflows/assistant/start/", text=text)
    assert status in (200, 302, 303), page


def test_open_pages_get_messages_again_after_redis_lost_all_subscriptions(site: Site) -> None:
    here, there = Reviewer(site.ports[0], "alice"), Reviewer(site.ports[1], "admin")
    socket = Socket(here)
    try:
        start_run(there, "Before it forgot. It is short.")
        eventually(
            lambda: any('"added"' in one for one in socket.reported), "the page gets the change"
        )
        site.redis.flush()
        eventually(lambda: RECONNECTING in socket.reported, "the page says it is not live")
        eventually(lambda: LIVE in socket.reported, "the page is live again")
        eventually(lambda: '"read"' in socket.reported[-1], "what was missed is read")
        known = len(socket.reported)
        start_run(there, "After it forgot. It is short.")
        eventually(lambda: len(socket.reported) > known, "the page gets changes again")
    finally:
        socket.close()


def live(page_locator: Locator, state: str) -> None:
    expect(page_locator).to_have_attribute("data-state", state, timeout=30_000)


@pytest.mark.browser
def test_a_page_shows_reconnecting_and_is_refreshed_afterwards(
    site: Site, browser: Browser
) -> None:
    there = Reviewer(site.ports[1], "admin")
    page = browser.new_context().new_page()
    home = f"http://127.0.0.1:{site.ports[0]}"
    page.goto(f"{home}/accounts/login/")
    page.fill("[name=username]", "alice")
    page.fill("[name=password]", "demo")
    page.press("[name=password]", "Enter")
    page.wait_for_url(f"{home}/")
    state = page.locator("[data-live]").last
    live(state, "live")
    for name, away in (("Redis", site.redis), ("PostgreSQL", site.postgres)):
        away.stop(signal.SIGINT)
        live(state, "reconnecting")
        if away is site.redis:
            start_run(there, "Meanwhile Redis was away. It is short.")
        away.start()
        live(state, "live")
        expect(page.locator("#rows")).to_contain_text("Meanwhile Redis", timeout=30_000)
        start_run(there, f"After {name} was away. It is short.")
        expect(page.locator("#rows")).to_contain_text(f"After {name} was", timeout=30_000)
    page.context.close()
