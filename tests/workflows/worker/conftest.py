"""Skips the tests of PostgreSQL on other databases."""

from django.db import connection

collect_ignore = [] if connection.vendor == "postgresql" else ["test_step_pool_postgresql.py"]
