"""The real server in a separate process, with people who answer on command.

Each line of its input is a command, and its response is a line of JSON. `wait 100` makes 100
pending requests, and returns their ids in the order of the inbox. `answer 100.0` answers them at
this rate, and returns when each was committed. The first line of output is the address. The server
stops at the end of the input.
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
    """Start this number of runs, wait for their requests, and return these in the list's order."""
    for _ in range(count):
        WorkflowRun.objects.start(flows.CYCLE.name, {}, by=user)
    while InputRequest.objects.pending().count() < count:
        time.sleep(0.05)
    ordered = InputRequest.objects.pending().order_by(*ORDER)
    return [str(key) for key in ordered.values_list("pk", flat=True)]


def run_commands(user: User) -> None:
    """Run the commands of the input until it ends."""
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
            run_commands(user)
        finally:
            connection.close()
            server.stop()

    server = EmbeddedServer(listener, ready=threading.Thread(target=people, daemon=True).start)
    server.run()
