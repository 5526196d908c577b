"""The rows "inbox": the view of the site, with Django's test client and the database settings.

A reviewer sees requests for everybody or for her, which is a slower query than for all requests.
"""

from __future__ import annotations

import os
import statistics
import time
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings

from approvals.inbox.queries import ORDER
from tests.benchmarks.peers.figures import OURS, Figure, print_line
from workflows.models import InputRequest

REVIEWER, OPERATOR = "person3", "operator"
PAGES = {
    "inbox": (REVIEWER, "/"),
    "inbox workflow": (REVIEWER, "/?workflow=bench-expenses"),
    "inbox mine": (REVIEWER, "/?mine=1"),
    "inbox search": (REVIEWER, "/?q=hotel"),
    "inbox of all": (OPERATOR, "/"),
    "request": (REVIEWER, "/requests/{first}/"),
    "answered": (REVIEWER, "/requests/answered/?workflow=bench-expenses"),
    "attention": (REVIEWER, "/runs/attention/"),
    "attention of all": (OPERATOR, "/runs/attention/"),
}
"""The person and the address of each page; `first` is the first request of their inbox."""

AIM = 40.0  # ms

# Static files have names as in development, because they were not collected.
FILES: dict[str, Any] = {
    "SERVESTATIC_USE_MANIFEST": False,
    "STORAGES": {
        "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    },
}


def options() -> Namespace:
    """Read the command line."""
    parser = ArgumentParser()
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.7, help="of one repeat")
    return parser.parse_args()


class Visit:
    """A page that a person opens repeatedly."""

    def __init__(self, client: Client, address: str) -> None:
        self._client = client
        self._address = address

    def take(self) -> float:
        """Fetch the page once, and return the ms."""
        began = time.perf_counter()
        response = self._client.get(self._address)
        assert response.status_code == 200, response.status_code
        return (time.perf_counter() - began) * 1000

    def repeat(self, seconds: float) -> float:
        """Return the median of the fetches in this time."""
        until, taken = time.perf_counter() + seconds, [self.take()]
        while time.perf_counter() < until:
            taken.append(self.take())
        return statistics.median(taken)

    def queries(self) -> int:
        """Return the number of its queries."""
        with CaptureQueriesContext(connection) as queries:
            self.take()
        return len(queries)


@contextmanager
def visiting(username: str, address: str) -> Iterator[Visit]:
    """Log in and fetch the page once; log out at the end."""
    client, user = Client(), User.objects.get(username=username)
    client.force_login(user)
    first = InputRequest.objects.visible_to(user).pending().order_by(*ORDER).first()
    try:
        visit = Visit(client, address.format(first=first and first.pk))
        visit.take()
        yield visit
    finally:
        client.logout()


def main() -> None:
    """Measure each page."""
    asked, store = options(), os.environ["BENCH_STORE"]
    with override_settings(**FILES):
        for row, (username, address) in PAGES.items():
            with visiting(username, address) as visit:
                count = visit.queries()
                repeats = [visit.repeat(asked.seconds / 2) for _ in range(asked.repeats)]
            print_line(figure(row, store, repeats, count))


def figure(row: str, store: str, repeats: list[float], queries: int) -> Figure:
    """Return the figure of a page."""
    return Figure(
        row=row,
        peer=OURS,
        version="",
        store=store,
        at_once=1,
        figure=round(statistics.median(repeats), 1),
        unit="ms",
        repeats=[round(one, 1) for one in repeats],
        aim=AIM,
        note=f"a whole page beside very much that waits and is over, by {queries} queries.",
    )
