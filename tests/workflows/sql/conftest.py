"""Skips the tests of the other database."""

from django.db import connection

OF_VENDOR = {
    "test_fair_lock.py": "sqlite",
    "test_plans_sqlite.py": "sqlite",
    "test_wal_sqlite.py": "sqlite",
    "test_plans_postgresql.py": "postgresql",
}
collect_ignore = [name for name, vendor in OF_VENDOR.items() if vendor != connection.vendor]
