"""Fixtures of the tests of accounts."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User

from tests.approvals.accounts.browser import PASSWORD, Browser
from tests.support.people import asked_of
from workflows.models import InputRequest


@pytest.fixture
def browser(alice: User, bob: User) -> Browser:
    for user in (alice, bob):
        user.groups.add(Group.objects.get(name="operators"))
        user.set_password(PASSWORD)
        user.save()
    made = Browser()
    made.log_in("alice")
    return made


@pytest.fixture
def request_(db: None) -> InputRequest:
    return asked_of()
