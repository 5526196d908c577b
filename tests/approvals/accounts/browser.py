"""One browser with several open pages, and all forms of the site."""

from __future__ import annotations

import html
import re
from typing import Any

from django.test import Client

from approvals.bulk_page.page import kind_of
from approvals.models import Comment, Draft, Preferences
from tests.support.clients import field, url
from tests.support.factories import BARE
from workflows.models import InputRequest, WorkflowRun

ORIGIN = {"Origin": "http://testserver"}


WORDS = "Not before Monday."


PASSWORD = "none of a demo"


class Browser:
    """One browser with several open pages. The server checks its CSRF tokens."""

    def __init__(self) -> None:
        self.client = Client(enforce_csrf_checks=True)
        self.client.get("/accounts/login/")

    def log_in(self, name: str, **fields: str) -> Any:
        """Log in from a tab of this browser, also if somebody is logged in."""
        token = self.client.cookies["csrftoken"].value
        said = {"username": name, "password": PASSWORD, "csrfmiddlewaretoken": token} | fields
        return self.client.post("/accounts/login/", said, headers=ORIGIN)

    def open(self, address: str) -> dict[str, str]:
        """Return the hidden fields that a form of this page sends."""
        page = self.client.get(address)
        assert page.status_code == 200
        return {name: field(page, name) for name in ("csrfmiddlewaretoken", "_form_owner")}

    def end_login(self) -> None:
        del self.client.cookies["sessionid"]

    def post(self, address: str, fields: dict[str, Any], **headers: str) -> Any:
        return self.client.post(address, fields, headers=ORIGIN | headers)


Form = tuple[str, str, dict[str, Any]]  # its address, its page, and what is typed


def forms(row: InputRequest) -> dict[str, Form]:
    """Return every form of the site that a person can send."""
    page = url(row)
    run = row.run.get_absolute_url()
    batch = f"/requests/decide/?_id={row.id}"
    comment = f"g.{kind_of(row)}.comment"
    return {
        "decide": (url(row, "decide/"), page, {"verdict": "approve", "comment": WORDS}),
        "draft": (url(row, "draft/"), page, {"comment": WORDS}),
        "comment": (url(row, "comments/"), page, {"said": WORDS}),
        "reassign": (url(row, "reassign/"), page, {"to": WORDS}),
        "claim": (url(row, "claim/"), page, {}),
        "release": (url(row, "release/"), page, {}),
        "reask": (url(row, "reask/"), page, {}),
        "undo": (url(row, "undo/"), page, {}),
        "batch": (batch, batch, {"_id": str(row.id), "_go": f"{kind_of(row)}:approve",
                                 f"_digest.{row.id}": row.version, comment: WORDS}),
        "start": (f"/workflows/{BARE.name}/start/", f"/workflows/{BARE.name}/", {"_json": WORDS}),
        "cancel": (f"{run}cancel/", run, {}),
        "account": ("/accounts/", "/accounts/", {"time_zone": "Asia/Tokyo"}),
        "log out": ("/accounts/logout/", "/", {}),
    }  # fmt: skip


NAMES = [
    "decide", "draft", "comment", "reassign", "claim", "release", "reask", "undo", "batch",
    "start", "cancel", "account", "log out",
]  # fmt: skip


WRITTEN = {"decide", "draft", "comment", "reassign", "batch", "start"}


def everything() -> list[Any]:
    models = (InputRequest, WorkflowRun, Comment, Draft, Preferences)
    return [list(model._default_manager.order_by("pk").values()) for model in models]


def holds(page: Any, name: str) -> bool:
    """Return True if a form of the page contains the text."""
    source = html.unescape(page.content.decode())
    if name == "account":
        return '<option value="Asia/Tokyo" selected>' in source
    return bool(re.search(rf'(value="|<textarea[^>]*>\s*){re.escape(WORDS)}', source))


def resend_as_alice(browser: Browser, refused: Any, page: str, name: str) -> None:
    """Press the button of the refusal, log in, and check that the text is in its form."""
    names = ("csrfmiddlewaretoken", "_form_owner", "next", "_unsent")
    part = refused.content.decode().rpartition("<form")[2]
    fields = {}
    for one in names:
        found = re.search(rf'name="{one}" value="([^"]*)"', part)
        assert found, one
        fields[one] = html.unescape(found[1])
    out = browser.post("/accounts/logout/", fields)
    assert out["Location"].startswith("/accounts/login/?next=") or len(page) > 2048
    browser.log_in("alice", next=page)
    assert holds(browser.client.get(page), name)
