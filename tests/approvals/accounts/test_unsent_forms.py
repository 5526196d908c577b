"""A form whose login ended is shown again to the same person after the next login."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.utils.http import urlencode

from approvals.accounts.unsent_forms.unsent_form import KEY
from approvals.bulk_page.page import kind_of
from tests.approvals.accounts.browser import (
    NAMES,
    PASSWORD,
    WORDS,
    WRITTEN,
    Browser,
    everything,
    forms,
    holds,
    resend_as_alice,
)
from tests.support.clients import HTMX, field, text, url
from tests.support.factories import BARE
from tests.support.people import again, asked_of
from workflows.models import InputRequest, WorkflowRun

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


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
