"""Renders Markdown tokens as sanitised HTML.

The renderer escapes all text and writes only the elements below. The sanitiser is a second check,
in case the library writes anything else.
"""

from __future__ import annotations

from collections.abc import MutableMapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import nh3
from django.utils.html import escape
from django.utils.safestring import SafeString, mark_safe
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token

from workflows.text.markdown.parser import PARSER

Env = MutableMapping[str, Any]

_INLINE = {"a", "strong", "em", "s", "code", "br", "small", "bdi"}
_BLOCKS = {
    "p", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "li", "blockquote", "pre", "hr", "div",
    "table", "thead", "tbody", "tr", "th", "td",
}  # fmt: skip
_VALUES = {
    "ul": {"class": {"minus", "plus"}},
    "div": {
        "class": {"prose-scroll"}, "tabindex": {"0"}, "role": {"group"}, "aria-label": {"Table"},
    },
    "pre": {"tabindex": {"0"}, "role": {"group"}, "aria-label": {"Code"}},
    "th": {"class": {"right", "center"}, "scope": {"col"}},
    "td": {"class": {"right", "center"}},
}  # fmt: skip
_SCROLL = '<div class="prose-scroll" tabindex="0" role="group" aria-label="Table">'
_CODE = '<pre tabindex="0" role="group" aria-label="Code"><code>'


def blocks(tokens: Sequence[Token]) -> SafeString:
    """Return the whole text as HTML. Its headings are below those of the page."""
    html = Renderer(PARSER).render(_lowered(tokens), PARSER.options, {})
    return _clean(html, _INLINE | _BLOCKS)


def line(children: Sequence[Token]) -> SafeString:
    """Return the content of one line as HTML."""
    return _clean(Renderer(PARSER).renderInline(children, PARSER.options, {}), _INLINE)


def _clean(html: str, tags: set[str]) -> SafeString:
    clean = nh3.clean(
        html,
        tags=tags,
        attributes={"a": {"href", "target"}, "ol": {"start"}, "li": {"value"}},
        tag_attribute_values=_VALUES,
        url_schemes={"http", "https", "mailto"},
        link_rel="noopener noreferrer nofollow",
    )
    return mark_safe(clean)  # it comes from the sanitiser


def _lowered(tokens: Sequence[Token]) -> list[Token]:
    """Move headings one level down, without gaps between the levels."""
    last, lowered = 1, []
    for token in tokens:
        if token.type == "heading_open":
            last = min(int(token.tag[1]) + 1, last + 1, 6)
        if token.type in ("heading_open", "heading_close"):
            token = token.copy(tag=f"h{last}")
        lowered.append(token)
    return lowered


class Renderer(RendererHTML):
    """The library's renderer, with additions for untrusted text."""

    def link_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Env) -> str:
        """Open a link that sends no referrer, and isolate the direction of its text."""
        tokens[idx].attrSet("target", "_blank")
        return f"{self.renderToken(tokens, idx, options, env)}<bdi>"

    def link_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Env) -> str:
        """Close a link, and add its address if its text is not the address."""
        start = max(n for n in range(idx) if tokens[n].type == "link_open")
        href = str(tokens[start].attrGet("href"))
        words = "".join(token.content for token in tokens[start:idx])
        parts = urlsplit(href)
        place = parts.path if parts.scheme == "mailto" else parts.netloc
        title = str(tokens[start].attrGet("title") or "")
        said = [place] if words not in (href, place) else []
        said += [title] if title else []
        return f"</bdi></a> <small>({escape(', '.join(said))})</small>" if said else "</bdi></a>"

    def bullet_list_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Env) -> str:
        """Open a list that shows the marks as they were written: "- 500" may be an amount."""
        kind = {"-": ' class="minus"', "+": ' class="plus"'}.get(tokens[idx].markup, "")
        return f"<ul{kind}>\n"

    def list_item_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Env) -> str:
        """Open an item with the number that was written. HTML would count from the first one."""
        number = tokens[idx].info
        return f'<li value="{int(number)}">' if number.isdecimal() else "<li>"

    def table_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Env) -> str:
        """Open a table in a scroll area."""
        return f"{_SCROLL}<table>"

    def table_close(self, tokens: Sequence[Token], idx: int, options: Any, env: Env) -> str:
        """Close the table and its scroll area."""
        return "</table></div>"

    def th_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Env) -> str:
        """Open a header cell, aligned like its column."""
        return f'<th scope="col"{_side(tokens[idx])}>'

    def td_open(self, tokens: Sequence[Token], idx: int, options: Any, env: Env) -> str:
        """Open a cell. The library would use an inline style, which the content policy forbids."""
        return f"<td{_side(tokens[idx])}>"

    def fence(self, tokens: Sequence[Token], idx: int, options: Any, env: Env) -> str:
        """Render code of any language."""
        return f"{_CODE}{escape(tokens[idx].content)}</code></pre>\n"


def _side(token: Token) -> str:
    side = str(token.attrGet("style") or "").removeprefix("text-align:")
    return f' class="{side}"' if side in ("right", "center") else ""
