"""`manage.py prune --older-than 90d`: delete the history of runs that ended long ago."""

from __future__ import annotations

import re
from argparse import ArgumentParser, ArgumentTypeError
from datetime import datetime, timedelta
from typing import Any

from django.core.management.base import BaseCommand
from django.db.models import Count, Q

from workflows.models import database_now
from workflows.retention.compact import compact, overgrown
from workflows.retention.prune import prunable, prune

UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def age(text: str) -> timedelta:
    """Read `12h`, `90d` or `52w`. Raise `ArgumentTypeError` for anything else, and for nothing."""
    found = re.fullmatch(r"([1-9]\d{0,4})([hdw])", text)
    if found is None:
        raise ArgumentTypeError(
            f"{text!r} is no age: write a number above 0 and a unit, like 12h, 90d or 52w."
        )
    return timedelta(**{UNITS[found[2]]: int(found[1])})


class Command(BaseCommand):
    """Prunes ended runs and compacts open ones, in short transactions, while everything runs."""

    help = (
        "Delete runs that ended long ago. Where people decided or commented, the run and its "
        "requests stay, and only journal, snapshots and deliveries go. Also cut the journals of "
        "open runs down to their last JOURNAL_KEEP entries. It may be stopped at any time, and "
        "run while everything works."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the age and the option `--dry-run`."""
        parser.add_argument(
            "--older-than", type=age, required=True, metavar="AGE",
            help="how long ago a run must have ended: 12h, 90d, 52w",
        )  # fmt: skip
        parser.add_argument(
            "--dry-run", action="store_true", help="say what would go, delete nothing"
        )

    def handle(self, *, older_than: timedelta, dry_run: bool, **options: Any) -> None:
        """Prune, with a line for each batch."""
        before = database_now() - older_than
        if dry_run:
            self.preview(before)
            return
        self.prune(before)
        self.compact()

    def preview(self, before: datetime) -> None:
        """Print what would be deleted."""
        counts = prunable(before).order_by().aggregate(
            whole=Count("pk", Q(stays=False)), history=Count("pk", Q(stays=True))
        )  # fmt: skip
        self.say("Would delete", counts["whole"], counts["history"])
        grown = overgrown().count()
        self.stdout.write(f"Would look at the journals of {grown} open runs. Nothing was changed.")

    def prune(self, before: datetime) -> None:
        """Prune ended runs."""
        whole = history = 0
        for batch in prune(before):
            whole, history = whole + batch.whole, history + batch.history
            self.say("  so far", whole, history)
        self.say("Deleted", whole, history)

    def compact(self) -> None:
        """Compact the journals of open runs."""
        total = 0
        for run_id in list(overgrown().values_list("pk", flat=True)):
            if count := compact(run_id):
                total += count
                self.stdout.write(f"  {run_id}: {count} journal entries")
                self.stdout.flush()
        self.stdout.write(f"Cut {total} entries from the journals of open runs.")

    def say(self, verb: str, whole: int, history: int) -> None:
        """Write a line at once, also if the output is a file or a pipe."""
        self.stdout.write(
            f"{verb} {whole} runs, and the history of {history} more that keep their decisions."
        )
        self.stdout.flush()
