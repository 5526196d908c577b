"""SQL that changes decisions, and the output of `manage.py verify_decisions`."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

TABLE = "approvals_decision"


def sql(statement: str, *params: Any) -> None:
    """Run SQL, as somebody with access to the database can."""
    with connection.cursor() as cursor:
        cursor.execute(statement, params)


def verify(*options: str) -> str:
    """Return the output of the command for unchanged decisions."""
    out = StringIO()
    call_command("verify_decisions", *options, stdout=out)
    return out.getvalue()


def faults(*options: str) -> str:
    """Return the output of the command for changed decisions."""
    out = StringIO()
    with pytest.raises(CommandError, match="wrong") as caught:
        call_command("verify_decisions", *options, stdout=out)
    assert caught.value.returncode == 1
    return out.getvalue()


NO_TIME = {
    "sqlite": ["yesterday", "2026-13-45 00:00:00"],
    "postgresql": ["infinity", "12026-01-01 00:00:00+00", "0100-01-01 00:00:00+00 BC"],
}[connection.vendor]
