"""Tags that show untrusted text of a workflow or a model."""

from __future__ import annotations

from typing import Any

from django import template

from workflows.text.invisible_characters import show_invisibles
from workflows.text.markdown import plain
from workflows.web.payload.node import raw_text
from workflows.web.payload.tree import Tree

register = template.Library()


@register.inclusion_tag("payload/tree.html")
def payload_tree(value: Any) -> dict[str, Any]:
    """`{% payload_tree request.payload %}`: JSON as fields, lists and tables, escaped."""
    return {"node": Tree().node(value)}


@register.inclusion_tag("payload/raw.html")
def raw_json(value: Any, label: str = "JSON") -> dict[str, Any]:
    """`{% raw_json snapshot.data "Snapshot" %}`: the JSON itself, in a scroll area with a name."""
    return {"text": raw_text(value), "label": label}


@register.filter
def plain_text(value: Any) -> str:
    """`{{ row.headline|plain_text }}`: a prompt in one line, without the marks of Markdown."""
    return plain("" if value is None else str(value))


@register.filter
def visible_text(value: Any) -> str:
    """`{{ prompt|visible_text }}`: direction overrides and control characters shown as marks."""
    return show_invisibles("" if value is None else str(value))
