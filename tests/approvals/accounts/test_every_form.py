"""Every form of the site has its owner, and a page to which a login leads back."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from approvals.accounts.unsent_forms.unsent_form import page_behind
from tests.approvals.accounts.browser import (
    WORDS,
    Browser,
)
from tests.approvals.test_permissions import address
from tests.routes import Route, routes
from tests.support.clients import desk_of, field, url
from tests.support.factories import BARE
from tests.support.permission_matrix import World
from workflows.models import InputRequest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


def test_the_login_form_of_an_old_tab_logs_in_the_person_who_sends_it(browser: Browser) -> None:
    assert browser.log_in("bob").status_code == 302
    assert browser.client.get("/accounts/").context["user"].username == "bob"


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
