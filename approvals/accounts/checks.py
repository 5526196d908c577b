"""Checks of the accounts in `manage.py check --deploy`, `check --database default`, `migrate`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register

from approvals.accounts.demo import unchanged_accounts, unchanged_or_none


@register(Tags.database)
def demo_accounts(databases: Iterable[str] | None = None, **kwargs: Any) -> list[CheckMessage]:
    """Return an error outside DEBUG while a demo account still has its password."""
    if settings.DEBUG or "default" not in (databases or ()):
        return []
    return _errors(unchanged_accounts())


@register(Tags.security, deploy=True)
def demo_accounts_of_a_deployment(
    databases: Iterable[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Return the same errors for `manage.py check --deploy`, which is called without a database."""
    if settings.DEBUG or "default" in (databases or ()):
        return []
    return _errors(unchanged_or_none())


def _errors(names: list[str]) -> list[CheckMessage]:
    return [
        Error(
            f"The account {name} still has the demo password.",
            hint=f"Type `manage.py changepassword {name}`, or deactivate it.",
            id="approvals.E001",
        )
        for name in names
    ]
