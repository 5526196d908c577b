"""A fixture of the engine's tests: the registry is restored after each test."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from workflows.engine import Workflow, registry


@pytest.fixture
def register() -> Iterator[Callable[[Workflow], Workflow]]:
    """Return a function that registers a workflow until the test ends."""
    known = set(registry.names())
    yield registry.register
    for name in set(registry.names()) - known:
        registry.unregister(name)
