"""A site in a separate process that measures durable cycles when it gets a turn."""

from __future__ import annotations

import asyncio
import sys
import time

from tests.benchmarks.growth import LANES, options
from tests.benchmarks.site import Site, open_site


async def repeat(site: Site, seconds: float) -> float:
    """Run cycles for this time, and return the rate."""
    done, began = 0, time.perf_counter()

    async def lane() -> None:
        nonlocal done
        while time.perf_counter() - began < seconds:
            await site.cycle()
            done += 1

    await asyncio.gather(*(lane() for _ in range(LANES)))
    return done / (time.perf_counter() - began)


async def take_turns(seconds: float) -> None:
    """Measure once for each line of the input, and print the figure."""
    async with open_site() as site:
        while await asyncio.to_thread(sys.stdin.readline):
            sys.stdout.write(f"{await repeat(site, seconds)}\n")
            sys.stdout.flush()


def main() -> None:
    """Take turns until the input ends."""
    asyncio.run(take_turns(options().seconds))
