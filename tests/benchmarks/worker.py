"""A worker in a separate process that prints how much memory it uses after several polls."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from pathlib import Path

from tests.benchmarks.peers.measure import options
from workflows.worker import Worker

LONGEST = 3.3
"""Seconds after which a worker, which polls once a second, has loaded everything that it keeps."""


def resident() -> int:
    """Return the bytes of memory that this process uses, after a garbage collection."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def work(seconds: float) -> int:
    """Run a worker for this time, and return its memory."""
    worker = Worker()
    serving = asyncio.create_task(worker.serve())
    await asyncio.sleep(seconds)
    held = resident()
    await worker.drain()
    await serving
    return held


def main() -> None:
    """Print the bytes."""
    sys.stdout.write(str(asyncio.run(work(min(LONGEST, 2 * options().seconds)))))
