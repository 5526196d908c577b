"""The time that `make run` takes until the first page, if everything was installed before."""

from __future__ import annotations

import http.client
import os
import re
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.peers.figures import OURS, Figure, print_line
from tests.benchmarks.peers.measure import options

AIM = 3.0  # seconds
SERVING = re.compile(r"Serving http://127\.0\.0\.1:(\d+)/")


@contextmanager
def make_run(folder: Path) -> Iterator[float]:
    """Run `make run`, yield the seconds until the first page, and stop it."""
    ours = {"DJANGO_SETTINGS_MODULE", "DATABASE_URL", "REDIS_URL", "DEBUG", "SECRET_KEY"}
    kept = {name: value for name, value in os.environ.items() if name not in ours}
    began = time.monotonic()
    process = subprocess.Popen(
        # Use this environment, which has all packages that it would install.
        ["make", f"VENV={sys.prefix}", f"--old-file={sys.prefix}/run.stamp", "run"],
        env=kept | {"DATA_DIR": str(folder), "PORT": "0"},
        stdout=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        assert process.stdout
        port = next(int(found[1]) for line in process.stdout if (found := SERVING.search(line)))
        open_first_page(port)
        yield time.monotonic() - began
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait()


def open_first_page(port: int) -> None:
    """Open the site without a login: the inbox redirects to the login."""
    path = "/"
    for status in (302, 200):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        connection.request("GET", path)
        response = connection.getresponse()
        assert response.status == status, f"{path} has status {response.status}"
        path = response.headers.get("Location", path)
        response.read()
        connection.close()


def main() -> None:
    """Start once to make the database, then measure."""
    folder = Path(os.environ["BENCH_FOLDER"]) / "start"
    times = []
    for _ in range(options().repeats + 1):
        with make_run(folder) as seconds:
            times.append(seconds)
    print_line(
        Figure(
            row="start-up",
            peer=OURS,
            version="",
            store="sqlite",
            at_once=1,
            figure=round(statistics.median(times[1:]), 2),
            unit="s",
            repeats=[round(one, 2) for one in times[1:]],
            aim=AIM,
            note="from `make run` to the first page, the login; not the first start.",
        )
    )


if __name__ == "__main__":
    main()
