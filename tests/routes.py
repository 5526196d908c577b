"""Every address of the site, read from the URL configuration, so that none can be forgotten."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from django.urls import URLPattern, URLResolver, get_resolver

CHOICE = re.compile(r"\(\?P<(\w+)>([a-z]+(?:\|[a-z]+)+)\)")


@dataclass(frozen=True, slots=True)
class Route:
    """An address and its name. `choice` is one of the words in its pattern, `key` the argument.

    If the address has no name (like `admin/login/`), `name` is the pattern.
    """

    name: str
    pattern: str
    key: str = ""
    choice: str = ""

    def __str__(self) -> str:
        return f"{self.name}[{self.choice}]" if self.choice else self.name


def routes() -> Iterator[Route]:
    """Yield all routes; one whose pattern lists words (`cancel|pause`) once for each of them."""
    return _routes(get_resolver().url_patterns, "", "")


def _routes(patterns: list[URLPattern | URLResolver], space: str, before: str) -> Iterator[Route]:
    for entry in patterns:
        pattern = before + str(entry.pattern)
        if isinstance(entry, URLResolver):
            inner = f"{space}{entry.namespace}:" if entry.namespace else space
            yield from _routes(entry.url_patterns, inner, pattern)
            continue
        name = f"{space}{entry.name}" if entry.name else pattern
        words = CHOICE.search(pattern)
        if words is None:
            yield Route(name, pattern)
        else:
            key, choices = words.groups()
            yield from (Route(name, pattern, key, choice) for choice in choices.split("|"))
