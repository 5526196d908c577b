"""JSON that comes back as it was written."""

from __future__ import annotations

import json
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class OrderedJSONField(models.JSONField):
    """JSON whose keys keep their order on every database.

    PostgreSQL's `jsonb` sorts keys by length; its `json` keeps the text. A payload is read, and a
    form is drawn, in the order in which the developer wrote the fields. In exchange the column
    cannot be compared or indexed in the database.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        """Return `json` on PostgreSQL, what Django takes elsewhere."""
        return "json" if connection.vendor == "postgresql" else super().db_type(connection)

    def get_db_prep_value(
        self, value: Any, connection: BaseDatabaseWrapper, prepared: bool = False
    ) -> Any:
        """Return the text to store."""
        if connection.vendor != "postgresql":
            return super().get_db_prep_value(value, connection, prepared)
        return json.dumps(value, allow_nan=False)

    def from_db_value(self, value: Any, expression: Any, connection: BaseDatabaseWrapper) -> Any:
        """Return the value; the driver has read `json` columns already."""
        return (
            value
            if not isinstance(value, str) or connection.vendor == "postgresql"
            else (super().from_db_value(value, expression, connection))
        )
