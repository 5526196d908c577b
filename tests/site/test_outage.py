"""A page shows an error if the database fails while the page is made, at any query."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client

Execute = Callable[..., Any]


def cut_at(words: str) -> Callable[..., Any]:
    """Return a wrapper of queries that loses the connection at a query with these words."""

    def lose(execute: Execute, sql: str, params: Any, many: bool, context: Any) -> Any:
        if words in sql:
            raise OperationalError("terminating connection due to administrator command")
        return execute(sql, params, many, context)

    return lose


@pytest.mark.django_db
@pytest.mark.parametrize(
    "table", ["django_session", "auth_user", "approvals_preferences", "workflows_inputrequest"]
)
def test_a_page_whose_database_fails_during_the_request_is_unavailable(
    client: Client, table: str
) -> None:
    client.raise_request_exception = False
    client.force_login(User.objects.create_superuser("admin"))
    with connection.execute_wrapper(cut_at(f'FROM "{table}"')):
        response = client.get("/")
    assert response.status_code == 503
    assert response.headers["Retry-After"]
