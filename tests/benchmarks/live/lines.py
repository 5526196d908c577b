"""Lines of JSON between the processes of the benchmark."""

from __future__ import annotations

import json
import sys
from typing import Any


def say(value: Any = None) -> None:
    """Print a line of JSON at once."""
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()
