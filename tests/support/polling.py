"""Waiting until another thread has done something, without a fixed time."""

from __future__ import annotations

import time
from collections.abc import Callable


def until(condition: Callable[[], object], *, seconds: float = 20.0) -> None:
    """Return as soon as `condition()` holds; fail if it does not for so long."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "The condition did not become true."
        time.sleep(0.01)
