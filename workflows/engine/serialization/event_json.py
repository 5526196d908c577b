"""Events as JSON and back. The serializers of a class run, but not its validators."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import SchemaSerializer, SchemaValidator, to_json

from workflows.engine.schemas.event_metaclass import without_unknown_fields
from workflows.engine.schemas.storage_schema import StorageSchema


class Storage:
    """The serializer and the validator for stored events of one class."""

    __slots__ = ("_builder", "_serializer")

    def __init__(self, cls: type[BaseModel]) -> None:
        if not cls.__pydantic_complete__:
            cls.model_rebuild()
        found = StorageSchema(cls.__pydantic_core_schema__)
        # The prebuilt validators of inner classes contain their validators, so they are not used.
        self._builder = SchemaValidator(found.schema, _use_prebuilt=False)
        self._serializer: SchemaSerializer = (
            SchemaSerializer(found.schema, _use_prebuilt=False)
            if found.zoned
            else cls.__pydantic_serializer__
        )

    def write(self, event: BaseModel) -> Any:
        """Return an event's fields as JSON, by name, without computed fields."""
        return self._serializer.to_python(
            event, mode="json", by_alias=False, exclude_computed_fields=True, warnings=False
        )

    def read(self, text: bytes) -> Any:
        """Return a new event from the text of its JSON; raise pydantic's `ValidationError`.

        JSON from `write` has the names of the fields, which may be aliases of other fields. JSON of
        a caller may have aliases.
        """
        try:
            return self._builder.validate_json(text, by_alias=False, by_name=True)
        except ValidationError:
            return self._builder.validate_json(text, by_alias=True, by_name=True)


@lru_cache(maxsize=4096)
def storage_of(cls: type[BaseModel]) -> Storage:
    """Return the stored form of events of this class."""
    return Storage(cls)


def event_from(cls: type[BaseModel], data: Any) -> Any:
    """Return an event of `cls` from its stored JSON; raise pydantic's `ValidationError`.

    No validator runs: they ran when the event was made. Fields that the class, or a class inside
    it, no longer has are left out: older code stored them.
    """
    storage = storage_of(cls)
    try:
        return storage.read(to_json(data))
    except ValidationError as error:
        kept = without_unknown_fields(data, error)
    return storage.read(to_json(kept))
