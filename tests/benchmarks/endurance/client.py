"""One program that uses the pages over HTTP: it starts runs and approves their requests.

Arguments: port, session key, the SQLite file or the URL of the database, how many clients there
are, and which of them this is. Each line of its input says how many runs to start. It answers its
share of what is pending for as long as it lives. Which requests those are it reads past the site:
drawing lists for it would take longer than all the rest, and the open page draws enough of them.
"""

from __future__ import annotations

import contextlib
import http.client
import sqlite3
import sys
import threading
import time
from urllib.parse import urlencode
from uuid import UUID

import psycopg

PENDING = "SELECT id FROM workflows_inputrequest WHERE status = 'pending' LIMIT 500"
TOKEN = "e" * 32
BATCH = 25  # runs that are started between two looks at the inbox
PAUSE = 0.2  # seconds before the next look at an inbox that has nothing for this client


class Client:
    """A kept connection to the pages, with a log-in."""

    def __init__(self, port: int, session: str) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {
            "Cookie": f"sessionid={session}; csrftoken={TOKEN}",
            "Content-Type": "application/x-www-form-urlencoded",
        }

    def post(self, path: str, **fields: str) -> int:
        """Send a form and return the status; raise for what is neither done nor a conflict."""
        body = urlencode({**fields, "csrfmiddlewaretoken": TOKEN})
        status, text = self._ask("POST", path, body)
        if status not in (200, 303, 409):
            raise RuntimeError(f"{path} answered {status}: {text[:500]}")
        return status

    def _ask(self, method: str, path: str, body: str) -> tuple[int, str]:
        self._http.request(method, path, body, self._headers)
        response = self._http.getresponse()
        return response.status, response.read().decode()


class Orders:
    """How many runs are still to be started, as the lines of the input say."""

    def __init__(self) -> None:
        self._left = 0
        self._lock = threading.Lock()
        self.is_over = False

    def read(self) -> None:
        """Take orders until the input ends."""
        for line in sys.stdin:
            with self._lock:
                self._left += int(line)
        self.is_over = True

    def take(self, most: int) -> int:
        """Return how many to start now."""
        with self._lock:
            taken = min(most, self._left)
            self._left -= taken
            return taken


def pending(store: str) -> list[UUID]:
    """Return the ids of requests that wait, some hundred at the most."""
    if store.startswith("postgres"):
        with psycopg.connect(store) as rows:
            return [UUID(str(key)) for (key,) in rows.execute(PENDING.encode())]
    with contextlib.closing(sqlite3.connect(store, timeout=20)) as rows:
        return [UUID(str(key)) for (key,) in rows.execute(PENDING)]


def main() -> None:
    """Start and answer until the input ends."""
    port, session, store, count, number = sys.argv[1:]
    client, orders = Client(int(port), session), Orders()
    threading.Thread(target=orders.read, daemon=True).start()
    while not orders.is_over:
        started = orders.take(BATCH)
        for _ in range(started):
            client.post("/workflows/bench-cycle/start/")
        mine = [key for key in pending(store) if key.int % int(count) == int(number)]
        for key in mine:
            client.post(f"/requests/{key}/decide/", verdict="approve")
        if not (started or mine):
            time.sleep(PAUSE)


if __name__ == "__main__":
    main()
