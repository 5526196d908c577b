"""An event that is held: as an object, as its JSON, or as both, each made only when wanted."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from workflows.engine.codec import Events, event_data, event_from
from workflows.engine.errors import CannotLoad
from workflows.engine.events import Event


class Held:
    """An event whose class may no longer exist: reading history must not need the code.

    `name` is the wire name. `load` gives the object, `wire` the JSON.
    """

    __slots__ = ("_data", "_event", "name")

    def __init__(self, name: str, data: Any = None, event: Event | None = None) -> None:
        self.name = name
        self._data = data
        self._event = event

    @classmethod
    def of(cls, event: Event) -> Held:
        """Hold an event that exists as an object."""
        return cls(type(event).__name__, None, event)

    @classmethod
    def read(cls, wire: dict[str, Any]) -> Held:
        """Hold an event read from a store, as `wire` wrote it."""
        return cls(wire["type"], wire["data"])

    def load(self, events: Events) -> Any:
        """Return the event; raise `CannotLoad` if no class of `events` takes it."""
        if self._event is None:
            cls: type[BaseModel] | None = events.get(self.name)
            if cls is None:
                raise CannotLoad(f"it holds an event {self.name!r} that no step declares")
            try:
                self._event = event_from(cls, self._data)
            except ValidationError as error:
                raise CannotLoad(f"an event {self.name!r} that it holds no longer fits") from error
        return self._event

    def data(self) -> Any:
        """Return the event's fields as JSON; raise `UnstorableValue` naming the event."""
        if self._data is None:
            assert self._event is not None
            self._data = event_data(self._event)
        return self._data

    def wire(self) -> dict[str, Any]:
        """Return the event as it is stored."""
        return {"type": self.name, "data": self.data()}
