"""The database and the Redis that environment variables give to the tests, if any.

Parallel test processes share one PostgreSQL server and one Redis server, and each uses its own
database in both. Otherwise a worker would get wake-ups for runs of another process.
"""

from __future__ import annotations

import os
from urllib.parse import urlsplit

DATABASE = os.environ.get("TEST_DATABASE_URL", "")


def redis_of(url: str, process: str) -> str:
    """Return the address of the database for the process `gw0`, `gw1` ... of pytest-xdist."""
    if not url or not process:
        return url
    address = urlsplit(url)
    number = int(address.path.strip("/") or 0) + int(process.removeprefix("gw"))
    return address._replace(path=f"/{number}").geturl()


REDIS = redis_of(os.environ.get("TEST_REDIS_URL", ""), os.environ.get("PYTEST_XDIST_WORKER", ""))
