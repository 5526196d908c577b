"""An event as a run keeps it: its wire name and its JSON."""

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
    """An event whose class may no longer exist: reading history must not need the code.

    It is kept as JSON, and every `to_event` makes a new object: what one attempt does to the lists
    in its event is seen by no other, and a run in memory sees what a resumed one would. Only an
    event of nothing but scalars, which nobody can change, is kept as it is.
    """

    __slots__ = ("_data", "_event", "_fresh", "name")

    def __init__(self, name: str, data: Any, event: Event | None = None) -> None:
        self.name = name
        self._data = data
        self._event = event
        self._fresh: list[Any] | None = None  # read to compare it: the first `to_event` takes it

    @classmethod
    def from_event(cls, event: Event) -> StoredEvent:
        """Keep an event that exists; raise `UnstorableValue` if its JSON gives another one."""
        data = scalar_fields(event)
        if data is not None:
            return cls(type(event).__name__, data, event)
        data, fresh = store_event(event)
        stored = cls(type(event).__name__, data)
        stored._fresh = [fresh]
        return stored

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> StoredEvent:
        """Keep an event that is read from a store, as `to_json` wrote it."""
        return cls(data["type"], data["data"])

    def to_event(self, events: Events) -> Any:
        """Return a new event; raise `IncompatibleRun` if no class of `events` takes it."""
        cls: type[BaseModel] | None = events.get(self.name)
        if cls is None:
            raise IncompatibleRun(f"it holds an event {self.name!r} that no step declares")
        if type(self._event) is cls:
            return self._event
        if self._fresh:
            with suppress(IndexError):  # threads may call it at once: `pop` gives it to one of them
                fresh = self._fresh.pop()
                if type(fresh) is cls:
                    return fresh
        try:
            return event_from(cls, self._data)
        except Exception as error:  # a type's own way to be read may raise anything
            raise IncompatibleRun(f"an event {self.name!r} that it holds no longer fits") from error

    def data(self) -> Any:
        """Return the event's fields as JSON. Change nothing in it."""
        return self._data

    def to_json(self) -> dict[str, Any]:
        """Return the event as it is stored."""
        return {"type": self.name, "data": self._data}
