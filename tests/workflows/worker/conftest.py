"""Leaves out what there is only on PostgreSQL."""

from django.db import connection

collect_ignore = [] if connection.vendor == "postgresql" else ["test_step_pool_postgresql.py"]
