"""The server of the embedded mode, which does what the lines of its input say.

`people 20` makes reviewers and answers with the keys of their sessions; `wait 100` starts runs and
answers with their requests, once all wait, in the order of the list; `start 5 20` starts 5 runs a
second, 20 in all, and answers at once.
"""

from __future__ import annotations

import gc
import resource
import sys
import threading
import time

from django.contrib.auth.models import Group, User
from django.db import connection

from approvals.management.commands.serve import Command
from tests.benchmarks import flows
from tests.benchmarks.server import say, wait
from tests.benchmarks.sessions import login_of
from tests.benchmarks.site import reviewer
from workflows.models import WorkflowRun
from workflows.server.listening_socket import listening_socket
from workflows.server.server import EmbeddedServer


def people(count: int) -> list[str]:
    """Return the sessions of so many reviewers; they are made if there are fewer."""
    group = Group.objects.get(name="reviewers")
    there = User.objects.filter(username__startswith="page-").count()
    for number in range(there, count):
        group.user_set.add(User.objects.create(username=f"page-{number}"))
    users = User.objects.filter(username__startswith="page-").order_by("pk")[:count]
    return [login_of(user) for user in users]


def start(user: User, rate: float, count: int) -> None:
    """Start runs at a rate, in a thread."""

    def work() -> None:
        began = time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, began + number / rate - time.monotonic()))
            WorkflowRun.objects.start(flows.CYCLE.name, {}, by=user)
        connection.close()

    threading.Thread(target=work, daemon=True).start()


def obey(user: User) -> None:
    """Do what the lines of the input say, until there are no more."""
    for line in sys.stdin:
        verb, *given = line.split()
        if verb == "people":
            say(sessions=people(int(given[0])))
        elif verb == "wait":
            say(requests=wait(user, int(given[0])))
        elif verb == "collect":
            gc.collect()
            say()
        else:
            start(user, float(given[0]), int(given[1]))
            say()


def main() -> None:
    """Serve until the input ends."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    command = Command()
    command.prepare()
    user = reviewer()
    session = login_of(user)
    connection.close()
    listener = listening_socket(0)

    def serve_input() -> None:
        try:
            say(port=listener.getsockname()[1], session=session)
            obey(user)
        finally:
            connection.close()
            server.stop()

    server = EmbeddedServer(listener, ready=threading.Thread(target=serve_input, daemon=True).start)
    server.run()
