"""JSON that comes back as it was written."""

from __future__ import annotations

import json
from collections.abc import Callable
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


class FoldedField(models.TextField[str, str]):
    """A text that is made of another column whenever the row is saved, to be searched.

    What writes rows without `save` has to give it.
    """

    def __init__(self, *, of: str = "", by: Callable[[Any], str] = str, **options: Any) -> None:
        self.of, self.by = of, by
        super().__init__(**{"default": "", "db_default": "", "blank": True, **options})
        self.editable = False

    def deconstruct(self) -> Any:
        """Return it as a text field: a migration needs no more."""
        name, _, args, options = super().deconstruct()
        return name, "django.db.models.TextField", args, options

    def pre_save(self, model_instance: models.Model, add: bool) -> Any:
        """Make the value, unless what it is made of was not read."""
        if self.of not in model_instance.get_deferred_fields():
            setattr(model_instance, self.attname, self.by(getattr(model_instance, self.of)))
        return super().pre_save(model_instance, add)
