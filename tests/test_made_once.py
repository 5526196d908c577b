"""Objects that threads share are made once, also if several threads need them first."""

from __future__ import annotations

import ast
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from workflows.realtime.publisher_thread import PublisherThread, publisher_loop
from workflows.sqlite3.base import LOCKS, lock_of

T = TypeVar("T")
ROOT = Path(__file__).parents[1]
CACHES = {"cache", "lru_cache", "cached_property"}
SHARED = {
    "Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition", "Event", "Barrier", "Queue",
    "Thread", "Timer", "ThreadPoolExecutor", "ProcessPoolExecutor", "new_event_loop", "FairLock",
    "from_url", "connect", "socket", "create_connection",
}  # fmt: skip
THREADS = 8


@pytest.fixture
def hurried() -> Iterator[None]:
    """Make the interpreter switch threads as often as possible."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


def at_once(function: Callable[[], T]) -> list[T]:
    """Call `function` in several threads that begin together."""
    together, found = threading.Barrier(THREADS), []

    def call() -> None:
        together.wait(20)
        found.append(function())

    threads = [threading.Thread(target=call) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return found


@pytest.mark.usefixtures("hurried")
def test_a_database_file_has_one_lock() -> None:
    for n in range(200):
        file = f"a file that nobody opened yet {n}"
        found = at_once(lambda file=file: lock_of(file))  # type: ignore[misc]
        assert len({id(line) for line in found}) == 1
        del LOCKS[file]


@pytest.mark.usefixtures("hurried")
def test_threads_without_a_loop_share_one_object() -> None:
    before = PublisherThread.loop
    PublisherThread.loop = None
    try:
        assert len(set(at_once(publisher_loop))) == 1
    finally:
        if before is not None:
            PublisherThread.loop = before


def _cached(tree: ast.Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            names = {_name_of(one) for one in node.decorator_list}
            if names & CACHES:
                yield node


def _name_of(node: ast.expr) -> str:
    if isinstance(node, ast.Call):
        return _name_of(node.func)
    return node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")


def test_no_cached_function_makes_objects_that_threads_share() -> None:
    found = []
    for folder in ("workflows", "approvals", "blazen_site"):
        for file in sorted((ROOT / folder).rglob("*.py")):
            tree = ast.parse(file.read_text())
            for function in _cached(tree):
                made = {_name_of(one) for one in ast.walk(function) if isinstance(one, ast.Call)}
                if shared := made & SHARED:
                    found.append(f"{file.relative_to(ROOT)}: {function.name} makes {shared}")
            calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call)]
            found += [
                f"{file.relative_to(ROOT)}: a defaultdict makes them"
                for call in calls
                if _name_of(call) == "defaultdict" and {_name_of(one) for one in call.args} & SHARED
            ]
    assert not found, (
        "Two threads at the same time both run a cached function, or the factory of a defaultdict, "
        "and get two objects. Make the object in the module, or under a lock of the module: "
        + "; ".join(found)
    )
