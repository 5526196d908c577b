"""Answers at fixed times, whether or not the one before is done: an open loop.

A loop that waits for each answer would slow down with the site, and hide the delays of people.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

from django.contrib.auth.models import User
from django.db import connection

from approvals import actions
from tests.benchmarks.times import Committed

PEOPLE = 4
"""The number of threads that answer. A late thread delays only its own next answer."""


def give(user: User, requests: Sequence[str], rate: float) -> Committed:
    """Approve the requests in this order, `rate` a second, through the action.

    An answer counts as committed at the end of the last statement before its commit. This time can
    be measured from outside, and the time after it includes the whole commit.
    """
    began = time.monotonic() + 0.05
    moments = [(began + number / rate, request) for number, request in enumerate(requests)]
    with ThreadPoolExecutor(PEOPLE, thread_name_prefix="people") as pool:
        shares = [moments[number::PEOPLE] for number in range(PEOPLE)]
        found = pool.map(lambda share: _answer(user, share), shares)
        return {request: when for share in found for request, when in share.items()}


def _answer(user: User, moments: Sequence[tuple[float, str]]) -> Committed:
    committed: Committed = {}
    try:
        for moment, request in moments:
            time.sleep(max(0.0, moment - time.monotonic()))
            with _last_statement() as ended:
                actions.decide(user, request, {"approved": True}, source="bench")
            committed[request] = ended[-1]
    finally:
        connection.close()
    return committed


@contextmanager
def _last_statement() -> Iterator[list[float]]:
    """Collect the time at which each statement of this thread ended."""
    ended: list[float] = []

    def note(execute: Callable[..., Any], *statement: Any) -> Any:
        try:
            return execute(*statement)
        finally:
            ended.append(time.monotonic())

    with connection.execute_wrapper(note):
        yield ended
