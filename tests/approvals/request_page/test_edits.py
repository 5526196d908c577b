"""Edits of the payload on the page of a request."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.approvals.request_page.posts import post
from tests.support.clients import field, text, url
from tests.support.people import again, asked_of

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


def test_edits_are_read_with_the_types_of_the_payload(desk: Client) -> None:
    payload = {
        "amount": 640, "rate": 0.5, "paid": False, "note": "a\r\nb", "lines": [1], "none": None,
        "kept": 3,
    }  # fmt: skip
    request = asked_of(payload=payload, editable=[key for key in payload if key != "kept"])
    page = desk.get(url(request))
    assert "You can edit" in text(page)
    typed = {
        "amount": "600", "rate": "0.25", "paid": "true", "note": "a\r\nb", "lines": "[1, 2]",
        "none": "null",
    }  # fmt: skip
    post(desk, url(request, "decide/"), verdict="approve", edits=typed)
    assert again(request).edits == {"amount": 600, "rate": 0.25, "paid": True, "lines": [1, 2]}
    shown = text(desk.get(url(request)))
    assert "Edited before it was approved" in shown


@pytest.mark.parametrize("note", ["a\rb", "a\r\nb\rc\nd", "\r\n\r\n", "a\n"])
def test_an_unchanged_text_is_not_recorded_as_edited(desk: Client, note: str) -> None:
    request = asked_of(payload={"note": note}, editable=["note"])
    sent = note.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    post(desk, url(request, "decide/"), verdict="approve", edits={"note": sent})
    assert not again(request).is_pending
    assert again(request).edits == {}


def test_an_edited_text_keeps_its_line_breaks(desk: Client) -> None:
    request = asked_of(payload={"note": "a\r\nb"}, editable=["note"])
    post(desk, url(request, "decide/"), verdict="approve", edits={"note": "a\r\nb\r\nc"})
    assert again(request).edits == {"note": "a\r\nb\r\nc"}


def test_a_pasted_number_is_read_as_an_edit(desk: Client) -> None:
    request = asked_of(payload={"amount": 640, "rate": 1.5}, editable=["amount", "rate"])
    typed = {"amount": "€ 6.080,00", "rate": "\u22122,5"}
    post(desk, url(request, "decide/"), verdict="approve", edits=typed)
    assert again(request).edits == {"amount": 6080.0, "rate": -2.5}


def test_an_edited_number_with_two_readings_is_refused_with_a_question(desk: Client) -> None:
    request = asked_of(payload={"amount": 640}, editable=["amount"])
    page = desk.post(
        url(request, "decide/"), {"verdict": "approve", "_edit.amount": "6.080"},
        headers={"Accept-Language": "de"},
    )  # fmt: skip
    assert page.status_code == 422
    assert "Write 6080.00 or 6.08" in text(page)
    assert field(page, "_edit.amount") == "6.080"
    assert again(request).is_pending


def test_an_edit_that_does_not_fit_is_an_error_at_its_field(desk: Client) -> None:
    request = asked_of(payload={"amount": 640, "who": "x"}, editable=["amount", "who"])
    page = post(
        desk, url(request, "decide/"), verdict="approve", comment="Less.",
        edits={"amount": "six", "who": "y", "other": "no such key"},
    )  # fmt: skip
    assert page.status_code == 422
    assert "This has to be a number" in text(page)
    assert field(page, "_edit.amount") == "six"
    assert field(page, "_edit.who") == "y"
    assert "Less." in text(page)
    assert again(request).is_pending
