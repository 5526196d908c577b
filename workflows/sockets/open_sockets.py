"""The open sockets of this process."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

open_sockets: WeakSet[Any] = WeakSet()
"""The consumers with an open page. They are weak references, so failed ones are not counted."""


def sockets_of(user_id: Any) -> int:
    """Return the number of open sockets of this person in this process."""
    return sum(one.user_id == user_id for one in list(open_sockets))
