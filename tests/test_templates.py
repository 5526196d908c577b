"""Rules for templates: short lines, and simple conditions."""

from __future__ import annotations

import re
from collections.abc import Iterator

from tests.imports import ROOT

LINE_LENGTH = 120
SEVERAL_TERMS = re.compile(r"\{% (?:el)?if [^%]* (?:and|or) ")


def lines() -> Iterator[tuple[str, str]]:
    """Yield each line of each template with its place."""
    for path in sorted((ROOT / "templates").rglob("*.html")):
        name = path.relative_to(ROOT / "templates")
        for number, line in enumerate(path.read_text().splitlines(), 1):
            yield f"{name}:{number}", line


def test_a_condition_has_one_term() -> None:
    found = [place for place, line in lines() if SEVERAL_TERMS.search(line)]
    assert not found, f"Move the condition into a property of the page's object: {found}"


def test_lines_are_short_enough_to_read() -> None:
    found = [place for place, line in lines() if len(line) > LINE_LENGTH]
    assert not found, f"Break lines of more than {LINE_LENGTH} characters inside a tag: {found}"
