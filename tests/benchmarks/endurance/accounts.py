"""Makes the accounts of the clients, and prints a session key for each as JSON."""

from __future__ import annotations

import json
import sys

import django

NAMES = ("client", "onlooker")


def main() -> None:
    """Make a reviewer for each name, with a session."""
    django.setup()
    from django.contrib.auth.models import Group, User

    from tests.benchmarks.sessions import login_of

    keys = {}
    for name in NAMES:
        user, _ = User.objects.get_or_create(username=name)
        user.groups.add(Group.objects.get(name="reviewers"))
        keys[name] = login_of(user)
    sys.stdout.write(json.dumps(keys))


if __name__ == "__main__":
    main()
