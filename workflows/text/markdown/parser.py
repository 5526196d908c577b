"""Parses the Markdown of prompts. Workflows and models write it, so it is untrusted.

It is CommonMark with tables and strikethrough, without everything that could make a text look
different from what is stored: no HTML, no entities, no link definitions (which are not shown), no
emphasis inside a word ("7*7*7"), no code by indentation, no headings by underlining.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

from workflows.text.links import may_open

MAX_MARKDOWN = 16_000
"""The limit of characters for Markdown; a longer text is shown as plain text."""
MAX_CELLS = 4_000
MAX_TOKENS = 10_000

_MARKS = re.compile(r"[*_`\[#>|~\\<]|^\s*(?:[-+]|\d+[.)]|-{3,})\s", re.MULTILINE)
_NO_WORD = re.compile(r"[\W_]+")
_UNREMARKABLE = {"inline", "text", "text_special", "softbreak", "hardbreak"}
_UNREMARKABLE |= {"paragraph_open", "paragraph_close"}


def parse(text: str) -> list[Token]:
    """Return the tokens of `text`, with images as links; no tokens if it has no Markdown."""
    if len(text) > MAX_MARKDOWN or not _MARKS.search(text) or _cells(text) > MAX_CELLS:
        return []
    tokens = PARSER.parse(text)
    if len(tokens) > MAX_TOKENS or not _is_whole(text, tokens):
        return []
    if all(token.type in _UNREMARKABLE for token in flat(tokens)):
        return []
    for token in tokens:
        if token.children:
            token.children = list(_without_images(token.children))
    return tokens


def _cells(text: str) -> int:
    """Return the possible number of table cells: short rows are filled up to the longest."""
    lines = text.split("\n")
    return len(lines) * max(line.count("|") for line in lines)


def _is_whole(text: str, tokens: Sequence[Token]) -> bool:
    """Return True if no word was lost: Markdown drops extra cells, and text nested too deeply."""
    kept = (f"{_shown_info(token)} {token.content}" for token in tokens)
    return _NO_WORD.sub("", text) == _NO_WORD.sub("", " ".join(kept))


def _shown_info(token: Token) -> str:
    """Return the number of an item, or the language of code. Other text there would be hidden."""
    return token.info if len(token.info) <= 20 and " " not in token.info.strip() else ""


def flat(tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield the tokens, each followed by its children."""
    for token in tokens:
        yield token
        yield from flat(token.children or ())


def _without_images(tokens: Sequence[Token]) -> Iterator[Token]:
    """Replace images by links, because a browser would load images from other sites."""
    within = 0
    for token in tokens:
        within += token.nesting if token.tag == "a" else 0
        if token.type != "image":
            yield token
            continue
        words = "".join(one.content for one in flat(token.children or ())) or "image"
        text = Token("text", "", 0, content=words)
        if within:
            yield text
            continue
        yield Token("link_open", "a", 1, attrs={"href": token.attrGet("src") or ""})
        yield text
        yield Token("link_close", "a", -1)


def _emphasis(state: StateInline, silent: bool) -> bool:
    """The library's rule of `_` for `*`, too: no emphasis within a word or a product."""
    marker = state.src[state.pos]
    if silent or marker not in "*_":
        return False
    scanned = state.scanDelims(state.pos, False)
    for _ in range(scanned.length):
        state.push("text", "", 0).content = marker
        state.delimiters.append(
            Delimiter(
                marker=ord(marker), length=scanned.length, token=len(state.tokens) - 1, end=-1,
                open=scanned.can_open, close=scanned.can_close,
            )
        )  # fmt: skip
    state.pos += scanned.length
    return True


def _parser() -> MarkdownIt:
    parser = MarkdownIt("commonmark", {"html": False, "breaks": True, "maxNesting": 20})
    parser.enable(["table", "strikethrough"])
    parser.disable(["code", "lheading", "reference", "entity", "html_block", "html_inline"])
    parser.inline.ruler.at("emphasis", _emphasis)
    parser.validateLink = may_open  # type: ignore[method-assign, assignment]
    # The library would decode encoded characters in an address, including direction marks.
    parser.normalizeLinkText = str  # type: ignore[method-assign, assignment]
    return parser


PARSER = _parser()
