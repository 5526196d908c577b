"""A part of the benchmark in a process of its own: `python -m tests.benchmarks.script latency`.

Its module may import models, because Django is ready by then.
"""

from __future__ import annotations

import sys
from importlib import import_module

import django
from django.core.management import call_command
from django.db import connections


def prepare() -> None:
    """Make Django ready, and the tables of the database that the settings name."""
    django.setup()
    call_command("migrate", verbosity=0)
    connections.close_all()


def main() -> None:
    """Run `main` of the module that the first argument names; it reads the others."""
    name = sys.argv.pop(1)
    prepare()
    import_module(f"tests.benchmarks.{name}").main()


if __name__ == "__main__":
    main()
