"""Driving durable runs from a test."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from django.db import connections

from workflows.driver import Driver
from workflows.engine import Workflow, registry


@pytest.fixture
def drive(transactional_db: None) -> Callable[[], None]:
    """Drive every run that can move until none can, with a worker that knows nothing before."""

    def run() -> None:
        asyncio.run(Driver().run_until_idle())
        connections.close_all()

    return run


@pytest.fixture
def register() -> Iterator[Callable[[Workflow], Workflow]]:
    """Register workflows for the length of a test."""
    names: list[str] = []

    def add(workflow: Workflow) -> Workflow:
        names.append(registry.register(workflow).name)
        return workflow

    yield add
    for name in names:
        registry.unregister(name)
