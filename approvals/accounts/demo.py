"""Demo accounts and runs. They are made at the first start in DEBUG, and refused outside DEBUG.

The README has their password. Outside DEBUG a server does not start while an account still has this
password, and no log-in with it is accepted.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.models import Group, User
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, transaction

from workflows.flows import DEMO
from workflows.models import WorkflowRun

PASSWORD = "demo"
REVIEWERS = ("alice", "bob")
ADMIN = "admin"
NAMES = (*REVIEWERS, ADMIN)

logger = logging.getLogger(__name__)


def is_first_start() -> bool:
    """Return True if there is no account yet."""
    return not User.objects.exists()


def create_demo_data() -> int:
    """Make the demo accounts, start the example runs as the admin, and return their number.

    This is one transaction, so that it is done again if the start was interrupted. Only for DEBUG,
    because these passwords are public.
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


def unchanged_accounts() -> list[str]:
    """Return the names of the demo accounts that can still log in with the demo password."""
    users = get_user_model()
    if users._meta.db_table not in connection.introspection.table_names():
        return []  # no migrations yet, so nobody can log in
    found = users.objects.filter(username__in=NAMES, is_active=True).order_by("username")
    return [user.get_username() for user in found if check_password(PASSWORD, user.password)]


def refuse_demo_accounts() -> None:
    """Raise ImproperlyConfigured outside DEBUG if a demo account still has its password.

    It runs in a thread, because a server may load the application in its event loop, where the ORM
    cannot be used. If the database is unavailable, the server starts nevertheless.
    """
    if settings.DEBUG:
        return
    with ThreadPoolExecutor(max_workers=1) as thread:
        names = thread.submit(_in_thread).result()
    if names:
        raise ImproperlyConfigured(
            f"These accounts still have the demo password: {', '.join(names)}. Outside DEBUG "
            "give a new one with `manage.py changepassword NAME`, or deactivate the account."
        )


def unchanged_or_none() -> list[str]:
    """Return `unchanged_accounts`. If the database is unavailable, log this and return none."""
    try:
        return unchanged_accounts()
    except DatabaseError:
        logger.exception("The database is unavailable; demo accounts were not checked.")
        return []


def _in_thread() -> list[str]:
    try:
        return unchanged_or_none()
    finally:
        connection.close()
