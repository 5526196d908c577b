"""A part of the benchmark in a separate process: `python -m tests.benchmarks.script latency`.

Its module may import models, because Django is set up before.
"""

from __future__ import annotations

import sys
from importlib import import_module

import django
from django.core.management import call_command
from django.db import connections


def prepare() -> None:
    """Set up Django, and make the tables of the database in the settings."""
    django.setup()
    call_command("migrate", verbosity=0)
    connections.close_all()


def main() -> None:
    """Run `main` of the module that the first argument names. It reads the other arguments."""
    name = sys.argv.pop(1)
    prepare()
    import_module(f"tests.benchmarks.{name}").main()


if __name__ == "__main__":
    main()
