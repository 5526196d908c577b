"""What is only there on one of the databases."""

from django.conf import settings

collect_ignore = []
if not settings.DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    collect_ignore.append("test_sqlite_line.py")  # PostgreSQL has many writers, and no line
