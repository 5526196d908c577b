#!/usr/bin/env python
"""Django's command line for this project.

This is the one place that defaults to DEBUG: what is typed by hand on a developer's machine is
convenient, what a server imports (`blazen_site.asgi`) is strict.
"""

import os
import sys


def main() -> None:
    """Run the command given on the command line."""
    os.environ.setdefault("DEBUG", "1")
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "blazen_site.settings")
    try:
        from django.core.management import execute_from_command_line
    except ImportError as error:
        raise SystemExit(
            "Django is not installed here. Type `make run`, or activate .venv."
        ) from error
    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
