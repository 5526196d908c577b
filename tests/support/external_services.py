"""The services that tests are given by the environment; none if it names none.

Test processes beside each other share a PostgreSQL, in databases of their own. In a Redis, too,
each has one of its own: a worker would take another's wake-up, and a page show strange runs.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

DATABASE = os.environ.get("TEST_DATABASE_URL", "")


def redis_of(url: str, process: str) -> str:
    """Return the address for the process `gw0`, `gw1` ... of pytest-xdist: databases in a row."""
    if not url or not process:
        return url
    address = urlsplit(url)
    number = int(address.path.strip("/") or 0) + int(process.removeprefix("gw"))
    return address._replace(path=f"/{number}").geturl()


REDIS = redis_of(os.environ.get("TEST_REDIS_URL", ""), os.environ.get("PYTEST_XDIST_WORKER", ""))
