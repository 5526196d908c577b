"""What the engine's tests share: a registry that forgets."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from workflows.engine import Workflow, registry


@pytest.fixture
def register() -> Iterator[Callable[[Workflow], Workflow]]:
    """Register workflows for the length of one test."""
    known = set(registry.names())
    yield registry.register
    for name in set(registry.names()) - known:
        registry.unregister(name)
