"""Prunes what ended more than ten seconds ago, as `manage.py prune` does for days."""

from __future__ import annotations

from datetime import timedelta

import django

AGE = timedelta(seconds=10)


def main() -> None:
    """Prune once."""
    django.setup()
    from workflows.models import database_now
    from workflows.retention.prune import prune

    for _ in prune(database_now() - AGE):
        pass


if __name__ == "__main__":
    main()
