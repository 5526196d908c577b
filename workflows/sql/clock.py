"""The one clock that every process shares."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.utils import timezone

from workflows.sql.scalar_queries import ScalarQuery


def database_now() -> datetime:
    """Return the database's time, aware, in UTC.

    Leases and deadlines are compared across machines, so they go by the server that all of them
    talk to. SQLite has no server: its clock is this machine's.
    """
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def now_as_scalar() -> ScalarQuery:
    """Return the same, to be read along with other figures."""
    if connection.vendor != "postgresql":
        return ScalarQuery("NULL", read=lambda _: timezone.now())
    return ScalarQuery("clock_timestamp()")
