"""The effects of a step, which are kept until it completes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from workflows.engine.errors import UnstorableValue
from workflows.engine.events import Event
from workflows.engine.serialization.codec import Events, check_text, decode, encode
from workflows.engine.serialization.size_limits import check_size

_MISSING = object()


class Effects:
    """The state writes and sent events of one attempt. All are dropped if the attempt fails."""

    __slots__ = ("_events", "_overlay", "_writes", "sent")

    def __init__(self, events: Events) -> None:
        self._events = events
        self.sent: list[Event] = []
        self._writes: list[tuple[str, Any, Callable[[Any], Any] | None]] = []
        self._overlay: dict[str, Any] = {}

    def get(self, committed: Mapping[str, Any], key: str, default: Any) -> Any:
        """Return a copy of the value under `key`: of this attempt, or else the committed one."""
        tree = self._overlay.get(key, _MISSING)
        if tree is _MISSING:
            tree = committed.get(key, _MISSING)
        return default if tree is _MISSING else decode(tree, self._events)

    def set(self, key: str, value: Any) -> None:
        """Add a write; raise `UnstorableValue`, which names the key, if it cannot be stored."""
        tree = self._encode(key, value)
        self._overlay[key] = tree
        self._writes.append((key, tree, None))

    def update(self, committed: Mapping[str, Any], key: str, function: Callable[[Any], Any]) -> Any:
        """Add an update, and return its result on the present value."""
        value = function(self.get(committed, key, None))
        self._overlay[key] = self._encode(key, value)
        self._writes.append((key, None, function))
        return value

    def writes(self, committed: Mapping[str, Any]) -> dict[str, Any]:
        """Return the encoded values to store. Each update runs again on the committed value."""
        result: dict[str, Any] = {}
        for key, tree, function in self._writes:
            if function is None:
                result[key] = tree
                continue
            before = result.get(key, committed.get(key))
            result[key] = self._encode(key, function(decode(before, self._events)))
        return result

    def _encode(self, key: str, value: Any) -> Any:
        if not isinstance(key, str):
            raise UnstorableValue(f"The state key {key!r} is not a string.")
        try:
            check_text(key)
            tree = encode(value, self._events)
            check_size(tree)
            return tree
        except UnstorableValue as error:
            raise UnstorableValue(f"State key {key!r}: {error}") from error
