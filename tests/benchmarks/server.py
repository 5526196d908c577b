"""The real server in a process of its own, with people behind its page who do as they learn.

Each line of its input is a command, and is answered with a line of JSON: `wait 100` lets so many
requests wait and names them, as the inbox lists them; `answer 100.0` answers those at so many a
second, and says when each was committed. Before all that it says where it is. The input's end
stops it.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from typing import Any

from django.contrib.auth.models import User
from django.db import connection

from approvals.inbox.queries import ORDER
from approvals.management.commands.serve import Command
from tests.benchmarks import arrivals, flows
from tests.benchmarks.sessions import login_of
from tests.benchmarks.site import reviewer
from workflows.models import InputRequest, WorkflowRun
from workflows.server.listening_socket import listening_socket
from workflows.server.server import EmbeddedServer


def say(**words: Any) -> None:
    """Write one line of JSON at once."""
    sys.stdout.write(json.dumps(words) + "\n")
    sys.stdout.flush()


def wait(user: User, count: int) -> list[str]:
    """Start so many runs, and return their requests, once all wait, in the order of the list."""
    for _ in range(count):
        WorkflowRun.objects.start(flows.CYCLE.name, {}, by=user)
    while InputRequest.objects.pending().count() < count:
        time.sleep(0.05)
    ordered = InputRequest.objects.pending().order_by(*ORDER)
    return [str(key) for key in ordered.values_list("pk", flat=True)]


def obey(user: User) -> None:
    """Do what the lines of the input say, until there are no more."""
    requests: list[str] = []
    for line in sys.stdin:
        verb, _, much = line.strip().partition(" ")
        if verb == "wait":
            requests = wait(user, int(much))
            say(requests=requests)
        else:
            say(committed=arrivals.give(user, requests, float(much)))


def main() -> None:
    """Serve until the input ends."""
    command = Command()
    command.prepare()
    user = reviewer()
    other = User.objects.create(username="onlooker")
    other.groups.set(user.groups.all())
    session = login_of(other)
    connection.close()
    listener = listening_socket(0)

    def people() -> None:
        try:
            say(port=listener.getsockname()[1], session=session)
            obey(user)
        finally:
            connection.close()
            server.stop()

    server = EmbeddedServer(listener, ready=threading.Thread(target=people, daemon=True).start)
    server.run()
