"""Clients with a login, and functions that read their pages."""

from __future__ import annotations

import re
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.test import Client
from django.utils import timezone

from workflows.models import InputRequest

HTMX = {"HX-Request": "true"}


def desk_of(user: User) -> Client:
    """Return a client in which `user` is logged in."""
    client = Client()
    client.force_login(user)
    return client


def rows(response: Any) -> list[str]:
    """Return the ids of the rows on a page, in the order of the page."""
    return re.findall(r'data-request="([^"]+)"', response.content.decode())


def ids(*requests: InputRequest) -> list[str]:
    """Return what `rows` gives for these requests."""
    return [str(request.id) for request in requests]


def url(request: InputRequest, end: str = "") -> str:
    """Return the address of a request, or an address below it."""
    return f"/requests/{request.id}/{end}"


def text(response: Any) -> str:
    """Return the text of a page: without tags, with single spaces."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def ago(**length: float) -> datetime:
    """Return a moment in the past: `ago(hours=2)`."""
    return timezone.now() - timedelta(**length)


def field(response: Any, name: str) -> str:
    """Return the value of an input of a page."""
    pattern = rf'<input[^>]*\sname="{re.escape(name)}"[^>]*\svalue="([^"]*)"'
    found = re.search(pattern, response.content.decode())
    assert found, name
    return found[1]
