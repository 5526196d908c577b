"""Metrics of the database rows for Prometheus: what waits, and for how long.

They are the same in every process and are read when Prometheus asks. Use the maximum over the
processes, not the sum.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from django.db import DatabaseError, InterfaceError
from django.db.models import Count, Min, Q
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from workflows.models import InputRequest, WorkerHeartbeat, WorkflowRun, database_now

AGES = {
    "0s": timedelta(0),
    "1m": timedelta(minutes=1),
    "1h": timedelta(hours=1),
    "1d": timedelta(days=1),
    "7d": timedelta(days=7),
}


class DatabaseCollector(Collector):
    """Reads the rows at each collection, by four queries that use an index."""

    def collect(self) -> Iterator[GaugeMetricFamily]:
        """Yield the metrics; `blazen_database_up` alone if the database does not answer."""
        try:
            now = database_now()
            found = [queue(now), *pending(now), runs(), workers(now)]
        except (DatabaseError, InterfaceError):
            yield GaugeMetricFamily("blazen_database_up", "Whether the database answers.", 0)
            return
        yield GaugeMetricFamily("blazen_database_up", "Whether the database answers.", 1)
        yield from found


def queue(now: datetime) -> GaugeMetricFamily:
    """Return the number of runs that are ready and wait for a worker."""
    ready = WorkflowRun.objects.leasable(now).count()
    return GaugeMetricFamily(
        "blazen_queue_depth", "Runs that are ready and wait for a worker.", ready
    )


def pending(now: datetime) -> Iterator[GaugeMetricFamily]:
    """Yield the numbers of pending requests by their minimum age, and the age of the oldest."""
    older = {name: Count("pk", Q(created_at__lte=now - age)) for name, age in AGES.items()}
    counts = InputRequest.objects.pending().aggregate(oldest=Min("created_at"), **older)
    family = GaugeMetricFamily(
        "blazen_requests_pending",
        "Requests that wait for an answer, by how long they have waited at least.",
        labels=["waited"],
    )
    for name in AGES:
        family.add_metric([name], counts[name])
    yield family
    oldest = counts["oldest"]
    yield GaugeMetricFamily(
        "blazen_request_oldest_seconds", "How long the oldest open request has waited.",
        (now - oldest).total_seconds() if oldest else 0,
    )  # fmt: skip


def runs() -> GaugeMetricFamily:
    """Return the numbers of open and failed runs by status. Other ended runs are not counted."""
    statuses = [*sorted(WorkflowRun.OPEN), WorkflowRun.Status.FAILED]
    rows = WorkflowRun.objects.filter(status__in=statuses).order_by()
    counts = dict(rows.values_list("status").annotate(Count("pk")))
    family = GaugeMetricFamily("blazen_runs", "Runs that are open or failed.", labels=["status"])
    for status in statuses:
        family.add_metric([status.value], counts.get(status, 0))
    return family


def workers(now: datetime) -> GaugeMetricFamily:
    """Return the number of live workers."""
    alive = WorkerHeartbeat.objects.alive(now).count()
    return GaugeMetricFamily("blazen_workers", "Workers with a recent heartbeat.", alive)


DATABASE_REGISTRY = CollectorRegistry()
DATABASE_REGISTRY.register(DatabaseCollector())
