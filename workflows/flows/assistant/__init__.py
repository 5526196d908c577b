"""Measures a text, asks whether it may be published, and records what was decided."""

from workflows.flows.assistant.steps import workflow

__all__ = ["workflow"]
