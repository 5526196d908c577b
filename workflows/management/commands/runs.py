"""`manage.py runs`: the newest runs, as a table or as JSON."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Count, OuterRef, Subquery
from django.utils import timezone
from django.utils.timesince import timesince

from workflows.management.cli.terminal import table
from workflows.models import InputRequest, WorkflowRun

HEAD = ("RUN", "WORKFLOW", "STATUS", "OPEN", "STARTED", "BY")


class Command(BaseCommand):
    """Lists runs, newest first."""

    help = "List the newest runs. OPEN counts the requests that wait for an answer."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the filters."""
        parser.add_argument("--status", choices=WorkflowRun.Status.values)
        parser.add_argument("--workflow", help="only runs of this workflow")
        parser.add_argument("--limit", type=int, default=20, help="how many (default: 20)")
        parser.add_argument("--json", action="store_true", help="as a JSON list, one run an item")

    def handle(
        self, *, status: str | None, workflow: str | None, limit: int, **options: Any
    ) -> None:
        """Write the runs."""
        if limit < 1:
            raise CommandError("--limit must be at least 1.")
        runs = WorkflowRun.objects.all()
        if status:
            runs = runs.filter(status=status)
        if workflow:
            runs = runs.filter(workflow=workflow)
        # Count only for the listed runs.
        pending = InputRequest.objects.pending().filter(run=OuterRef("pk")).order_by()
        open_requests = pending.values("run").annotate(count=Count("pk")).values("count")
        found = list(
            runs.order_by("-created_at", "-id")
            .values("id", "workflow", "status", "created_at", "finished_at", "started_by__username")
            .annotate(open=Subquery(open_requests))[:limit]
        )
        if options["json"]:
            self.stdout.write(json.dumps([_as_json(run) for run in found], indent=2))
        elif found:
            self.stdout.write(table(HEAD, map(_as_row, found)))
        else:
            self.stdout.write("No runs.")


def _as_json(run: Mapping[str, Any]) -> dict[str, Any]:
    finished = run["finished_at"]
    return {
        "id": str(run["id"]),
        "workflow": run["workflow"],
        "status": run["status"],
        "open_requests": run["open"] or 0,
        "created_at": run["created_at"].isoformat(),
        "finished_at": finished and finished.isoformat(),
        "started_by": run["started_by__username"],
    }


def _as_row(run: Mapping[str, Any]) -> list[str]:
    age = timesince(run["created_at"], timezone.now(), depth=1).replace("\N{NO-BREAK SPACE}", " ")
    return [
        str(run["id"]),
        run["workflow"],
        run["status"],
        str(run["open"] or ""),
        f"{age} ago",
        run["started_by__username"] or "",
    ]
