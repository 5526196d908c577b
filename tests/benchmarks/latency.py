"""The time from the commit of an answer until its run has completed, at a steady rate."""

from __future__ import annotations

import asyncio
import os

from tests.benchmarks import arrivals, flows
from tests.benchmarks.peers.figures import OURS
from tests.benchmarks.peers.measure import Bench, Row
from tests.benchmarks.site import Site, open_site
from tests.benchmarks.times import FEWEST, RATE, print_percentiles, rate_of, slowness

AIMS = {50: 15.0, 99: 80.0}
"""The targets in milliseconds, by percentile."""


async def answered(site: Site, count: int) -> tuple[list[float], float]:
    """Make this number of requests and answer them; return the ms of each, and the real rate."""
    runs = await asyncio.gather(*(site.start(flows.CYCLE.name, {}) for _ in range(count)))
    requests = {run: await site.asked(run) for run in runs}
    committed = await asyncio.to_thread(
        arrivals.give, site.user, list(requests.values()), float(RATE)
    )
    ended = {run: await site.ended(run) for run in runs}
    times = [(ended[run] - committed[requests[run]]) * 1000 for run in runs]
    return times, rate_of(committed)


async def measure(bench: Bench, store: str) -> None:
    """Measure how fast the worker continues answered runs, without open pages."""
    count = max(FEWEST, int(RATE * bench.options.seconds))
    async with open_site() as site:
        await answered(site, count)
        repeats = [await answered(site, count) for _ in range(bench.options.repeats)]
    note = f"from an answer's commit until its run has completed, {RATE} answers/s."
    row = Row("latency", RATE, store, slowness(min(rate for _, rate in repeats)))
    print_percentiles(row, [times for times, _ in repeats], AIMS, note)


def main() -> None:
    """Measure the store that BENCH_STORE names: sqlite or postgresql."""
    asyncio.run(measure(Bench(OURS, "Django"), os.environ["BENCH_STORE"]))
