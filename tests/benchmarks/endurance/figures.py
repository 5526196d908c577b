"""Measurements of a process by the operating system, and limits for their growth."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

MEMORY = 10.0  # MB by which a process may grow
HEAP = 2.0  # MB by which the page may grow
SLACK = 4  # threads or files that are open for a short time
WAL = 8.0  # MB that SQLite leaves between two checkpoints


@dataclass(frozen=True, slots=True)
class Figures:
    """The measurements of one process at one time; `rss` in MB."""

    rss: float
    threads: int
    files: int

    @classmethod
    def of(cls, pid: int) -> Figures:
        """Measure a process of this machine."""
        status = Path(f"/proc/{pid}/status").read_text()
        found = dict(re.findall(r"^(VmRSS|Threads):\s+(\d+)", status, re.MULTILINE))
        files = len(os.listdir(f"/proc/{pid}/fd"))
        return cls(int(found["VmRSS"]) / 1024, int(found["Threads"]), files)


@dataclass(frozen=True, slots=True)
class Moment:
    """All measurements after a number of cycles; sizes in MB."""

    cycles: int
    rate: float
    processes: dict[str, Figures]
    wal: float
    database: float
    heap: float | None = None

    def __str__(self) -> str:
        each = "  ".join(
            f"{name} {one.rss:6.1f} MB {one.threads:3} threads {one.files:3} files"
            for name, one in self.processes.items()
        )
        heap = "no page" if self.heap is None else f"page {self.heap:5.2f} MB"
        return (
            f"{self.cycles:>7,} cycles  {self.rate:5.0f}/s  {each}  WAL {self.wal:5.1f} MB  "
            f"database {self.database:6.1f} MB  {heap}"
        )


@dataclass(slots=True)
class Growth:
    """All measurements of one mode, and the faults between the second and the last."""

    moments: list[Moment] = field(default_factory=list)

    def faults(self) -> Iterator[str]:
        """Yield what grew by more than its limit, between a fifth of the cycles and all of them."""
        early, late = self.moments[1], self.moments[-1]
        for name, after in late.processes.items():
            before = early.processes[name]
            if after.rss - before.rss > MEMORY:
                yield f"{name}: memory grew by {after.rss - before.rss:.1f} MB."
            if after.threads - before.threads > SLACK:
                yield f"{name}: {after.threads - before.threads} more threads."
            if after.files - before.files > SLACK:
                yield f"{name}: {after.files - before.files} more open files."
        if late.wal - early.wal > WAL:
            yield f"The write-ahead log grew by {late.wal - early.wal:.1f} MB."
        if early.heap is not None and late.heap is not None and late.heap - early.heap > HEAP:
            yield f"The page's heap grew by {late.heap - early.heap:.2f} MB."
