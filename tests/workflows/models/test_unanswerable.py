"""The requests that nobody can answer: the fast query finds what a check of each one finds."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group, Permission, User

from tests.support.factories import make_run, make_user
from tests.support.people import asked_of
from workflows.models import InputRequest, RunAuthor, WorkflowRun
from workflows.models.permissions import Perm
from workflows.models.requests.unanswerable import deciders
from workflows.web.attention_page import AttentionPage

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]

REQUESTS = 45  # no more than the page shows


class Site:
    """People, groups, runs and requests that are made at random, with so many deciders."""

    def __init__(self, seed: int, deciding: int, seeing_all: int) -> None:
        self.random = Random(seed)
        self.groups = [Group.objects.create(name=f"group{n}") for n in range(3)]
        self.people = [make_user(f"other{n}") for n in range(2)]
        self.people += [
            self.decider(f"decider{n}", sees_all=n < seeing_all) for n in range(deciding)
        ]
        self.people += [
            make_user("auditor", Perm.SEE_ALL_REQUESTS, Perm.SEE_ALL_RUNS),
            make_user("gone", Perm.DECIDE, Perm.SEE_ALL_REQUESTS, is_active=False),
        ]
        for person in self.people:
            person.groups.add(*self.some(self.groups))
        runs = [self.run() for _ in range(15)]
        self.requests = [self.request(self.random.choice(runs), n) for n in range(REQUESTS)]

    def some(self, every: list[Any]) -> list[Any]:
        return self.random.sample(every, self.random.choice([0, 1, 1, 2]))

    def decider(self, name: str, *, sees_all: bool) -> User:
        """Make a decider, of whom nobody says how they got the permission."""
        if sees_all and self.random.random() < 0.5:
            return User.objects.create_superuser(name)
        user = make_user(name, *([Perm.SEE_ALL_REQUESTS] if sees_all else []))
        team = Group.objects.create(name=f"team of {name}")
        team.permissions.add(Permission.objects.get(codename="add_decision"))
        user.groups.add(team)
        return user

    def run(self) -> WorkflowRun:
        starter = self.random.choice([None, *self.people])
        count = self.random.choice([0, 0, 1, 2, len(self.people)])
        earlier = self.random.sample(self.people, count)
        run = make_run(started_by=starter, is_repeat=bool(earlier))
        for user in earlier:
            RunAuthor.objects.create(run=run, user=user, name=user.username)
        return run

    def request(self, run: WorkflowRun, number: int) -> InputRequest:
        closed = {"status": "cancelled"} if self.random.random() < 0.1 else {}
        assignees = [*self.some(self.people), *self.some(self.groups)]
        if self.random.random() < 0.4:
            assignees = []
        assigned = bool(assignees) or self.random.random() < 0.1
        return asked_of(
            *assignees, run=run, request_id=f"ask-{number}", assigned=assigned,
            four_eyes=self.random.random() < 0.6, **closed,
        )  # fmt: skip

    def lacking(self) -> set[InputRequest]:
        """Return the pending requests for which no person passes the checks of a decision."""
        people = [get_user_model().objects.get(pk=one.pk) for one in self.people]
        seen = {one: set(InputRequest.objects.visible_to(one)) for one in people}
        return {
            request
            for request in self.requests
            if request.status == "pending"
            and not any(
                one.has_perm(Perm.DECIDE)
                and request in seen[one]
                and not (request.four_eyes and request.run.has_author(one))
                for one in people
            )
        }


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize(
    ("deciding", "seeing_all"), [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1), (2, 2), (4, 0), (4, 1)]
)
def test_it_finds_what_a_check_of_each_request_finds(
    seed: int, deciding: int, seeing_all: int
) -> None:
    site = Site(seed, deciding, seeing_all)
    lacking = site.lacking()
    assert lacking
    assert set(InputRequest.objects.unanswerable()) == lacking
    for person in site.people:
        if person.is_active:
            seen = set(InputRequest.objects.visible_to(person))
            page = AttentionPage.of(get_user_model().objects.get(pk=person.pk))
            assert {one.request for one in page.unanswerable} == seen & lacking, person


def test_the_deciders_are_those_whom_django_finds() -> None:
    Site(1, 4, 2)
    backend = "django.contrib.auth.backends.ModelBackend"
    assert set(deciders()) == set(User.objects.with_perm(Perm.DECIDE, backend=backend)) != set()
