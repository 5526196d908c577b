"""The demo data of a first start: three people, and runs that wait for them."""

from __future__ import annotations

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.db import transaction

from workflows.flows import DEMO
from workflows.models import WorkflowRun

PASSWORD = "demo"
REVIEWERS = ("alice", "bob")
ADMIN = "admin"


def is_first_start() -> bool:
    """Say whether nobody has an account yet."""
    return not User.objects.exists()


def create_demo_data() -> int:
    """Make the demo accounts, start the example runs as the admin, and return how many.

    All or nothing, so that a start that was interrupted is still the first one. For DEBUG only:
    everybody knows these passwords.
    """
    with transaction.atomic():
        password = make_password(PASSWORD)
        reviewers, _ = Group.objects.get_or_create(name="reviewers")
        for name in REVIEWERS:
            User.objects.create(username=name, password=password).groups.add(reviewers)
        admin = User.objects.create(
            username=ADMIN, password=password, is_staff=True, is_superuser=True
        )
        for workflow, data in DEMO:
            WorkflowRun.objects.start(workflow, data, by=admin)
    return len(DEMO)
