"""An event in stored form: its class name and its JSON."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from pydantic import BaseModel

from workflows.engine.errors import IncompatibleRun
from workflows.engine.events import Event
from workflows.engine.serialization.codec import Events, store_event
from workflows.engine.serialization.event_json import event_from
from workflows.engine.serialization.scalar_events import scalar_fields


class StoredEvent:
    """An event in stored form. Its class may no longer exist, because history outlives the code.

    It is stored as JSON, and every `to_event` makes a new object. So an attempt cannot change the
    event of another attempt, and a run in memory gets the same values as a resumed run. Only an
    immutable event with scalar fields is stored as an object.
    """

    __slots__ = ("_data", "_event", "_fresh", "name")

    def __init__(self, name: str, data: Any, event: Event | None = None) -> None:
        self.name = name
        self._data = data
        self._event = event
        self._fresh: list[Any] | None = None  # the first `to_event` returns it

    @classmethod
    def from_event(cls, event: Event) -> StoredEvent:
        """Store an event; raise `UnstorableValue` if its JSON gives another event."""
        data = scalar_fields(event)
        if data is not None:
            return cls(type(event).__name__, data, event)
        data, fresh = store_event(event)
        stored = cls(type(event).__name__, data)
        stored._fresh = [fresh]
        return stored

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> StoredEvent:
        """Return the stored event that `to_json` wrote."""
        return cls(data["type"], data["data"])

    def to_event(self, events: Events) -> Any:
        """Return a new event; raise `IncompatibleRun` if it fits no class of `events`."""
        cls: type[BaseModel] | None = events.get(self.name)
        if cls is None:
            raise IncompatibleRun(f"it holds an event {self.name!r} that no step declares")
        if type(self._event) is cls:
            return self._event
        if self._fresh:
            with suppress(IndexError):  # another thread may have taken it
                fresh = self._fresh.pop()
                if type(fresh) is cls:
                    return fresh
        try:
            return event_from(cls, self._data)
        except Exception as error:  # a type's own reading may raise any error
            raise IncompatibleRun(f"an event {self.name!r} that it holds no longer fits") from error

    def data(self) -> Any:
        """Return the event's fields as JSON. Do not change it."""
        return self._data

    def to_json(self) -> dict[str, Any]:
        """Return the event as JSON."""
        return {"type": self.name, "data": self._data}
