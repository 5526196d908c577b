"""Fixtures of the tests of commands."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.workflows.management.commands import amounts, anything
from workflows.engine import Workflow, registry


@pytest.fixture(autouse=True)
def own_flows() -> Iterator[None]:
    own = (Workflow("t-amounts", steps=[amounts]), Workflow("t-any", steps=[anything]))
    for workflow in own:
        registry.register(workflow)
    yield
    for workflow in own:
        registry.unregister(workflow.name)
