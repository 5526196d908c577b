"""Rows that are history: they are inserted, and never edited or deleted separately.

Only retention deletes them, by a method of its own. If the row that they belong to is deleted, the
database deletes them with it.
"""

from __future__ import annotations

from typing import Any, NoReturn, TypeVar

from django.db import models

M = TypeVar("M", bound=models.Model, covariant=True)


class RecordIsFinal(TypeError):
    """A row of an append-only table is never edited or deleted."""

    def __init__(self, model: type[models.Model]) -> None:
        name = model._meta.verbose_name
        super().__init__(f"A {name} is history: it is never edited or deleted.")


class AppendOnlyQuerySet(models.QuerySet[M]):
    """Query sets of such rows. They refuse to edit or delete them, too."""

    def update(self, **kwargs: Any) -> NoReturn:
        """Refuse: raise `RecordIsFinal`."""
        raise RecordIsFinal(self.model)

    def delete(self) -> NoReturn:
        """Refuse: raise `RecordIsFinal`."""
        raise RecordIsFinal(self.model)

    def bulk_create(self, *args: Any, update_conflicts: bool = False, **kwargs: Any) -> list[M]:
        """Insert rows; raise `RecordIsFinal` if existing rows would be changed."""
        if update_conflicts:
            raise RecordIsFinal(self.model)
        return super().bulk_create(*args, **kwargs)


class AppendOnly(models.Model):
    """A row that can be inserted and read."""

    class Meta:
        abstract = True

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Insert; raise `RecordIsFinal` if the row exists."""
        if not self._state.adding:
            raise RecordIsFinal(type(self))
        super().save(*args, **kwargs | {"force_insert": True})

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Refuse: raise `RecordIsFinal`."""
        raise RecordIsFinal(type(self))
