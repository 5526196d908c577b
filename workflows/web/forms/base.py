"""What all forms have in common: their fields, which templates/forms/fields.html draws."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator

from workflows.web.forms.field import Field


class Form(ABC):
    """A form is drawn by its `fields`. `errors` are those that belong to no field."""

    def __init__(self) -> None:
        self.errors: list[str] = []

    @property
    @abstractmethod
    def fields(self) -> list[Field]:
        """The fields as they stand now, with what was typed and the errors so far."""

    @property
    def zone(self) -> str:
        """The name of the zone that times without an offset are in; empty if none are asked."""
        return ""

    @property
    def wrong_fields(self) -> list[Field]:
        """Every field with an error, nested ones too, in the order of the page."""
        return [field for field in with_children(self.fields) if field.errors]

    @property
    def has_errors(self) -> bool:
        """Whether anything was found wrong: while reading, or afterwards by `set_errors`."""
        return bool(self.errors or self.wrong_fields)


def with_children(fields: list[Field]) -> Iterator[Field]:
    """Yield each field and the fields inside it, in the order of the page."""
    for field in fields:
        yield field
        yield from with_children(field.children)
