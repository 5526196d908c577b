"""One prompt: its headline, the rest of it, and how it reads in a line of plain text."""

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

HEAD = 180  # characters of a prompt that read as a headline; more is text
LONG = 1500  # characters, or
LONG_LINES = 20  # lines, of a rest that scrolls inside itself
LINE = 400  # characters of a prompt that a row or a title could show


@dataclass(frozen=True, slots=True)
class Prompt:
    """What the page of a request draws of its prompt.

    `headline` is its first line as HTML, `text` the rest of a plain prompt, `html` the rest of
    one in Markdown, and `source` that prompt as it was written, empty if it is plain. Each has the
    characters that hide or reorder text made visible.
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
        """Return a prompt without Markdown: its first line, and the rest as it is."""
        first, _, rest = shown.partition("\n")
        head = first.strip()
        return cls(_cut(head), text=rest.strip() if len(head) <= HEAD else shown)

    @property
    def is_long(self) -> bool:
        """Whether the rest would push what is asked about off the screen."""
        rest = self.source if self.html else self.text
        return len(rest) > LONG or rest.count("\n") >= LONG_LINES


def plain(prompt: str) -> str:
    """Return a prompt without the marks of Markdown: what a row or a title says."""
    return _plain(prompt[:LINE].strip())


def first_line(prompt: str) -> str:
    """Return the first line of a prompt that shows something, without the marks of Markdown."""
    lines = (plain(line) for line in prompt[:LINE].splitlines())
    return next((line for line in lines if line.strip()), "")


@lru_cache(maxsize=2000)
def _plain(line: str) -> str:
    """Read it once: an open inbox is written with each change to it, the same prompts in it."""
    shown = show_invisibles(line)
    tokens = parse(shown)
    return " ".join(_lines(tokens)) if tokens else shown


def _cut(text: str) -> SafeString:
    return escape(text if len(text) <= HEAD else f"{text[:HEAD].rstrip()}…")


def _split(children: Sequence[Token]) -> tuple[list[Token], list[Token]]:
    """The tokens of the first line and those after it; all of them if a mark spans the break."""
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
    """The words of each block. What stands before an item is kept: it may be a minus."""
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
    # What is struck out would otherwise read as if it were not.
    return token.markup if token.type in ("s_open", "s_close") else token.content
