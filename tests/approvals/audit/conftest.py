"""Fixtures of the tests of the audit."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from approvals.audit.seals import seal_new
from approvals.models import Decision
from tests.support.factories import make_request
from tests.support.people import decide


@pytest.fixture
def decisions(alice: User, bob: User) -> list[Decision]:
    """Return three sealed answers of two people."""
    made = [decide(user, make_request()).decision for user in (alice, bob, alice)]
    seal_new()
    return made
