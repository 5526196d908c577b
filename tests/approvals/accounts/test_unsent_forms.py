"""A login that ended or changed: what was typed is given back to the same person only."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import Group, User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils.http import urlencode

from approvals.accounts.unsent_forms.unsent_form import KEY, page_behind
from approvals.bulk_page.page import kind_of
from approvals.models import Comment, Draft, Preferences
from tests.approvals.test_permissions import address
from tests.routes import Route, routes
from tests.support.clients import HTMX, desk_of, field, text, url
from tests.support.factories import BARE, make_run
from tests.support.people import again, asked_of
from tests.support.permission_matrix import World
from workflows.models import InputRequest, WorkflowRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]

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


@pytest.fixture
def browser(alice: User, bob: User) -> Browser:
    for user in (alice, bob):
        user.groups.add(Group.objects.get(name="operators"))
        user.set_password(PASSWORD)
        user.save()
    made = Browser()
    made.log_in("alice")
    return made


@pytest.fixture
def request_(db: None) -> InputRequest:
    return asked_of()


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


@pytest.mark.parametrize("fragment", [False, True], ids=["plain", "htmx"])
@pytest.mark.parametrize("name", NAMES)
def test_a_form_of_an_ended_login_is_shown_again_filled_in_and_unsent(
    browser: Browser, request_: InputRequest, name: str, fragment: bool
) -> None:
    action, page, typed = forms(request_)[name]
    hidden = browser.open(page)
    browser.client.get("/accounts/")
    before = everything()
    browser.end_login()
    headers = HTMX | {"HX-Current-URL": f"http://testserver{page}"} if fragment else {}
    answer = browser.post(action, typed | hidden, **headers)
    to_login = answer["HX-Redirect" if fragment else "Location"]
    assert to_login == f"/accounts/login/?{urlencode({'next': page}).replace('%2F', '/')}"
    back = browser.log_in("alice", next=page)
    assert back["Location"] == page
    shown = browser.client.get(page)
    assert shown.status_code == 200
    assert "Your login had ended" in text(shown)
    if name in WRITTEN | {"account"}:
        assert holds(shown, name)
    else:
        assert "Press the button again" in text(shown)
    assert everything() == before, "a login sends nothing"


@pytest.mark.parametrize("name", NAMES)
def test_a_kept_form_is_not_shown_to_another_person(
    browser: Browser, request_: InputRequest, name: str
) -> None:
    action, page, typed = forms(request_)[name]
    hidden = browser.open(page)
    before = everything()
    browser.end_login()
    browser.post(action, typed | hidden)
    browser.log_in("bob", next=page)
    shown = browser.client.get(page)
    assert "belongs to somebody else" in text(shown)
    assert not holds(shown, name)
    assert WORDS not in text(shown)
    assert KEY not in browser.client.session
    assert everything()[:-1] == before[:-1], "all but the preferences, which a visit creates"


@pytest.mark.parametrize("token", ["stale", "fresh"])
@pytest.mark.parametrize("fragment", [False, True], ids=["plain", "htmx"])
@pytest.mark.parametrize("name", NAMES)
def test_a_form_of_alice_is_not_sent_as_bob(
    browser: Browser, request_: InputRequest, name: str, fragment: bool, token: str
) -> None:
    action, page, typed = forms(request_)[name]
    hidden = browser.open(page)
    browser.log_in("bob")
    before = everything()
    if token == "fresh":  # the script of the page takes it from the cookie
        hidden["csrfmiddlewaretoken"] = browser.client.cookies["csrftoken"].value
    answer = browser.post(action, typed | hidden, **(HTMX if fragment else {}))
    assert answer.status_code == 409
    assert "You are now logged in as bob" in text(answer)
    assert "alice" in text(answer)
    assert everything() == before
    if fragment:
        assert (answer["HX-Retarget"], answer["HX-Reswap"]) == ("#login-alert", "innerHTML")
    elif name in WRITTEN:
        assert WORDS in text(answer), "so that she can copy it"
        resend_as_alice(browser, answer, page, name)


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


@pytest.mark.parametrize("address", ["/", "request"])
def test_a_page_of_alice_shows_no_data_of_bob(
    browser: Browser, request_: InputRequest, address: str
) -> None:
    address = url(request_) if address == "request" else address
    form_owner = browser.open("/")["_form_owner"]
    browser.log_in("bob")
    answer = browser.client.get(address, headers=HTMX | {"X-Form-Owner": form_owner})
    assert answer.status_code == 409
    assert request_.prompt not in text(answer)
    assert answer["HX-Retarget"] == "#login-alert"


@pytest.mark.parametrize("name", sorted(WRITTEN))
def test_a_form_from_before_a_new_login_of_the_same_person_is_shown_again(
    browser: Browser, request_: InputRequest, name: str
) -> None:
    action, page, typed = forms(request_)[name]
    hidden = browser.open(page)
    browser.log_in("alice")
    before = everything()
    answer = browser.post(action, typed | hidden)
    assert (answer.status_code, answer["Location"]) == (303, page)
    shown = browser.client.get(page)
    assert "older than your login" in text(shown)
    assert holds(shown, name)
    assert everything() == before
    fragment = browser.post(action, typed | hidden, **HTMX)
    assert (fragment.status_code, fragment["X-CSRF-Retry"]) == (403, "1")


def test_a_kept_form_is_deleted_when_it_is_sent(browser: Browser, request_: InputRequest) -> None:
    action, page, typed = forms(request_)["decide"]
    hidden = browser.open(page)
    browser.end_login()
    browser.post(action, typed | hidden)
    browser.log_in("alice", next=page)
    browser.post(url(request_, "claim/"), browser.open(page))
    assert holds(browser.client.get(page), "decide"), "another form of the page was sent"
    assert browser.post(action, typed | browser.open(page)).status_code == 303
    assert again(request_).response == {"approved": True, "comment": WORDS}
    assert KEY not in browser.client.session


def test_a_run_that_is_started_again_after_a_new_login_keeps_its_authors(
    browser: Browser, bob: User
) -> None:
    first = WorkflowRun.objects.start(BARE, {}, by=bob)
    page = f"/workflows/{BARE.name}/"
    hidden = browser.open(f"{page}?repeats={first.pk}")
    browser.end_login()
    browser.post(f"{page}start/", hidden | {"_repeats": str(first.pk), "_json": '{"new": 1}'})
    browser.log_in("alice", next=page)
    sent = browser.open(page) | {"_repeats": field(browser.client.get(page), "_repeats")}
    assert browser.post(f"{page}start/", sent | {"_json": '{"new": 1}'}).status_code == 303
    assert WorkflowRun.objects.exclude(pk=first.pk).get().has_author(bob)


@pytest.mark.parametrize(
    "origin", ["https://evil.example", "http://testserver.evil.example", "null", ""]
)
def test_another_site_cannot_fill_in_a_form(
    browser: Browser, request_: InputRequest, origin: str
) -> None:
    action, page, typed = forms(request_)["decide"]
    hidden = browser.open(page) | {"csrfmiddlewaretoken": "x" * 64}
    headers = {"Origin": origin} if origin else {}
    answer = browser.client.post(action, typed | hidden, headers=headers)
    assert answer.status_code == 403
    assert not holds(browser.client.get(page), "decide")


@pytest.mark.parametrize("claimed", ["", "1", "{pk}:forged", "{pk}"])
def test_only_a_form_made_for_a_person_is_kept(
    browser: Browser, alice: User, request_: InputRequest, claimed: str
) -> None:
    action, page, typed = forms(request_)["decide"]
    hidden = browser.open(page) | {"_form_owner": claimed.format(pk=alice.pk)}
    browser.end_login()
    assert browser.post(action, typed | hidden)["Location"].startswith("/accounts/login/")
    assert KEY not in browser.client.session
    browser.log_in("alice")
    assert not holds(browser.client.get(page), "decide")


def test_a_password_and_a_file_are_not_kept(browser: Browser, alice: User) -> None:
    hidden = browser.open("/accounts/password/")
    browser.end_login()
    secret = {"old_password": PASSWORD, "new_password1": "s3cret s3cret"}
    browser.post("/accounts/password/", secret | hidden)
    assert "s3cret" not in str(dict(browser.client.session.items()))
    browser.log_in("alice")
    page = f"/workflows/{BARE.name}/"
    hidden = browser.open(page)
    browser.end_login()
    file = SimpleUploadedFile("claims.csv", b"claim,amount")
    browser.post(f"{page}start/", {"_json": "{}", "_file.text": file} | hidden)
    browser.log_in("alice")
    assert "Choose the file again: claims.csv" in text(browser.client.get(page))


def test_a_text_above_the_limit_is_not_kept_and_the_page_shows_this(
    browser: Browser, request_: InputRequest, settings: Any
) -> None:
    settings.PAYLOAD_MAX_BYTES = settings.ANSWER_MAX_BYTES = 100
    action, page, typed = forms(request_)["decide"]
    hidden = browser.open(page)
    browser.end_login()
    browser.post(action, typed | hidden | {"comment": "x" * 70_000})
    browser.log_in("alice")
    shown = text(browser.client.get(page))
    assert "what you typed could not be kept" in shown


def test_the_login_form_of_an_old_tab_logs_in_the_person_who_sends_it(browser: Browser) -> None:
    assert browser.log_in("bob").status_code == 302
    assert browser.client.get("/accounts/").context["user"].username == "bob"


def test_a_batch_with_an_address_that_is_too_long_for_next_is_shown_again(browser: Browser) -> None:
    """Django ignores `next` if it has more than 2,048 characters."""
    rows = [asked_of() for _ in range(60)]
    address = f"/requests/decide/?{'&'.join(f'_id={row.id}' for row in rows)}"
    typed = {"_id": str(rows[0].id), f"g.{kind_of(rows[0])}.comment": WORDS}
    hidden = browser.open(address)
    browser.end_login()
    to_login = browser.post(address, typed | hidden)["Location"]
    browser.client.get(to_login)
    back = browser.log_in("alice", next=address)
    assert back["Location"] == address
    assert holds(browser.client.get(address), "batch")
    other = browser.client.get(f"/requests/decide/?_id={rows[1].id}")
    assert not holds(other, "batch"), "it belongs to another batch"
    hidden = browser.open(address)
    browser.log_in("bob")
    hidden["csrfmiddlewaretoken"] = browser.client.cookies["csrftoken"].value
    resend_as_alice(browser, browser.post(address, typed | hidden), address, "batch")


def test_every_form_is_on_a_page_that_can_be_opened(request_: InputRequest) -> None:
    """A login redirects to the page of the form, because an address of POSTs refuses a GET."""
    ids = {"request_id": request_.id, "run_id": request_.run_id, "name": BARE.name}
    desk = desk_of(User.objects.create_superuser("root"))
    seen = 0
    for route in routes():
        if not route.name.startswith(("approvals:", "workflows:", "accounts:")):
            continue
        given = {name: value for name, value in ids.items() if f"{name}>" in route.pattern}
        given |= {route.key: route.choice} if route.key else {}
        address = reverse(route.name, kwargs=given)
        if desk.get(address).status_code == 405:
            seen += 1
            assert desk.get(page_behind(address)).status_code == 200, address
    assert seen > 8


def test_a_session_that_kept_a_form_lasts_as_long_as_any_other(
    browser: Browser, request_: InputRequest
) -> None:
    action, page, typed = forms(request_)["decide"]
    ordinary = browser.client.session.get_expiry_age()
    hidden = browser.open(page)
    browser.end_login()
    browser.post(action, typed | hidden)
    assert browser.client.session.get_expiry_age() == 3600
    browser.log_in("alice")
    assert browser.client.session.get_expiry_age() == ordinary


def test_every_form_of_every_page_has_its_form_owner(
    alice: User, request_: InputRequest, register: Callable[..., Any]
) -> None:
    alice.is_staff = alice.is_superuser = True
    alice.save()
    known = {"approvals:request": url(request_), "workflows:run": request_.run.get_absolute_url(),
             "workflows:workflow": f"/workflows/{BARE.name}/"}  # fmt: skip
    client = desk_of(alice)
    seen = 0
    for route in routes():
        address = known.get(route.name, f"/{route.pattern}")
        if "<" in address or "(" in address:
            continue
        page = client.get(address)
        if page.status_code != 200 or "text/html" not in page["Content-Type"]:
            continue
        for form in re.findall(r'<form[^>]*method="post".*?</form>', page.content.decode(), re.S):
            seen += 1
            assert 'name="_form_owner"' in form, f"{address}: {form[:200]}"
    assert seen > 20


def test_a_run_of_another_person_cannot_be_cancelled_from_an_old_tab(
    browser: Browser, bob: User
) -> None:
    run = make_run(started_by=bob)
    hidden = browser.open(run.get_absolute_url())
    browser.log_in("bob")
    hidden["csrfmiddlewaretoken"] = browser.client.cookies["csrftoken"].value
    assert browser.post(f"{run.get_absolute_url()}cancel/", hidden).status_code == 409
    run.refresh_from_db()
    assert run.status == "waiting"


def test_a_form_with_an_impossible_run_id_is_refused_without_a_login_too(browser: Browser) -> None:
    hidden = browser.open("/")
    browser.end_login()
    assert browser.post(f"/runs/{'-' * 36}/cancel/", hidden).status_code == 404


@pytest.mark.parametrize(
    "route", [one for one in routes() if not one.pattern.startswith("admin")], ids=str
)
def test_every_form_whose_login_has_ended_leads_back_to_a_page(route: Route) -> None:
    world = World.make()
    root = desk_of(world.people["root"])
    form_owner = field(root.get("/accounts/"), "_form_owner")
    answer = Client().post(address(route, world), {"_form_owner": form_owner, "said": WORDS})
    assert answer.status_code < 500
    if "/login/?next=" in answer.headers.get("Location", ""):
        page = unquote(answer["Location"].partition("next=")[2])
        assert root.get(page).status_code == 200
