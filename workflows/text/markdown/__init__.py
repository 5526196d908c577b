"""Prompts as people write them: Markdown where it is Markdown, otherwise the text as it is."""

from workflows.text.markdown.prompt import Prompt, first_line, plain

__all__ = ["Prompt", "first_line", "plain"]
