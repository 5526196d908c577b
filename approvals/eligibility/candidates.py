"""The people and groups that a request can be assigned to, and those that a page offers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db.models import Exists, OuterRef, QuerySet

from approvals.eligibility.checks import outside
from workflows.models import InputRequest, RunAuthor
from workflows.models.requests.assignment import Directory, name_of
from workflows.models.requests.unanswerable import deciders

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MAX_CANDIDATES = 50  # people, and groups, that a page lists to choose from


def who_can_decide(request: InputRequest) -> QuerySet[User]:
    """Return the people who could decide this request if it were assigned to them.

    They are active, may decide, and are not excluded by four eyes. The request has its run loaded.
    """
    people = deciders()
    if request.four_eyes and request.run.started_by_id is not None:
        people = people.exclude(pk=request.run.started_by_id)
        people = people.exclude(pk__in=RunAuthor.objects.filter(run=request.run_id).values("user"))
    return people


def groups_that_can_decide(request: InputRequest) -> QuerySet[Group]:
    """Return the groups with at least one member who can decide this request."""
    members = get_user_model().groups.through.objects.filter(
        group=OuterRef("pk"), user__in=who_can_decide(request)
    )
    return Group.objects.filter(Exists(members))


def unfit(request: InputRequest, names: Iterable[str], directory: Directory) -> list[str]:
    """Return those of `names` that this request cannot be assigned to.

    Unknown names and people who may not decide are treated equally, so that the caller cannot find
    out which names exist.
    """
    found = {name: next(directory.found([name]), None) for name in names}
    groups = [one.pk for one in found.values() if isinstance(one, Group)]
    people = [one.pk for one in found.values() if one and not isinstance(one, Group)]
    fit: set[object] = set(who_can_decide(request).filter(pk__in=people))
    fit |= set(groups_that_can_decide(request).filter(pk__in=groups))
    fit -= set(outside(request, [one for one in found.values() if one]))
    return [name for name, one in found.items() if one not in fit]


def candidate_names(request: InputRequest) -> list[str]:
    """Return the names to choose from: people, then groups; none if there are too many."""
    people = list(who_can_decide(request).order_by("username")[: MAX_CANDIDATES + 1])
    groups = list(groups_that_can_decide(request).order_by("name")[: MAX_CANDIDATES + 1])
    if max(len(people), len(groups)) > MAX_CANDIDATES:
        return []
    others = outside(request, [*people, *groups])
    return [name_of(one) for one in (*people, *groups) if one not in others]
