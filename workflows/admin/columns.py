"""What one value of a row looks like on an admin page: JSON to read, links to follow.

Prompts, payloads and results are untrusted text. Everything goes through `format_html`, which
escapes it, and characters that would reorder what is around them are shown by their number.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from django.contrib import admin
from django.db.models import Model
from django.urls import reverse
from django.utils.html import format_html

from workflows.text.invisible_characters import show_invisibles

Column = Callable[[Any], str]

MAX_CHARACTERS = 100_000  # of one value on a page; the run's own page has a snapshot whole
_LINE_BREAK = re.compile(r"(?<!\\)((?:\\\\)*\\n)")


def block(text: str) -> str:
    """Return `text` as a preformatted block, cut where a page becomes too long to use."""
    rest = len(text) - MAX_CHARACTERS
    shown = show_invisibles(text[:MAX_CHARACTERS])
    if rest > 0:
        shown += f"\n… and {rest:,} characters more"
    return format_html('<pre class="value">{}</pre>', shown)


def json_block(value: Any) -> str:
    """Return JSON data as an indented block; a dash for null.

    After each escaped line break in a string follows a real one: a file or a traceback in a
    payload is to be read, and is copied from the run's snapshot.
    """
    if value is None:
        return "-"
    return block(_LINE_BREAK.sub("\\1\n", json.dumps(value, indent=2, ensure_ascii=False)))


def json_of(field: str) -> Column:
    """Return a column that shows the JSON in `field`."""
    return _named(field, lambda row: json_block(getattr(row, field)))


def text_of(field: str) -> Column:
    """Return a column that shows the text in `field` with its line breaks."""
    return _named(field, lambda row: block(getattr(row, field)))


def link_to(field: str) -> Column:
    """Return a column that links to the row that the foreign key `field` names."""

    def link(row: Any) -> str:
        target: Model | None = getattr(row, field)
        return "-" if target is None else row_link(target)

    return _named(field, link)


def row_link(row: Model) -> str:
    """Return a link to the admin's page of `row`."""
    meta = row._meta
    url = reverse(f"admin:{meta.app_label}_{meta.model_name}_change", args=[row.pk])
    return format_html('<a href="{}">{}</a>', url, show_invisibles(str(row)))


def _named(field: str, show: Column) -> Column:
    def column(row: Any) -> str:
        return show(row)

    column.__name__ = f"{field}_shown"
    return admin.display(description=field.replace("_", " "))(column)
