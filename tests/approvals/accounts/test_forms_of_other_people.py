"""A form is neither sent nor shown to another person than its owner."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User

from approvals.accounts.unsent_forms.unsent_form import KEY
from tests.approvals.accounts.browser import (
    NAMES,
    WORDS,
    WRITTEN,
    Browser,
    everything,
    forms,
    holds,
    resend_as_alice,
)
from tests.support.clients import HTMX, text, url
from tests.support.factories import make_run
from workflows.models import InputRequest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


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
