"""Renders values of rows on admin pages: JSON, text and links.

Prompts, payloads and results are untrusted text. All of them are escaped by `format_html`, and
characters that reorder text are shown as code points.
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

MAX_CHARACTERS = 100_000  # characters of one value; the page of the run has the whole snapshot
_LINE_BREAK = re.compile(r"(?<!\\)((?:\\\\)*\\n)")


def block(text: str) -> str:
    """Return `text` as a preformatted block, cut if it is too long for a page."""
    rest = len(text) - MAX_CHARACTERS
    shown = show_invisibles(text[:MAX_CHARACTERS])
    if rest > 0:
        shown += f"\n… and {rest:,} characters more"
    return format_html('<pre class="value">{}</pre>', shown)


def json_block(value: Any) -> str:
    """Return JSON data as an indented block; a dash for null.

    A real line break is added after each escaped one, so that a file or a traceback in a payload is
    readable. The snapshot on the page of the run has the unchanged text.
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
