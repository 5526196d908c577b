"""Leases that the worker of this process offers to transactions of this process.

A transaction that makes a run ready may lease it to this worker at once. So the run needs no
wake-up, and no commit for its lease.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from workflows.realtime.outbox import MainLoop


@dataclass(frozen=True, slots=True)
class LeaseOffer:
    """The worker `owner` would lease one more run, for `length`.

    `now` returns the database's time as the worker computes it. `take` tells the worker that it
    has the run of this id, and gives it the row if the row is known. Call it on the main loop,
    after the commit.
    """

    owner: str
    length: timedelta
    now: Callable[[], datetime]
    take: Callable[[UUID, Any], None]


def offer_lease(workflow: str) -> LeaseOffer | None:
    """Return the offer for a run of `workflow`, or None if no worker of this process makes one."""
    offer, loop = MainLoop.offer_lease, MainLoop.loop
    if offer is None or loop is None or not loop.is_running():
        return None
    found: LeaseOffer | None = offer(workflow)
    return found
