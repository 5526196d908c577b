"""Posts of forms of the page of a request."""

from __future__ import annotations

from typing import Any

from django.test import Client

from tests.support.clients import HTMX


def post(
    desk: Client, address: str, *, htmx: bool = False, edits: Any = None, **fields: Any
) -> Any:
    more = {f"_edit.{key}": value for key, value in (edits or {}).items()}
    return desk.post(address, fields | more, headers=HTMX if htmx else {})
