"""A process that crashes at a chosen commit: `python -m tests.support.crash_worker DATABASE`.

It reads one order from each line and forks a child for it. It answers with the exit code of the
child, after the number of commits if the child finished its scenario. So Django is imported once,
and each child begins without threads and connections.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

CRASHED = 99  # exit code of a child that crashed as ordered
FAILED = 1
WRITES = ("INSERT", "UPDATE", "DELETE", "WITH")
LIMIT = 60  # seconds after which a hanging child is ended


class Crash:
    """Ends the process just before or just after its commit number `at`; 0 means never.

    It counts the commits of transactions that wrote something. A statement outside a transaction
    counts as a commit.
    """

    def __init__(self, at: int, moment: str) -> None:
        self.at = at
        self.moment = moment
        self.passed = 0
        self._written: set[int] = set()  # connections whose transaction has written

    def install(self) -> None:
        """Watch every connection of this process."""
        from django.db.backends.base.base import BaseDatabaseWrapper
        from django.db.backends.signals import connection_created

        real = BaseDatabaseWrapper.commit

        def commit(connection: BaseDatabaseWrapper) -> None:
            written = id(connection) in self._written
            self._written.discard(id(connection))
            if written and self.moment == "before":
                self._pass()
            real(connection)
            if written and self.moment == "after":
                self._pass()

        BaseDatabaseWrapper.commit = commit  # type: ignore[method-assign,assignment]
        connection_created.connect(self._watch_connection, weak=False)

    def _watch_connection(self, connection: Any, **kwargs: Any) -> None:
        if self._watch not in connection.execute_wrappers:
            connection.execute_wrappers.append(self._watch)

    def _watch(
        self, execute: Callable[..., Any], sql: str, params: Any, many: bool, context: Any
    ) -> Any:
        words = sql.split(None, 1)
        if not words or words[0].upper() not in WRITES:
            return execute(sql, params, many, context)
        alone = not context["connection"].in_atomic_block
        if alone and self.moment == "before":
            self._pass()
        result = execute(sql, params, many, context)
        if words[0].upper() in ("UPDATE", "DELETE") and context["cursor"].rowcount == 0:
            return result
        if not alone:
            self._written.add(id(context["connection"]))
        elif self.moment == "after":
            self._pass()
        return result

    def _pass(self) -> None:
        self.passed += 1
        if self.passed == self.at:
            os._exit(CRASHED)


def run_order(order: dict[str, Any]) -> None:
    """Play the scenario of the order, and exit without any clean-up."""
    from tests.support import crash_scenarios

    signal.alarm(LIMIT)
    crash_scenarios.SideEffects.path = Path(order["side_effects"])
    crash = Crash(order["at"], order["moment"])
    crash.install()
    try:
        crash_scenarios.play(order["workflow"], order["key"])
    except BaseException:
        traceback.print_exc()
        os._exit(FAILED)
    sys.stdout.write(f"{crash.passed} ")  # the parent ends the line
    sys.stdout.flush()
    os._exit(0)


def serve() -> None:
    """Fork a child for each order on standard input."""
    import django

    django.setup()
    from django.db import connection

    from tests.support import crash_scenarios
    from workflows.engine import registry

    connection.settings_dict["NAME"] = sys.argv[1]
    for workflow in crash_scenarios.SCENARIOS:
        registry.register(workflow)
    for line in sys.stdin:
        child = os.fork()
        if not child:
            run_order(json.loads(line))
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve()
