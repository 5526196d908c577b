"""The JSON Schema for forms: pydantic's, with additions."""

from __future__ import annotations

from typing import Any

from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue


class FormSchema(GenerateJsonSchema):
    """Distinguishes a time without a zone (`NaiveDatetime`) from one that may have a zone.

    Pydantic has `date-time` for both. The name `date-time-local` is from OpenAPI's registry.
    """

    def datetime_schema(self, schema: Any) -> JsonSchemaValue:
        """Return the schema of a date and time."""
        found = super().datetime_schema(schema)
        if schema.get("tz_constraint") == "naive":
            found["format"] = "date-time-local"
        return found
