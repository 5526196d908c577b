"""The sockets that pages have open to this process."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

open_sockets: WeakSet[Any] = WeakSet()
"""The consumers with an open page. One that broke is not counted for ever: it is collected."""


def sockets_of(user_id: Any) -> int:
    """Return how many sockets this person has open to this process."""
    return sum(one.user_id == user_id for one in list(open_sockets))
