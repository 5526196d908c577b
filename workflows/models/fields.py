"""Fields of models: JSON that keeps its order, and text for searching."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper


class OrderedJSONField(models.JSONField):
    """JSON whose keys keep their order on every database.

    PostgreSQL's `jsonb` sorts keys by length; its `json` keeps the text. A payload and a form are
    shown in the order in which the developer wrote the fields. The disadvantage is that the
    database cannot compare or index the column.
    """

    def db_type(self, connection: BaseDatabaseWrapper) -> str | None:
        """Return `json` on PostgreSQL, otherwise Django's type."""
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


class FoldedField(models.TextField[str, str]):
    """A text for searching, made from another column when the row is saved.

    Code that writes rows without `save` has to set it.
    """

    def __init__(self, *, of: str = "", by: Callable[[Any], str] = str, **options: Any) -> None:
        self.of, self.by = of, by
        super().__init__(**{"default": "", "db_default": "", "blank": True, **options})
        self.editable = False

    def deconstruct(self) -> Any:
        """Return the field as a text field, which is enough for a migration."""
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.TextField", args, options

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Make the value, unless the other column was deferred."""
        if self.of not in model_instance.get_deferred_fields():
            setattr(model_instance, self.attname, self.by(getattr(model_instance, self.of)))
        return super().pre_save(model_instance, add)
