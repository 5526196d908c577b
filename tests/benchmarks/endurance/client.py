"""A client program: it starts runs and approves their requests.

Arguments: port, session key, number of clients, and index of this client. Each line of its input
is a number of runs to start. It answers its share of the pending requests until it ends. Every
fourth run is started on the page of its workflow, and every fourth request is approved on its own
page; the others in Python, as another program of the site does. It reads the pending requests
from the database, because rendering lists for it would take longer than all the rest, and the
open page renders enough lists.
"""

from __future__ import annotations

import http.client
import sys
import threading
import time
from collections.abc import Sequence
from urllib.parse import urlencode
from uuid import UUID

import django

TOKEN = "e" * 32
BATCH = 24  # runs that are started before pending requests are read again
ON_ITS_PAGE = 4  # every fourth run is started, and every fourth request approved, on its page
MAX_PENDING = 500  # pending requests that are read at once
PAUSE = 0.2  # seconds before it reads again, if there was no request for it


class Client:
    """A persistent HTTP connection to the pages, with a log-in."""

    def __init__(self, port: int, session: str) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self._headers = {
            "Cookie": f"sessionid={session}; csrftoken={TOKEN}",
            "Content-Type": "application/x-www-form-urlencoded",
        }

    def post(self, path: str, **fields: str) -> int:
        """Send a form and return the status; raise unless it was accepted or a conflict."""
        body = urlencode({**fields, "csrfmiddlewaretoken": TOKEN})
        status, text = self._ask("POST", path, body)
        if status not in (200, 303, 409):
            raise RuntimeError(f"{path} answered {status}: {text[:500]}")
        return status

    def rest(self) -> None:
        """Close the connection, because the server closes idle connections."""
        self._http.close()

    def _ask(self, method: str, path: str, body: str) -> tuple[int, str]:
        self._http.request(method, path, body, self._headers)
        response = self._http.getresponse()
        return response.status, response.read().decode()


class Orders:
    """The number of runs that still have to be started, from the lines of the input."""

    def __init__(self) -> None:
        self._left = 0
        self._lock = threading.Lock()
        self.is_over = False

    def read(self) -> None:
        """Read orders until the input ends."""
        for line in sys.stdin:
            with self._lock:
                self._left += int(line)
        self.is_over = True

    def take(self, most: int) -> int:
        """Return the number of runs to start now, and subtract it."""
        with self._lock:
            taken = min(most, self._left)
            self._left -= taken
            return taken


def start(client: Client, count: int) -> None:
    """Start this number of runs."""
    from workflows.models import WorkflowRun

    for number in range(count):
        if number % ON_ITS_PAGE:
            WorkflowRun.objects.start("bench-cycle")
        else:
            client.post("/workflows/bench-cycle/start/")


def approve(client: Client, keys: Sequence[UUID]) -> None:
    """Approve these requests, which nobody else answers."""
    from django.contrib.auth.models import User

    from approvals import actions

    person = User.objects.get(username="client")
    for number, key in enumerate(keys):
        if number % ON_ITS_PAGE:
            actions.decide(person, key, {"approved": True}, source="bench")
        else:
            client.post(f"/requests/{key}/decide/", verdict="approve")


def pending() -> list[UUID]:
    """Return the ids of pending requests."""
    from workflows.models import InputRequest

    waiting = InputRequest.objects.filter(status=InputRequest.Status.PENDING)
    return list(waiting.values_list("pk", flat=True)[:MAX_PENDING])


def main() -> None:
    """Start and answer until the input ends."""
    port, session, count, number = sys.argv[1:]
    django.setup()
    client, orders = Client(int(port), session), Orders()
    threading.Thread(target=orders.read, daemon=True).start()
    while not orders.is_over:
        started = orders.take(BATCH)
        start(client, started)
        mine = [key for key in pending() if key.int % int(count) == int(number)]
        approve(client, mine)
        if not (started or mine):
            client.rest()
            time.sleep(PAUSE)


if __name__ == "__main__":
    main()
