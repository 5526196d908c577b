"""Fixtures that run workers, register workflows, and make people."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client

from tests.support import flows
from tests.support.clients import desk_of
from tests.support.factories import BARE, TYPED, make_reviewer, registered
from workflows.engine import Workflow, registry
from workflows.worker import Worker


@pytest.fixture
def drive(transactional_db: None) -> Callable[[], None]:
    """Return a function that runs all runs with a new worker until all are idle."""

    def run() -> None:
        asyncio.run(Worker().run_until_idle())
        connections.close_all()

    return run


@pytest.fixture
def register() -> Iterator[Callable[[Workflow], Workflow]]:
    """Return a function that registers a workflow until the test ends."""
    names: list[str] = []

    def add(workflow: Workflow) -> Workflow:
        names.append(registry.register(workflow).name)
        return workflow

    yield add
    for name in names:
        registry.unregister(name)


@pytest.fixture
def known(register: Callable[[Workflow], Workflow]) -> None:
    """Register the workflows of `tests.support.flows`, with no step set to raise."""
    for workflow in flows.ALL:
        register(workflow)
    flows.calls.clear()
    flows.broken.clear()


@pytest.fixture
def answerable() -> Iterator[None]:
    """Register the workflows of the requests that the factories make."""
    with registered(BARE, TYPED):
        yield


@pytest.fixture
def alice(db: None) -> User:
    """A reviewer."""
    return make_reviewer("alice")


@pytest.fixture
def bob(db: None) -> User:
    """Another reviewer."""
    return make_reviewer("bob")


@pytest.fixture
def desk(alice: User) -> Client:
    """A client in which alice is logged in."""
    return desk_of(alice)
