"""Follows one run on a terminal until it ends, and runs it if no worker does."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import groupby
from threading import Thread
from typing import Any

from django.db import connection

from workflows.management.cli.terminal import plain
from workflows.models import InputRequest, JournalEntry, WorkflowRun, database_now
from workflows.text.markdown import first_line
from workflows.web.context_processors import worker_silence
from workflows.worker import Worker

Say = Callable[[str], None]

POLL_INTERVAL = 0.2  # seconds between two reads of the run's row
WORKER_TIMEOUT = timedelta(seconds=5)  # without a heartbeat, after which this command runs the run


class WaitTimeout(Exception):
    """The run has not ended within the timeout. It continues."""


class Wait:
    """Prints what happens to a run, step by step, until it has ended or is blocked.

    If no worker had a heartbeat for five seconds, it runs workflows itself, in a thread, and from
    then on whenever this run is ready. `is_alone` is True if it does.
    """

    def __init__(self, run: WorkflowRun, say: Say) -> None:
        self.run = run
        self._say = say
        self._reported_seq = 0  # the `seq` of the last printed journal entry
        self._asked: set[Any] = set()
        self._status = ""
        self.is_alone = False
        self._worker_thread: Thread | None = None

    def until_it_ends(self, timeout: float | None = None) -> None:
        """Return once the run has ended or is blocked; raise `WaitTimeout` after `timeout`."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while not self._has_stopped():
            if deadline is not None and time.monotonic() >= deadline:
                raise WaitTimeout
            self._run_worker_if_alone()
            time.sleep(POLL_INTERVAL)

    def _has_stopped(self) -> bool:
        """Print new events; return True if there will be no more."""
        self.run.refresh_from_db()
        news = JournalEntry.objects.filter(run=self.run, seq__gt=self._reported_seq).order_by("seq")
        for _, entries in groupby(news, key=lambda entry: (entry.kind, entry.step)):
            alike = list(entries)
            self._reported_seq = alike[-1].seq
            if line := event_line(alike):
                self._say(line)
        self._report_status()
        return self.run.ended or self.run.status == WorkflowRun.Status.BLOCKED

    def _report_status(self) -> None:
        if self.run.status == WorkflowRun.Status.PAUSED != self._status:
            self._say("  the run is paused; resume it on its page")
        self._status = self.run.status
        pending = self.run.requests.pending().order_by("created_at", "id")
        for request in pending.exclude(pk__in=self._asked):
            self._asked.add(request.pk)
            self._say(question(request))

    def _run_worker_if_alone(self) -> None:
        if self._worker_thread is not None and self._worker_thread.is_alive():
            return
        wanted = WorkflowRun.objects.leasable(database_now()).filter(pk=self.run.pk)
        if not wanted.exists() or not self._knows_no_worker():
            return
        # A daemon thread, so that Ctrl-C ends the command at once. Then its leases end.
        self._worker_thread = Thread(target=_run_worker, name="worker", daemon=True)
        self._worker_thread.start()

    def _knows_no_worker(self) -> bool:
        if not self.is_alone:
            silence = worker_silence()
            self.is_alone = silence is None or silence > WORKER_TIMEOUT
            if self.is_alone:
                self._say("  no worker was seen for 5 s: this command drives the run itself")
        return self.is_alone


def _run_worker() -> None:
    try:
        asyncio.run(Worker().run_until_idle())
    finally:
        connection.close()


def event_line(alike: Sequence[JournalEntry]) -> str:
    """Return the text for consecutive entries of one kind and step.

    It is empty for entries that need no text.
    """
    entry, times = alike[-1], f" {len(alike)} times" if len(alike) > 1 else ""
    data = entry.data if isinstance(entry.data, dict) else {}
    error = data.get("error")
    reason = plain(str(error.get("message", "")), 200) if isinstance(error, dict) else ""
    by = f" by {plain(str(data['by']), 80)}" if data.get("by") else ""
    match entry.kind:
        case "step_completed":
            took = sum(one.duration or 0.0 for one in alike)
            return f"  {entry.step} completed{times}  ({took:.2f} s)"
        case "step_retried":
            return f"  {entry.step} failed and will be tried again: {reason}"
        case "answered":
            return f"  {len(alike)} answers came" if times else f"  a request was answered{by}"
        case "expired":
            return f"  {len(alike)} requests expired" if times else "  a request expired"
        case "reasked":
            return f"  a request was asked again{by}"
        case "cancelled" | "paused" | "resumed" | "reopened":
            return f"  {entry.kind}{by}"
        case _:
            return ""


def question(request: InputRequest) -> str:
    """Return the request's prompt and the command that answers it."""
    verdict = "--json '{…}'" if request.schema else "--approve"
    return (
        f"  waits for a person: {plain(first_line(request.prompt), 200)}\n"
        f"    manage.py answer {request.pk} {verdict} --as USER"
    )


def outcome(run: WorkflowRun) -> str:
    """Return the last text: a sentence, or the result of a completed run."""
    match run.status:
        case WorkflowRun.Status.COMPLETED:
            return json.dumps(run.result, indent=2)
        case WorkflowRun.Status.CANCELLED:
            return f"Run {run.pk} was cancelled."
        case status:
            error = run.error if isinstance(run.error, dict) else {}
            step = f" in step {error['step']!r}" if error.get("step") else ""
            kind = plain(str(error.get("kind", "")))
            message = plain(str(error.get("message", "")), 2000)
            return f"Run {run.pk} {'failed' if status == 'failed' else 'is blocked'}{step}: " + (
                f"{kind}: {message}" if kind else message
            )
