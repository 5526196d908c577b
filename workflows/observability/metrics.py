"""The metrics of this process, for Prometheus.

Each process counts its own work. Metrics of the database rows are in
`workflows.observability.database_metrics`. Names begin with `blazen_`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from prometheus_client import Counter, Gauge, Histogram, start_http_server

from workflows.models import JournalEntry, WorkflowRun
from workflows.sockets.open_sockets import open_sockets

QUICK = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
LONG = (0.005, 0.025, 0.1, 0.25, 1, 2.5, 10, 30, 60, 300, 1800)

LEASE = Histogram(
    "blazen_lease_seconds", "One attempt to lease and load a batch of runs, which may be empty.",
    buckets=QUICK,
)  # fmt: skip
COMMIT = Histogram(
    "blazen_commit_seconds", "Storing one batch of runs in a transaction.", buckets=QUICK
)
STEP = Histogram(
    "blazen_step_seconds", "Attempts at a step, by outcome.",
    ["workflow", "step", "outcome"], buckets=LONG,
)  # fmt: skip
LEASED = Counter("blazen_runs_leased", "Runs that this worker leased.")
TAKEOVERS = Counter(
    "blazen_takeovers",
    "Runs whose lease ended because their worker crashed or stalled, taken over by this worker.",
)
ENDED = Counter("blazen_runs_ended", "Runs that ended here, by status.", ["workflow", "status"])
ACTIVE_RUNS = Gauge("blazen_runs_active", "Runs that are active on this worker.")
SOCKETS = Gauge("blazen_sockets", "Pages with an open socket to this process.")

SOCKETS.set_function(lambda: len(open_sockets))

OUTCOMES = {"step_completed": "completed", "step_retried": "retried", "failed": "failed"}


def count_leased(rows: Sequence[WorkflowRun]) -> None:
    """Count a batch of leased runs."""
    LEASED.inc(len(rows))
    TAKEOVERS.inc(sum(row.was_taken_over for row in rows))


def count_steps(workflow: str, entries: Sequence[JournalEntry]) -> None:
    """Count the attempts in these committed entries."""
    for entry in entries:
        if entry.duration is not None and entry.kind in OUTCOMES:
            STEP.labels(workflow, entry.step, OUTCOMES[entry.kind]).observe(entry.duration)


def serve(port: int) -> Callable[[], None]:
    """Serve the metrics of this process on 127.0.0.1, in a thread. Return a function to stop it.

    Raise `OSError` if the port is taken.
    """
    server, thread = start_http_server(port, addr="127.0.0.1")

    def stop() -> None:
        server.shutdown()
        server.server_close()
        thread.join()

    return stop
