"""The clock of the database, which all processes share."""

from __future__ import annotations

from datetime import datetime

from django.db import connection
from django.utils import timezone

from workflows.sql.scalar_queries import ScalarQuery


def database_now() -> datetime:
    """Return the database's time, aware, in UTC.

    Leases and deadlines are compared across machines, so they use the clock of the server. SQLite
    has no server, so its clock is that of this machine.
    """
    if connection.vendor != "postgresql":
        return timezone.now()
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        moment: datetime = cursor.fetchone()[0]
    return moment


def now_as_scalar() -> ScalarQuery:
    """Return the database's time as a query, to be read together with other values."""
    if connection.vendor != "postgresql":
        return ScalarQuery("NULL", read=lambda _: timezone.now())
    return ScalarQuery("clock_timestamp()")
