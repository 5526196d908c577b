# ruff: noqa: E501  hostile texts must not be wrapped
"""Any input at any address, sent as any person, gets a response with a status below 500.

The addresses come from the URL configuration, so that new ones are tested automatically. Run this
on both databases: PostgreSQL refuses characters and numbers that SQLite accepts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any
from urllib.parse import quote

import pytest
from django.db import transaction
from django.test import Client

from tests.approvals.test_permissions import address
from tests.routes import Route, routes
from tests.support.factories import BARE, TYPED, registered
from tests.support.permission_matrix import World

pytestmark = pytest.mark.django_db

ID = "00000000-0000-0000-0000-000000000000"
YEARS = ("0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59.999999-23:59", "0001-01-01T00:00:00Z")
VALUES = [
    "%00", "a%00b", "%FF%FE", "%ED%A0%80", "%F0%9F%98%80", "%E2%80%AE", "-1", "0", "NaN", "inf",
    "1e400", "9" * 30, "9" * 5000, "1" + "0" * 18, "\u0661", "'\"<>&;", "%25", "[]", "{}", "null",
    ID, f"{ID}0", "a" * 5000, "..%2F..", "%0D%0AX:1", "True", ",,,", "1,%00", "nothing", "",
    *(quote(f"{year}_{ID}") for year in YEARS), *(quote(f"9_{year}_{ID}") for year in YEARS),
    quote(f"99999_{YEARS[2]}_{ID}"), f"_{ID}", "2026-01-01", "0000-00-00", "10000-01-01",
]  # fmt: skip
NAMES = [
    "q", "p", "o", "e", "all", "after", "older", "newer", "status", "status__exact", "workflow",
    "tag", "priority", "priority__exact", "mine", "closed", "open", "next", "page", "id__exact",
    "run__id__exact", "request__run__id__exact", "created_at__gte", "created_at__lt", "id__in",
    "deadline__isnull", "kind__exact", "user__id__exact", "run", "step", "_popup", "_to_field",
    "_changelist_filters", "ip_address", "username", "nothing__at__all", "pk", "id", "since",
]  # fmt: skip
FIELDS = [
    "username", "password", "next", "time_zone", "keys_on", "old_password", "new_password1",
    "verdict", "comment", "text", "said", "to", "_id", "_digest", "_go", "_key", "_edit.claimed",
    "approved", "amount", "reason", "note", "action", "_selected_action", "index", "select_across",
    "csrfmiddlewaretoken", "workflow", "event", "priority", "users", "groups", "name", "q",
]  # fmt: skip
HEADERS = [
    {"Accept-Language": "\u00ff,;q=x,-,*;q=9e999," + "a-" * 5000},
    {"Accept-Language": "../../etc/passwd, en-%00"},
    {"Cookie": "sessionid=%00\x01; csrftoken=\u00ff; messages=junk:a:b; =; ;;"},
    {"Cookie": "sessionid=" + "a" * 4000},
    {"HX-Request": "true", "HX-Current-URL": "http://[::1/%00"},
    {"HX-Request": "true", "HX-Current-URL": "http://testserver:99999/\u00ff", "HX-Trigger": "filters"},
    {"HX-Request": "true", "HX-Current-URL": "http://testserver/%ff?q=%00", "HX-Trigger": "filters"},
    {"If-Modified-Since": "Mon, 99 Foo 99999999999 99:99:99 GMT", "Range": "bytes=-,9-1"},
    {"Authorization": "Bearer \u00ff\u0001", "X-Forwarded-For": "\u00ff,,[,", "Referer": "http://["},
]  # fmt: skip
BODIES = [
    ("application/x-www-form-urlencoded; charset=utf-7", b"+AGE-=+AGE-"),
    ("application/x-www-form-urlencoded; charset=nothing", b"a=b"),
    ("application/x-www-form-urlencoded; charset=utf-16", b"a=b"),
    ("application/x-www-form-urlencoded; charset=base64", b"a=b"),
    ("application/x-www-form-urlencoded; charset=idna", b"a=%ff..%00"),
    ("application/x-www-form-urlencoded", b"%ff=%ff&\xff\xfe=\x00&verdict=%00&said=%00&=&&;"),
    ("application/x-www-form-urlencoded", b"&".join([b"a=b"] * 2000)),
    ("multipart/form-data", b"--x\r\n"),
    ("multipart/form-data; boundary=", b"--\r\n"),
    ("multipart/form-data; boundary=\xff", b"--\xff\r\n"),
    ("multipart/form-data; boundary=x; charset=utf-7", b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n+\r\n--x--\r\n'),
    ("multipart/form-data; boundary=x", b"--x\r\nContent-Disposition: form-data; name=\r\n\r\n\r\n--x"),
    ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name="a"; filename="\x00"\r\nContent-Transfer-Encoding: base64\r\n\r\n*\r\n--x--\r\n'),
    ("multipart/form-data; boundary=x", b'--x\r\nContent-Disposition: form-data; name*=utf-7\'\'%ff\r\n\r\na\r\n--x--\r\n'),
    ("application/json", b"\xff[" + b"[" * 5000),
    ("text/plain; charset=\xff", b"\xff"),
    ("", b"a"),
]  # fmt: skip
ALL = [one for one in routes() if one.name[:6] != "admin:" or one.name.endswith("_changelist")]
"""Our own addresses, and the lists of the admin. Its other pages are Django's, and all alike."""

PAGED = ("q", "p", "after", "older", "newer")


def is_list(route: Route) -> bool:
    """Return True if the address shows a list with pages."""
    return route.name.endswith(("_changelist", "inbox", "answered", ":runs", "attention"))


Ask = Callable[[Client], Any]


@pytest.fixture
def world() -> Iterator[World]:
    with registered(BARE, TYPED):
        yield World.make()


def failures(world: World, asks: dict[str, Ask], *people: str) -> list[str]:
    """Send each request as these people, undo its effects, and return those with a server error."""
    found = []
    for person in people or ("root",):
        client = Client(raise_request_exception=False)
        if person != "anon":
            client.force_login(world.people[person])
        cookies = client.cookies.output()
        for name, ask in asks.items():
            with transaction.atomic():
                response = ask(client)
                transaction.set_rollback(True)
            if response.status_code >= 500:
                found.append(f"{person}: {response.status_code} for {name[:200]}")
            if client.cookies.output() != cookies and person != "anon":
                client.force_login(world.people[person])
                cookies = client.cookies.output()
    return found


@pytest.mark.parametrize("route", ALL, ids=str)
def test_no_parameter_causes_a_server_error(route: Route, world: World) -> None:
    path = address(route, world)
    queries = ["&".join(f"{name}={value}" for name in NAMES) for value in ("%00", "9" * 30, "%FF")]
    if is_list(route):
        queries += [f"{name}=%00" for name in NAMES]
        queries += [f"{name}={value}" for name in PAGED for value in VALUES]
    queries += ["=%00&%00=%00", "%ff=%ff", "&&&==&", "a" * 9000, "q=1&q=%00&q="]
    asks: dict[str, Ask] = {
        f"{path}?{q}": partial(lambda q, c: c.get(f"{path}?{q}"), q) for q in queries
    }
    assert failures(world, asks) == []


@pytest.mark.parametrize("route", ALL, ids=str)
def test_no_field_causes_a_server_error(route: Route, world: World) -> None:
    path = address(route, world)
    values = ["\x00", "\udcff", "9" * 5000, "NaN", "a" * 300, ""]
    asks: dict[str, Ask] = {}
    for value in (one.encode(errors="surrogateescape") for one in values):
        body = "&".join(f"{name}={quote(value)}" for name in FIELDS)
        asks[f"{path} {value!r}"] = partial(_post, path, "application/x-www-form-urlencoded", body)
    assert failures(world, asks) == []


@pytest.mark.parametrize("route", ALL, ids=str)
def test_no_body_or_header_causes_a_server_error(route: Route, world: World) -> None:
    path = address(route, world)
    asks: dict[str, Ask] = {
        f"{path} {kind} {body[:40]!r}": partial(_post, path, kind, body) for kind, body in BODIES
    }
    for n, headers in enumerate(HEADERS):
        asks[f"{path} headers {n}"] = partial(lambda h, c: c.get(path, headers=h), headers)
        asks[f"{path} post headers {n}"] = partial(lambda h, c: c.post(path, headers=h), headers)
    asks[f"{path} other methods"] = lambda client: client.generic("PATCH", path)
    asks[f"{path} unheard method"] = lambda client: client.generic("X\x00", path)
    assert failures(world, asks) == []


PLACES = [
    "/{}", "/ws/{}/", "/requests/{}/", "/runs/{}/",
    "/runs/{}/cancel/", "/workflows/{}/", "/workflows/{}/start/", "/admin/workflows/workflowrun/{}/change/",
    "/admin/workflows/inputrequest/{}/change/", "/admin/approvals/decision/{}/change/",
    "/admin/auth/user/{}/change/", "/admin/auth/user/{}/password/", "/admin/{}/", "/static/{}",
    "/accounts/{}/", "/admin/r/{}/1/", "/admin/jsi18n/{}", "/admin/autocomplete/?app_label={}",
    "/admin/autocomplete/?app_label=workflows&model_name=route&field_name={}&term={}",
]  # fmt: skip


@pytest.mark.parametrize("place", PLACES)
def test_no_name_in_an_address_causes_a_server_error(place: str, world: World) -> None:
    paths = [place.format(*[value] * 2) for value in VALUES[::4] if "{" in place]
    asks: dict[str, Ask] = {path: partial(lambda p, c: c.get(p), path) for path in paths}
    asks |= {f"POST {path}": partial(_post, path, "text/plain", b"") for path in paths}
    assert failures(world, asks, "anon", "root") == []


def _post(path: str, kind: str, body: Any, client: Client) -> Any:
    return client.generic("POST", path, body, content_type=kind)
