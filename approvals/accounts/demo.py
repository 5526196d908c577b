"""The accounts that a first start in DEBUG makes, and the refusal to run in earnest with them.

Their password is printed in the README. Outside DEBUG a server that still knows it does not
start, and no such login is accepted, whatever the start could not see.
"""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import check_password
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection

from workflows.server.demo import ADMIN, PASSWORD, REVIEWERS

DEMO_NAMES = (*REVIEWERS, ADMIN)
DEMO_PASSWORD = PASSWORD

logger = logging.getLogger(__name__)


def unchanged_accounts() -> list[str]:
    """Return the names of the demo accounts that can still log in with the demo password."""
    users = get_user_model()
    if users._meta.db_table not in connection.introspection.table_names():
        return []  # nothing was migrated yet, so nobody can log in
    found = users.objects.filter(username__in=DEMO_NAMES, is_active=True).order_by("username")
    return [user.get_username() for user in found if check_password(DEMO_PASSWORD, user.password)]


def refuse_demo_accounts() -> None:
    """Raise ImproperlyConfigured outside DEBUG if a demo account still has its password.

    Runs in a thread of its own: a server may load the application inside its event loop, where
    the ORM may not be used. A database that is away is no reason not to start.
    """
    if settings.DEBUG:
        return
    with ThreadPoolExecutor(max_workers=1) as thread:
        names = thread.submit(_in_thread).result()
    if names:
        raise ImproperlyConfigured(
            f"The demo password still opens the account of {', '.join(names)}. Outside DEBUG "
            "give a new one with `manage.py changepassword NAME`, or deactivate the account."
        )


def unchanged_or_none() -> list[str]:
    """Return `unchanged_accounts`, or none, with a line in the log, if the database is away."""
    try:
        return unchanged_accounts()
    except DatabaseError:
        logger.exception("The database is away; demo accounts could not be looked for.")
        return []


def _in_thread() -> list[str]:
    try:
        return unchanged_or_none()
    finally:
        connection.close()
