"""`make soak-memory`: which growth is a fault, and how a process is measured."""

from __future__ import annotations

import os
from typing import Any

from tests.benchmarks.endurance.figures import Figures, Growth, Moment


def moment(rss: float = 100.0, threads: int = 9, files: int = 30, **others: Any) -> Moment:
    one = {"wal": 4.0, "database": 50.0, "heap": 2.5} | others
    return Moment(1000, 50.0, {"web": Figures(rss, threads, files)}, **one)


def faults(early: Moment, late: Moment) -> list[str]:
    return list(Growth([moment(), early, moment(), late]).faults())


def test_growth_within_the_limits_is_not_a_fault() -> None:
    late = moment(109.0, 12, 33, wal=9.0, heap=4.0, database=900.0)
    assert faults(moment(), late) == []


def test_growth_above_a_limit_is_named() -> None:
    late = moment(111.0, 20, 60, wal=30.0, heap=5.0)
    assert faults(moment(), late) == [
        "web: memory grew by 11.0 MB.",
        "web: 11 more threads.",
        "web: 30 more open files.",
        "The write-ahead log grew by 26.0 MB.",
        "The page's heap grew by 2.50 MB.",
    ]


def test_without_a_browser_the_page_is_left_out() -> None:
    late = moment(heap=None)
    assert faults(moment(heap=None), late) == []
    assert "no page" in str(late)


def test_a_process_is_measured() -> None:
    own = Figures.of(os.getpid())
    assert own.rss > 10
    assert own.threads >= 1
    assert own.files >= 3
