"""The example workflows. Importing this package registers them."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from workflows.flows import assistant, expenses

_HERE = Path(__file__).parent

DEMO: Final[list[tuple[str, dict[str, str]]]] = [
    (expenses.workflow.name, {"claims": (_HERE / "expenses" / "sample.csv").read_text("utf-8")}),
    (assistant.workflow.name, {"text": (_HERE / "assistant" / "sample.txt").read_text("utf-8")}),
]
"""Workflow names with an input each: the example runs of the first start."""
