"""An event that is held: its wire name and its JSON."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ValidationError

from workflows.engine.codec import Events, event_data, event_from
from workflows.engine.errors import CannotLoad
from workflows.engine.events import Event


class Held:
    """An event whose class may no longer exist: reading history must not need the code.

    It is held as JSON, and every `load` makes a new object: what one attempt does to the lists
    in its event is seen by no other, and a run in memory sees what a resumed one would.
    """

    __slots__ = ("_data", "name")

    def __init__(self, name: str, data: Any) -> None:
        self.name = name
        self._data = data

    @classmethod
    def of(cls, event: Event) -> Held:
        """Hold an event that exists; raise `UnstorableValue` if it has no JSON."""
        return cls(type(event).__name__, event_data(event))

    @classmethod
    def read(cls, wire: dict[str, Any]) -> Held:
        """Hold an event read from a store, as `wire` wrote it."""
        return cls(wire["type"], wire["data"])

    def load(self, events: Events) -> Any:
        """Return a new event; raise `CannotLoad` if no class of `events` takes it."""
        cls: type[BaseModel] | None = events.get(self.name)
        if cls is None:
            raise CannotLoad(f"it holds an event {self.name!r} that no step declares")
        try:
            return event_from(cls, self._data)
        except ValidationError as error:
            raise CannotLoad(f"an event {self.name!r} that it holds no longer fits") from error

    def data(self) -> Any:
        """Return the event's fields as JSON. Change nothing in it."""
        return self._data

    def wire(self) -> dict[str, Any]:
        """Return the event as it is stored."""
        return {"type": self.name, "data": self._data}
