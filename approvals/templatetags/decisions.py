"""The section of decisions on the page of a run. The app `workflows` does not know decisions."""

from __future__ import annotations

from typing import Any

from django import template
from django.template.context import Context

from approvals.request_page.run_decisions import RunDecisions
from workflows.models import WorkflowRun

register = template.Library()


@register.inclusion_tag("runs/decisions.html", takes_context=True)
def decisions(context: Context, run: WorkflowRun) -> dict[str, Any]:
    """`{% decisions run %}`: each decision with its prompt, person, comment, edits and time."""
    return {"decisions": RunDecisions.of(context["user"], run)}
