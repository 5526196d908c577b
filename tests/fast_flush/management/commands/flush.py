"""The command that Django runs after each test that commits, with DELETE instead of TRUNCATE.

TRUNCATE makes new files for each table, which takes PostgreSQL half a second. The tables of tests
have only a few rows.
"""

from __future__ import annotations

from typing import Any

from django.core.management.commands import flush
from django.core.management.sql import emit_post_migrate_signal
from django.db import connections, transaction


class Command(flush.Command):
    """Empties all tables, and makes the permissions and groups that migrations make."""

    def handle(self, **options: Any) -> None:
        """Delete every row. Wait for transactions that still write, as TRUNCATE does."""
        name: str = options["database"]
        connection = connections[name]
        tables = [
            connection.ops.quote_name(table)
            for table in connection.introspection.django_table_names(only_existing=True)
        ]
        # Foreign keys are checked at the end of the transaction, so any order is right.
        with transaction.atomic(using=name), connection.cursor() as cursor:
            if connection.vendor == "postgresql":
                cursor.execute(f"LOCK TABLE {', '.join(tables)} IN EXCLUSIVE MODE")
            for table in tables:
                cursor.execute(f"DELETE FROM {table}")
        if not options["inhibit_post_migrate"]:
            emit_post_migrate_signal(verbosity=0, interactive=False, db=name)
