"""The names of the fields of a batch: each begins with the prefix of its row or group."""

from __future__ import annotations

from django.http import QueryDict

from workflows.web.forms.field import Field


def fields_of(data: QueryDict, prefix: str) -> QueryDict:
    """Return the posted fields whose names begin with `prefix`, without it."""
    found = QueryDict(mutable=True)
    for name in data:
        if name.startswith(prefix):
            found.setlist(name.removeprefix(prefix), data.getlist(name))
    return found


def with_verdict(data: QueryDict, prefix: str, verdict: str) -> QueryDict:
    """Return the same, with the verdict as the form of one request posts it."""
    found = fields_of(data, prefix)
    found["verdict"] = verdict
    return found


def with_prefix(fields: list[Field], prefix: str) -> list[Field]:
    """Put `prefix` before the names of these fields, and of those inside them."""
    for one in fields:
        one.name = prefix + one.name
        with_prefix(one.children, prefix)
    return fields
