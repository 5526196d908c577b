"""Who may see a request in memory is who may see it by the database."""

from __future__ import annotations

from random import Random

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.contrib.sessions.backends.db import SessionStore

from tests.support.factories import make_request, make_user
from tests.support.sockets import sign_in
from workflows.models import Assignment, InputRequest
from workflows.models.requests.audience import Audience, Viewer, audience_of, audiences_of
from workflows.sockets.logins import viewers_of

pytestmark = pytest.mark.django_db

PERMISSIONS = (
    "approvals.add_decision", "workflows.view_inputrequest", "workflows.view_workflowrun",
)  # fmt: skip
PEOPLE, GROUPS, REQUESTS = 10, 4, 14


def viewer_of(user: User) -> Viewer:
    """Return the person as the sockets know them."""
    key = sign_in(user).session.session_key
    assert key is not None
    return viewers_of([key])[key]


def some_group(random: Random, number: int) -> Group:
    """Return a group with random permissions."""
    group = Group.objects.create(name=f"group {number}")
    for name in PERMISSIONS:
        if random.random() < 0.1:
            group.permissions.add(Permission.objects.get(codename=name.split(".")[1]))
    return group


def some_person(random: Random, number: int, groups: list[Group]) -> User:
    """Return a person with random permissions, in random groups, who may see everything."""
    given = [name for name in PERMISSIONS if random.random() < (0.1, 0.7)["decision" in name]]
    user = make_user(f"person {number}", *given, is_superuser=random.random() < 0.1)
    user.groups.set([one for one in groups if random.random() < 0.3])
    return user


def some_request(random: Random, people: list[User], groups: list[Group]) -> InputRequest:
    """Return a request of random people and groups, of nobody at times, or of everybody."""
    request = make_request(assigned=random.random() < 0.8)
    if request.assigned:
        names = random.sample([*people, *groups], random.choice((0, 1, 1, 2, 4)))
        for one in names:
            field = "group" if isinstance(one, Group) else "user"
            Assignment.objects.create(request=request, **{field: one})
    return request


@pytest.mark.parametrize("seed", range(6))
def test_the_audience_is_who_may_see_the_request(seed: int) -> None:
    random = Random(seed)
    groups = [some_group(random, number) for number in range(GROUPS)]
    people = [some_person(random, number, groups) for number in range(PEOPLE)]
    requests = [some_request(random, people, groups) for _ in range(REQUESTS)]
    together = audiences_of(one.pk for one in requests if one.assigned)
    seen = hidden = 0
    for user in people:
        viewer = viewer_of(user)
        visible = set(InputRequest.objects.visible_to(user))
        assert set(InputRequest.objects.visible_to(viewer)) == visible
        for request in requests:
            audience = audience_of(request)
            assert audience == together.get(request.pk, Audience(is_open=True))
            assert audience.includes(viewer) == (request in visible), (user, request.assigned)
            assert Audience.from_dict(audience.as_dict()) == audience
        seen, hidden = seen + len(visible), hidden + len(requests) - len(visible)
    assert min(seen, hidden) > REQUESTS, "the people have to differ"


def test_an_assignment_of_a_request_for_everybody_hides_it_from_nobody() -> None:
    request = make_request(assigned=False)
    Assignment.objects.create(request=request, user=make_user("bob"))
    user = make_user("alice", "approvals.add_decision")
    assert request in InputRequest.objects.visible_to(user)
    assert audience_of(request).includes(viewer_of(user))


def test_a_viewer_is_no_other_person_whose_key_begins_alike() -> None:
    everyone = frozenset({"approvals.add_decision"})
    audience = Audience(is_open=False, users=frozenset({"12"}))
    assert audience.includes(Viewer(12, everyone, frozenset()))
    for other in (1, 2, 121):
        assert not audience.includes(Viewer(other, everyone, frozenset()))


def test_a_session_without_a_login_has_no_viewer() -> None:
    session = SessionStore()
    session["x"] = 1
    session.create()
    assert session.session_key
    assert viewers_of([session.session_key, "", "nonsense"]) == {}
