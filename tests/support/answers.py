"""Answers to the requests of the factories, and the rows that an answer could change."""

from __future__ import annotations

from typing import Any

from approvals.models import Decision
from workflows.models import Delivery, InputRequest, JournalEntry, WorkflowRun

YES = {"approved": True}
PAY = {"approved": True, "amount": "12.50", "reason": "exception"}


def everything() -> list[Any]:
    """Return the rows that an answer could change, to compare them with later values."""
    models = (InputRequest, WorkflowRun, Decision, Delivery, JournalEntry)
    return [list(model.objects.order_by("pk").values()) for model in models]
