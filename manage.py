#!/usr/bin/env python
"""Django's command line for this project.

Only this program turns DEBUG on by default, for development. The server imports `blazen_site.asgi`,
where DEBUG is off by default.
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
