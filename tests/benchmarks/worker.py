"""A worker in a process of its own that says how much memory it holds after some looks around."""

from __future__ import annotations

import asyncio
import gc
import os
import sys
from pathlib import Path

from tests.benchmarks.peers.measure import options
from workflows.worker import Worker

LONGEST = 3.3
"""Seconds after which a worker, which looks around once in each, has in memory what it keeps."""


def resident() -> int:
    """Return the bytes of this process that are in memory, without what is garbage."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


async def work(seconds: float) -> int:
    """Be a worker for so long, and return what it holds."""
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
