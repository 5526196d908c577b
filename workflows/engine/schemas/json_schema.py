"""The JSON Schema that forms are made from: pydantic's, with what it leaves out."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue


class FormSchema(GenerateJsonSchema):
    """Tells a time without a zone (`NaiveDatetime`) from one that may have a zone.

    Pydantic calls both `date-time`. The name `date-time-local` is that of OpenAPI's registry.
    """

    def datetime_schema(self, schema: Any) -> JsonSchemaValue:
        """Return the schema of a date and time."""
        found = super().datetime_schema(schema)
        if schema.get("tz_constraint") == "naive":
            found["format"] = "date-time-local"
        return found
