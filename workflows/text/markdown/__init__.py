"""Renders prompts: as Markdown if they have Markdown, otherwise as plain text."""

from workflows.text.markdown.prompt import Prompt, first_line, plain

__all__ = ["Prompt", "first_line", "plain"]
