"""One prompt: its headline, its rest, and its plain text on one line."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from django.utils.html import escape
from django.utils.safestring import SafeString
from markdown_it.token import Token

from workflows.text.invisible_characters import show_invisibles
from workflows.text.markdown import renderer
from workflows.text.markdown.parser import flat, parse

HEAD = 180  # characters; a longer first line is no headline
LONG = 1500  # characters, or
LONG_LINES = 20  # lines, of a rest that scrolls inside itself
LINE = 400  # characters of a prompt that are read for a row or a title


@dataclass(frozen=True, slots=True)
class Prompt:
    """The rendered prompt of a request's page.

    `headline` is its first line as HTML. `text` is the rest of a plain prompt, `html` the rest of
    one in Markdown. `source` is a Markdown prompt as it was written, empty for a plain one. In all
    of them, characters that hide or reorder text are made visible.
    """

    headline: SafeString
    text: str = ""
    html: SafeString = SafeString("")
    source: str = ""

    @classmethod
    def of(cls, prompt: str) -> Prompt:
        """Read a prompt."""
        shown = show_invisibles(prompt.strip())
        tokens = parse(shown)
        whole = next(_lines(tokens), "")
        if not whole:
            return cls.plain(shown)
        first = tokens[1] if tokens[0].type in ("heading_open", "paragraph_open") else None
        begin, rest = _split(first.children or []) if first else ([], [])
        head = _words(begin)
        if not head or len(head) > HEAD:
            return cls(_cut(whole), html=renderer.blocks(tokens), source=shown)
        body = [*_paragraph(rest), *tokens[3:]]
        return cls(renderer.line(begin), html=renderer.blocks(body), source=shown)

    @classmethod
    def plain(cls, shown: str) -> Prompt:
        """Return a prompt without Markdown: its first line, and the unchanged rest."""
        first, _, rest = shown.partition("\n")
        head = first.strip()
        return cls(_cut(head), text=rest.strip() if len(head) <= HEAD else shown)

    @property
    def is_long(self) -> bool:
        """Return True if the rest is so long that it gets a scroll area."""
        rest = self.source if self.html else self.text
        return len(rest) > LONG or rest.count("\n") >= LONG_LINES


def plain(prompt: str) -> str:
    """Return a prompt without the marks of Markdown, for a row or a title."""
    return _plain(prompt[:LINE].strip())


def first_line(prompt: str) -> str:
    """Return the first non-empty line of a prompt, without the marks of Markdown."""
    lines = (plain(line) for line in prompt[:LINE].splitlines())
    return next((line for line in lines if line.strip()), "")


@lru_cache(maxsize=2000)
def _plain(line: str) -> str:
    """Parse a prompt, with a cache: an open inbox is rendered anew after each change."""
    shown = show_invisibles(line)
    tokens = parse(shown)
    return " ".join(_lines(tokens)) if tokens else shown


def _cut(text: str) -> SafeString:
    return escape(text if len(text) <= HEAD else f"{text[:HEAD].rstrip()}…")


def _split(children: Sequence[Token]) -> tuple[list[Token], list[Token]]:
    """Split the tokens after the first line; do not split if a mark spans the line break."""
    depth = 0
    for n, token in enumerate(children):
        depth += token.nesting
        if token.type in ("softbreak", "hardbreak"):
            if depth:
                return [], []
            return list(children[:n]), list(children[n + 1 :])
    return list(children), []


def _paragraph(children: list[Token]) -> list[Token]:
    if not children:
        return []
    inline = Token("inline", "", 0, children=children)
    return [Token("paragraph_open", "p", 1), inline, Token("paragraph_close", "p", -1)]


def _lines(tokens: Sequence[Token]) -> Iterator[str]:
    """Yield the text of each block. The mark of a list item is kept, as it may be a minus sign."""
    mark = ""
    for token in tokens:
        if token.type == "list_item_open":
            mark = f"{token.info}{token.markup} "
            continue
        words = _words(token.children or []) if token.type == "inline" else token.content
        if words := words.strip():
            yield f"{mark}{words}"
            mark = ""


def _words(children: Sequence[Token]) -> str:
    return "".join(map(_word, flat(children)))


def _word(token: Token) -> str:
    if token.type in ("softbreak", "hardbreak"):
        return " "
    # Without the marks, text that is struck out would look like other text.
    return token.markup if token.type in ("s_open", "s_close") else token.content
