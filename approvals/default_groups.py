"""The two default groups of a site."""

from __future__ import annotations

from typing import Any

from workflows.models.permissions import Perm

REVIEWERS = (Perm.START_RUNS, Perm.DECIDE)
OPERATORS = (
    *REVIEWERS,
    Perm.SEE_ALL_RUNS,
    Perm.OPERATE_RUNS,
    Perm.SEE_ALL_REQUESTS,
)


def make_groups(**kwargs: Any) -> None:
    """Make `reviewers` and `operators` after a migration, if they do not exist.

    Existing groups are not changed.
    """
    from django.contrib.auth.models import Group, Permission

    for name, labels in (("reviewers", REVIEWERS), ("operators", OPERATORS)):
        group, made = Group.objects.get_or_create(name=name)
        if not made:
            continue
        for label in labels:
            app, codename = label.split(".")
            group.permissions.add(
                Permission.objects.get(content_type__app_label=app, codename=codename)
            )
