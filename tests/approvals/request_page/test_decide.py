"""A POST of an answer: it is stored, or it is refused and changes nothing."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from approvals.actions import decide
from approvals.models import Decision
from tests.support.answers import YES, everything
from tests.support.clients import HTMX, ago, desk_of, text, url
from tests.support.factories import (
    TYPED,
    make_request,
    make_run,
    make_user,
)
from workflows.models import InputRequest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]

PAY = {"approved": "true", "amount": "12.50", "reason": "exception"}


def refused(
    client: Client, request: InputRequest, data: dict[str, Any], *, plain: bool = False
) -> Any:
    """Post, check that nothing changed, and return the response."""
    before = everything()
    response = client.post(url(request, "decide/"), data, headers={} if plain else HTMX)
    assert everything() == before
    assert ("<html" in response.content.decode()) == plain
    return response


@pytest.mark.parametrize(
    ("data", "stored"),
    [
        ({"verdict": "approve"}, YES),
        ({"verdict": "approve", "comment": "", "text": " "}, YES),
        (
            {"verdict": "reject", "comment": "No.\r\nReally."},
            {"approved": False, "comment": "No.\nReally."},
        ),
        ({"verdict": "reply", "text": "In words.", "comment": ""}, "In words."),
    ],
)
def test_an_untyped_form_is_read(desk: Client, data: dict[str, str], stored: Any) -> None:
    request = make_request()
    response = desk.post(url(request, "decide/"), data)
    assert (response.status_code, response["Location"]) == (303, url(request))
    assert Decision.objects.get().response == stored
    assert Decision.objects.get().source == "inbox"


def test_a_typed_form_is_read(desk: Client) -> None:
    request = make_request(make_run(TYPED))
    desk.post(url(request, "decide/"), PAY | {"note": ""})
    assert Decision.objects.get().response == {
        "approved": True, "amount": "12.50", "reason": "exception", "note": None,
    }  # fmt: skip


def test_a_plain_form_redirects_to_the_request_and_its_list(desk: Client) -> None:
    request = make_request()
    response = desk.post(url(request, "decide/?q=publish"), {"verdict": "approve"})
    assert response["Location"] == f"{url(request)}?q=publish"


def test_htmx_gets_the_outcome_and_the_next_request(desk: Client) -> None:
    request = make_request(created_at=ago(hours=2))
    after = make_request(prompt="After?", created_at=ago(hours=1))
    make_request(prompt="Before?", created_at=ago(hours=3))
    response = desk.post(url(request, "decide/"), {"verdict": "approve"}, headers=HTMX)
    html = response.content.decode()
    assert response.status_code == 200
    assert "<html" not in html
    assert "data-accepted" in html
    assert "You approved this" in text(response)
    assert f'href="{url(after)}"' in html
    assert "data-focus>Next request" in html


def test_the_same_answer_again_is_accepted(desk: Client) -> None:
    request = make_request()
    for _ in range(2):
        response = desk.post(url(request, "decide/"), {"verdict": "approve"}, headers=HTMX)
        assert response.status_code == 200
        assert "You approved this" in text(response)
    assert Decision.objects.count() == 1


@pytest.mark.parametrize("plain", [True, False])
def test_a_conflict_shows_the_other_answer_and_what_was_typed(
    desk: Client, bob: User, plain: bool
) -> None:
    request = make_request()
    decide(bob, request.id, {"approved": False, "comment": "Too early."}, source="inbox")
    data = {"verdict": "approve", "comment": "My precious words."}
    response = refused(desk, request, data, plain=plain)
    assert response.status_code == 409
    for sentence in ("bob rejected this", "Too early.", "came too late", "My precious words."):
        assert sentence in text(response)


def test_a_typed_conflict_keeps_what_was_typed(desk: Client, bob: User) -> None:
    request = make_request(make_run(TYPED))
    taken = {"approved": False, "amount": "0", "reason": "refused"}
    decide(bob, request.id, taken, source="inbox")
    response = refused(desk, request, {"amount": "many", "note": "Mine."})
    assert response.status_code == 409
    assert "Your unsent answer" in text(response)
    assert "Mine." in text(response)


@pytest.mark.parametrize("plain", [True, False])
def test_an_invalid_form_is_shown_again_with_all_errors_and_typed_values(
    desk: Client, plain: bool
) -> None:
    request = make_request(make_run(TYPED))
    data = {"amount": "5000", "note": "My <precious> words."}
    response = refused(desk, request, data, plain=plain)
    html = response.content.decode()
    assert response.status_code == 422
    assert "Choose one of the two buttons" in html
    assert "less than or equal to 1000" in html
    assert html.count('aria-invalid="true"') >= 2
    assert 'value="5000"' in html
    assert "My &lt;precious&gt; words." in html


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        ({}, "Choose one of the buttons"),
        ({"verdict": "maybe", "comment": "kept"}, "Choose one of the buttons"),
        ({"verdict": "reply", "text": " "}, "Write the reply first"),
        ({"verdict": "reply", "text": "NUL \x00"}, "NUL character"),
        ({"verdict": "approve", "comment": "NUL \x00"}, "NUL character"),
        ({"verdict": "approve", "text": "kept"}, "You wrote a reply"),
        ({"verdict": "reply", "text": "Yes.", "comment": "kept"}, "A comment goes with"),
    ],
)
def test_an_invalid_form_without_a_schema_shows_its_errors(
    desk: Client, data: dict[str, str], sentence: str
) -> None:
    response = refused(desk, make_request(), data)
    assert response.status_code == 422
    assert sentence in text(response)
    if "kept" in data.values():
        assert "kept</textarea>" in response.content.decode()


def test_a_verdict_that_is_not_allowed_is_invalid(desk: Client) -> None:
    response = refused(desk, make_request(allow=["approve"]), {"verdict": "reject"})
    assert response.status_code == 422
    assert "does not take a reject" in text(response)


def test_an_answer_that_is_too_large_keeps_its_text(desk: Client) -> None:
    words = "word " * 15_000
    response = refused(desk, make_request(), {"verdict": "reply", "text": words})
    assert response.status_code == 413
    assert "too large" in text(response)
    assert words in response.content.decode()


def test_a_closed_request_is_gone_and_keeps_what_was_typed(desk: Client) -> None:
    request = make_request(make_run(status="cancelled"), status="cancelled")
    response = refused(desk, request, {"verdict": "approve", "comment": "My words."})
    assert response.status_code == 410
    assert "My words." in text(response)


def test_a_blocked_run_keeps_what_was_typed(desk: Client) -> None:
    request = make_request(make_run(status="blocked"))
    response = refused(desk, request, {"verdict": "approve", "comment": "My words."})
    assert response.status_code == 503
    assert "My words.</textarea>" in response.content.decode()


def test_a_refused_person_keeps_the_typed_text(alice: User) -> None:
    own = make_request(make_run(started_by=alice), four_eyes=True)
    response = refused(desk_of(alice), own, {"verdict": "approve", "comment": "My words."})
    assert response.status_code == 403
    assert "second person" in text(response)
    assert "My words." in text(response)


def test_a_hidden_request_cannot_be_answered(alice: User) -> None:
    response = refused(desk_of(make_user("carol")), make_request(), {"verdict": "approve"})
    assert response.status_code == 404


def test_a_get_never_answers(desk: Client) -> None:
    request = make_request()
    before = everything()
    assert desk.get(url(request, "decide/?verdict=approve")).status_code == 405
    assert desk.head(url(request, "decide/?verdict=approve")).status_code == 405
    assert desk.get(url(request) + "?verdict=approve").status_code == 200
    assert everything() == before


def test_nothing_is_shown_or_answered_without_a_login() -> None:
    request = make_request()
    before = everything()
    for address in ("/", url(request), "/requests/answered/"):
        response = Client().get(address)
        assert response.status_code == 302
        assert response["Location"] == f"/accounts/login/?next={address}"
    headers = HTMX | {"HX-Current-URL": f"http://testserver{url(request)}"}
    posted = Client().post(url(request, "decide/"), {"verdict": "approve"}, headers=headers)
    assert posted["HX-Redirect"] == f"/accounts/login/?next={url(request)}"
    assert everything() == before


def test_a_forged_post_is_refused(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    request = make_request()
    before = everything()
    assert client.post(url(request, "decide/"), {"verdict": "approve"}).status_code == 403
    assert everything() == before
