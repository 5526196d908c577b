"""Events as JSON and back, as each class allows it: the JSON by its serializers, no validators."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import SchemaSerializer, SchemaValidator, to_json

from workflows.engine.schemas.event_metaclass import without_unknown_fields
from workflows.engine.schemas.storage_schema import StorageSchema


class Storage:
    """How the events of one class are stored."""

    __slots__ = ("_builder", "_serializer")

    def __init__(self, cls: type[BaseModel]) -> None:
        if not cls.__pydantic_complete__:
            cls.model_rebuild()
        found = StorageSchema(cls.__pydantic_core_schema__)
        # What pydantic has built for the classes within has their validators in it.
        self._builder = SchemaValidator(found.schema, _use_prebuilt=False)
        self._serializer: SchemaSerializer = (
            SchemaSerializer(found.schema, _use_prebuilt=False)
            if found.zoned
            else cls.__pydantic_serializer__
        )

    def write(self, event: BaseModel) -> Any:
        """Return an event's fields as JSON, by name; what is computed is not a field."""
        return self._serializer.to_python(
            event, mode="json", by_alias=False, exclude_computed_fields=True, warnings=False
        )

    def read(self, text: bytes) -> Any:
        """Return a new event from the text of its JSON; raise pydantic's `ValidationError`.

        What `write` wrote goes by the names of the fields, which may be the aliases of others. A
        caller's own JSON may have aliases.
        """
        try:
            return self._builder.validate_json(text, by_alias=False, by_name=True)
        except ValidationError:
            return self._builder.validate_json(text, by_alias=True, by_name=True)


@lru_cache(maxsize=4096)
def storage_of(cls: type[BaseModel]) -> Storage:
    """Return how events of this class are stored."""
    return Storage(cls)


def event_from(cls: type[BaseModel], data: Any) -> Any:
    """Return an event of `cls` from its stored JSON; raise pydantic's `ValidationError`.

    No validator runs: they ran when the event was made. A field that the class, or one within it,
    no longer has is left out: older code stored it, so it blocks nothing.
    """
    storage = storage_of(cls)
    try:
        return storage.read(to_json(data))
    except ValidationError as error:
        kept = without_unknown_fields(data, error)
    return storage.read(to_json(kept))
