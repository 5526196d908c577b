"""The pages of the inbox: what is listed, what is shown, what a POST does."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.http import HttpResponse
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from approvals.door import decide
from approvals.models import Decision
from tests.app.factories import (
    BARE,
    TYPED,
    make_answered,
    make_request,
    make_reviewer,
    make_run,
    make_user,
    registered,
)
from workflows.models import Delivery, InputRequest, WorkflowRun

pytestmark = pytest.mark.django_db

HTMX = {"HX-Request": "true"}
YES = {"approved": True}
PAY = {"approved": "true", "amount": "12.50", "reason": "exception"}


@pytest.fixture(autouse=True)
def flows() -> Iterator[None]:
    with registered(BARE, TYPED):
        yield


@pytest.fixture
def alice() -> User:
    return make_reviewer("alice")


@pytest.fixture
def desk(alice: User) -> Client:
    return desk_of(alice)


@pytest.fixture
def bob() -> User:
    return make_reviewer("bob")


def desk_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def rows(response: Any) -> list[str]:
    """The ids of the rows on a page, in their order."""
    return re.findall(r'data-request="([^"]+)"', response.content.decode())


def ids(*requests: InputRequest) -> list[str]:
    return [str(request.id) for request in requests]


def url(request: InputRequest, end: str = "") -> str:
    return f"/requests/{request.id}/{end}"


def text(response: Any) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def ago(**length: float) -> Any:
    return timezone.now() - timedelta(**length)


# --- the list ------------------------------------------------------------------------------------


def test_what_waits_is_listed_oldest_first(desk: Client) -> None:
    young = make_request(prompt="Young?", created_at=ago(minutes=1))
    old = make_request(prompt="Old?", created_at=ago(hours=3))
    make_request(make_run(status="cancelled"), status="cancelled")
    make_answered(YES, by=None)
    page = desk.get("/")
    assert rows(page) == ids(old, young)
    assert "<title>(2) Inbox" in page.content.decode()
    assert "2 requests, oldest 3 h" in text(page)


def test_an_empty_inbox_says_so(desk: Client) -> None:
    page = desk.get("/")
    assert "<title>Inbox" in page.content.decode()
    assert "Nothing waits" in text(page)


def test_who_may_not_see_requests_is_told_so() -> None:
    make_request()
    page = desk_of(make_user("carol")).get("/")
    assert rows(page) == []
    assert "You do not see requests" in text(page)
    assert "Publish it?" not in text(page)


def test_a_search_looks_in_the_questions(desk: Client) -> None:
    hotel = make_request(prompt="A HOTEL bill?")
    make_request(prompt="A taxi bill?")
    page = desk.get("/", {"q": "hotel"})
    assert rows(page) == ids(hotel)
    assert f'href="{url(hotel)}?q=hotel"' in page.content.decode()
    assert "(2) Inbox" in page.content.decode()
    assert "Nothing here matches" in text(desk.get("/", {"q": "train"}))


def test_one_workflow_can_be_chosen(desk: Client) -> None:
    typed = make_request(make_run(TYPED))
    make_request()
    assert rows(desk.get("/", {"workflow": "test-typed"})) == ids(typed)


@pytest.mark.parametrize("query", [{"after": "nonsense"}, {"q": "\x00"}, {"open": "nonsense"}])
def test_nonsense_in_the_address_is_ignored(desk: Client, query: dict[str, str]) -> None:
    request = make_request()
    assert rows(desk.get("/", query)) == ids(request)
    assert rows(desk.get("/", query, headers=HTMX)) == ids(request)


def test_a_long_list_comes_in_pages_that_miss_and_repeat_nothing(desk: Client) -> None:
    run = make_run()
    same = ago(hours=1)
    every = {str(make_request(run, created_at=same).id) for _ in range(130)}
    first = desk.get("/")
    found = re.search(r'href="(/\?after=[^"]+)">More', first.content.decode())
    assert found
    second = desk.get(found[1].replace("&amp;", "&"))
    assert (len(rows(first)), len(rows(second))) == (100, 30)
    assert set(rows(first)) | set(rows(second)) == every


def test_the_number_of_queries_does_not_grow_with_the_list(
    desk: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for n in range(30):
        make_request(make_run(TYPED if n % 2 else BARE))
    with django_assert_max_num_queries(14):
        desk.get("/")
    with django_assert_max_num_queries(11):
        desk.get("/", headers=HTMX)


def test_long_columns_stay_in_the_database(desk: Client) -> None:
    make_request(prompt="Head? " + "x" * 5000, payload={"secret": "payload-of-the-row"})
    page = desk.get("/").content.decode()
    assert "x" * 400 not in page
    assert "payload-of-the-row" not in page


def test_the_fragment_renews_rows_counts_title_and_the_open_request(
    desk: Client, bob: User
) -> None:
    request, other = make_request(prompt="Mine?"), make_request(prompt="Other?")
    quiet = desk.get("/", {"open": str(request.id)}, headers=HTMX)
    assert "<html" not in quiet.content.decode()
    assert "<title>(2) Mine? · Inbox" in quiet.content.decode()
    assert 'hx-swap-oob="innerHTML:[data-count=waiting]">2<' in quiet.content.decode()
    assert "answered this" not in text(quiet)
    decide(bob, request.id, YES, door="inbox")
    told = desk.get("/", {"open": str(request.id)}, headers=HTMX)
    assert rows(told) == ids(other)
    assert "bob answered this" in text(told)
    assert f'id="status-{request.id}"' in told.content.decode()


def test_going_back_in_history_gives_the_whole_page(desk: Client) -> None:
    request = make_request()
    back = HTMX | {"HX-History-Restore-Request": "true"}
    assert "<html" in desk.get("/", headers=back).content.decode()
    assert "<html" in desk.get(url(request), headers=back).content.decode()


def test_a_search_as_one_types_is_kept_in_the_address(desk: Client) -> None:
    request = make_request()
    headers = HTMX | {"HX-Trigger": "filters", "HX-Current-URL": f"http://testserver{url(request)}"}
    response = desk.get("/", {"q": "x y"}, headers=headers)
    assert response["HX-Replace-Url"] == f"{url(request)}?q=x+y"


# --- one request ---------------------------------------------------------------------------------


def test_a_request_is_shown_beside_the_list(desk: Client) -> None:
    request = make_request(make_run(started_by=make_user("carol")), payload={"team": "Sales"})
    page = desk.get(url(request))
    assert rows(page) == ids(request)
    html = page.content.decode()
    assert f'data-run="{request.run_id}"' in html
    assert "<title>(1) Publish it? · Inbox" in html
    assert all(f'name="verdict" value="{verdict}"' in html for verdict in request.allow)
    assert "Team Sales" in text(page)
    assert "Run started by carol" in text(page)


def test_htmx_gets_the_request_alone(desk: Client) -> None:
    request = make_request()
    html = desk.get(url(request), headers=HTMX).content.decode()
    assert "<html" not in html
    assert "<title>(1) Publish it? · Inbox" in html
    assert f'data-run="{request.run_id}"' in html


def test_only_the_verdicts_that_are_allowed_are_offered(desk: Client) -> None:
    html = desk.get(url(make_request(allow=["approve"]))).content.decode()
    assert re.findall(r'name="verdict" value="(\w+)"', html) == ["approve"]
    assert 'name="text"' not in html


def test_a_typed_request_with_a_verdict_has_two_buttons(desk: Client) -> None:
    html = desk.get(url(make_request(make_run(TYPED)))).content.decode()
    assert re.findall(r'name="approved" value="(\w+)"', html) == ["true", "false"]
    assert 'name="amount"' in html
    assert "What we pay" in html


def test_the_first_button_of_a_form_is_disabled_so_that_enter_decides_nothing(
    desk: Client,
) -> None:
    for request in (make_request(), make_request(make_run(TYPED))):
        html = desk.get(url(request)).content.decode()
        form = html[html.index('class="decision"') :]
        first = re.search(r"<button[^>]*>", form)
        assert first
        assert first[0] == '<button type="submit" disabled hidden>'


@pytest.mark.parametrize("headers", [{}, HTMX])
def test_an_unknown_request_is_not_found(desk: Client, headers: dict[str, str]) -> None:
    response = desk.get(f"/requests/{uuid4()}/", headers=headers)
    assert response.status_code == 404
    assert "There is no such request" in text(response)


def test_the_trail_tells_the_answers_of_others_and_what_still_waits(
    desk: Client, bob: User
) -> None:
    run = make_run()
    request, other = make_request(run), make_request(run, prompt="Other one?")
    make_request(run, prompt="Third one?")
    for n in range(6):
        make_answered({"approved": n % 2 == 0}, by=bob, run=run, prompt=f"Number {n}?")
    decide(bob, other.id, {"approved": False, "comment": "No."}, door="inbox")
    shown = text(desk.get(url(request)))
    assert "3 earlier answers" in shown
    assert "bob rejected “ Other one? ”: No." in shown
    assert "Waiting for this answer, and 1 more" in shown


def test_the_number_of_queries_does_not_grow_with_the_run(
    desk: Client, bob: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    run = make_run()
    request = make_request(run)
    for _ in range(30):
        make_request(run)
        make_answered(YES, by=bob, run=run)
    with django_assert_max_num_queries(18):
        desk.get(url(request))
    with django_assert_max_num_queries(12):
        desk.get(url(request), headers=HTMX)


STATES: dict[str, tuple[Callable[[], InputRequest], str]] = {
    "answered": (lambda: make_answered("My words.", by=make_user("dora")), "dora replied"),
    "by the handler": (lambda: make_answered(YES, by=None), "The workflow itself approved this"),
    "expired": (
        lambda: make_request(make_run(status="failed"), status="expired"),
        "Nobody answered in time",
    ),
    "late": (lambda: make_request(deadline=ago(minutes=3)), "due 3 min ago"),
    "cancelled": (
        lambda: make_request(make_run(status="cancelled"), status="cancelled"),
        "closed without an answer",
    ),
}


@pytest.mark.parametrize("case", STATES)
def test_what_is_over_remains_readable_and_has_no_form(desk: Client, case: str) -> None:
    make, sentence = STATES[case]
    page = desk.get(url(make()))
    assert page.status_code == 200
    assert sentence in text(page)
    assert "Publish it?" in text(page)
    assert "<form" not in page.content.decode().partition('class="request"')[2]


def test_a_blocked_run_is_explained_and_its_form_kept_for_drafts(desk: Client) -> None:
    page = desk.get(url(make_request(make_run(status="blocked", error={"message": "Step gone."}))))
    assert "This run is blocked" in text(page)
    assert "Step gone." in text(page)
    assert 'name="comment"' in page.content.decode()
    buttons = re.findall(r'value="(?:approve|reject|reply)"( disabled)?', page.content.decode())
    assert buttons == [" disabled"] * 3


def test_a_paused_run_still_takes_answers(desk: Client) -> None:
    request = make_request(make_run(status="paused"))
    assert "The run is paused" in text(desk.get(url(request)))
    assert desk.post(url(request, "decide/"), {"verdict": "approve"}).status_code == 303


def test_who_may_not_decide_reads_without_a_form(alice: User) -> None:
    auditor = desk_of(make_user("auditor", "workflows.view_inputrequest"))
    page = auditor.get(url(make_request()))
    assert "You may read this, but not answer it" in text(page)
    assert 'name="verdict"' not in page.content.decode()
    own = make_request(make_run(started_by=alice), four_eyes=True)
    assert "Somebody else has to answer this" in text(desk_of(alice).get(url(own)))


# --- what is over --------------------------------------------------------------------------------


def test_answered_requests_are_listed_newest_first(desk: Client, bob: User) -> None:
    old = make_answered(YES, by=bob, at=ago(hours=2), prompt="Old?")
    new = make_answered("Words.", by=bob, prompt="New?")
    make_request(prompt="Open?")
    make_request(make_run(status="cancelled"), status="cancelled", prompt="Dropped?")
    page = desk.get("/requests/answered/")
    html = page.content.decode()
    assert re.findall(r'href="(/requests/[0-9a-f-]{36}/)"', html) == [url(new), url(old)]
    assert "Replied bob" in text(page)
    closed = text(desk.get("/requests/answered/", {"closed": "1"}))
    assert "Dropped?" in closed
    assert "Old?" not in closed


def test_answered_requests_come_in_pages(
    desk: Client, bob: User, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    at = timezone.now()
    every = {url(make_answered(YES, by=bob, at=at)) for _ in range(105)}
    with django_assert_max_num_queries(14):
        first = desk.get("/requests/answered/", {"q": "publish"}).content.decode()
    found = re.search(r'href="([^"]+)">Older', first)
    assert found
    second = desk.get(found[1].replace("&amp;", "&")).content.decode()
    links = [re.findall(r'href="(/requests/[0-9a-f-]{36}/)"', page) for page in (first, second)]
    assert [len(page) for page in links] == [100, 5]
    assert set(links[0]) | set(links[1]) == every


def test_what_one_may_not_see_is_not_listed_as_answered_either(bob: User) -> None:
    make_answered(YES, by=bob, prompt="Hidden?")
    assert "Hidden?" not in text(desk_of(make_user("carol")).get("/requests/answered/"))


# --- hostile text --------------------------------------------------------------------------------

HOSTILE = '<script>alert(1)</script><img src=x onerror=alert(2)><a hx-get="/evil">x</a>'


def test_hostile_text_is_only_read(desk: Client, bob: User) -> None:
    payload = {HOSTILE: HOSTILE, "link": "javascript:alert(3)", "rtl": "abc\u202edef"}
    request = make_request(prompt=f"{HOSTILE}\n\u202e{HOSTILE}", payload=payload)
    answered = make_answered({"approved": True, "comment": HOSTILE}, by=bob, prompt=HOSTILE)
    pages: list[HttpResponse] = [
        desk.get(address, headers=headers)  # type: ignore[misc]
        for address in ("/", url(request), url(answered), "/requests/answered/")
        for headers in ({}, HTMX)
    ]
    for page in pages:
        html = page.content.decode()
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert '<a hx-get="/evil"' not in html
        assert 'href="javascript:' not in html
        assert "\u202e" not in html


# --- deciding ------------------------------------------------------------------------------------


def state() -> list[Any]:
    models = (InputRequest, WorkflowRun, Decision, Delivery)
    return [list(model.objects.order_by("pk").values()) for model in models]


def refused(
    client: Client, request: InputRequest, data: dict[str, Any], *, plain: bool = False
) -> Any:
    """Post and return the response, having made sure that nothing changed."""
    before = state()
    response = client.post(url(request, "decide/"), data, headers={} if plain else HTMX)
    assert state() == before
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
def test_a_bare_form_is_read(desk: Client, data: dict[str, str], stored: Any) -> None:
    request = make_request()
    response = desk.post(url(request, "decide/"), data)
    assert (response.status_code, response["Location"]) == (303, url(request))
    assert Decision.objects.get().response == stored
    assert Decision.objects.get().door == "inbox"


def test_a_typed_form_is_read(desk: Client) -> None:
    request = make_request(make_run(TYPED))
    desk.post(url(request, "decide/"), PAY | {"note": ""})
    assert Decision.objects.get().response == {
        "approved": True, "amount": "12.50", "reason": "exception", "note": None,
    }  # fmt: skip


def test_a_plain_form_goes_back_to_the_request_and_its_list(desk: Client) -> None:
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
def test_a_conflict_shows_the_other_answer_and_ones_own_words(
    desk: Client, bob: User, plain: bool
) -> None:
    request = make_request()
    decide(bob, request.id, {"approved": False, "comment": "Too early."}, door="inbox")
    data = {"verdict": "approve", "comment": "My precious words."}
    response = refused(desk, request, data, plain=plain)
    assert response.status_code == 409
    for sentence in ("bob rejected this", "Too early.", "came too late", "My precious words."):
        assert sentence in text(response)


def test_a_typed_conflict_keeps_what_was_typed(desk: Client, bob: User) -> None:
    request = make_request(make_run(TYPED))
    taken = {"approved": False, "amount": "0", "reason": "refused"}
    decide(bob, request.id, taken, door="inbox")
    response = refused(desk, request, {"amount": "many", "note": "Mine."})
    assert response.status_code == 409
    assert "Your unsent answer" in text(response)
    assert "Mine." in text(response)


@pytest.mark.parametrize("plain", [True, False])
def test_an_invalid_form_comes_back_with_every_fault_and_what_was_typed(
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
def test_an_invalid_bare_form_says_what_is_wrong(
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


def test_who_may_not_answer_is_refused_with_the_words_kept(alice: User) -> None:
    own = make_request(make_run(started_by=alice), four_eyes=True)
    response = refused(desk_of(alice), own, {"verdict": "approve", "comment": "My words."})
    assert response.status_code == 403
    assert "second pair of eyes" in text(response)
    assert "My words." in text(response)


def test_what_one_may_not_see_cannot_be_answered(alice: User) -> None:
    response = refused(desk_of(make_user("carol")), make_request(), {"verdict": "approve"})
    assert response.status_code == 404


def test_a_get_never_answers(desk: Client) -> None:
    request = make_request()
    before = state()
    assert desk.get(url(request, "decide/?verdict=approve")).status_code == 405
    assert desk.head(url(request, "decide/?verdict=approve")).status_code == 405
    assert desk.get(url(request) + "?verdict=approve").status_code == 200
    assert state() == before


def test_nothing_is_shown_or_answered_without_a_login() -> None:
    request = make_request()
    before = state()
    for address in ("/", url(request), "/requests/answered/"):
        response = Client().get(address)
        assert response.status_code == 302
        assert response["Location"] == f"/accounts/login/?next={address}"
    headers = HTMX | {"HX-Current-URL": f"http://testserver{url(request)}"}
    posted = Client().post(url(request, "decide/"), {"verdict": "approve"}, headers=headers)
    assert posted["HX-Redirect"] == f"/accounts/login/?next={url(request)}"
    assert state() == before


def test_a_forged_post_is_refused(alice: User) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    request = make_request()
    before = state()
    assert client.post(url(request, "decide/"), {"verdict": "approve"}).status_code == 403
    assert state() == before
