"""Search and tags ignore case and accents, on both databases."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from tests.support.factories import make_answered, make_request
from workflows.engine import (
    Context,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)
from workflows.models import InputRequest, WorkflowRun
from workflows.text.search_text import fold

pytestmark = pytest.mark.django_db

FOUND = [
    ("Der Ärger in Zürich", "ÄRGER"), ("Der Ärger in Zürich", "zurich"),
    ("Der A\u0308rger", "ärger"), ("ARGER", "Ärger"), ("Hauptstraße 7", "STRASSE"),
    ("HAUPTSTRASSE 7", "straße"), ("İSTANBUL", "istanbul"), ("ıspanak", "ISPANAK"),
    ("ＦＵＬＬ width", "full"), ("the ﬁrst oﬃce", "FIRST OFFICE"), ("Ελλάς", "ΕΛΛΑΣ"),
    ("Ёлка", "елка"), ("Łódź", "lodz"), ("Smørrebrød", "SMORREBROD"), ("Ægir", "aegir"),
    ("pay\u200bpal\u00ad", "paypal"), ("two\nlines", "two lines"), ("café", "CAFE\u0301"),
    ("المُحَمَّد", "المحمد"), ("100% of it", "100%"),
    ("snake_case", "SNAKE_CASE"), ("back\\slash", "k\\s"),
]  # fmt: skip


@pytest.mark.parametrize(("prompt", "words"), FOUND)
def test_a_search_folds_case_and_accents(desk: Client, prompt: str, words: str) -> None:
    request = make_request(prompt=prompt)
    make_request(prompt="Something else")
    page = desk.get("/", {"q": words}).content.decode()
    assert f'data-request="{request.pk}"' in page
    assert page.count("data-request=") == 1
    done = make_answered({"approved": True}, by=None, prompt=prompt)
    assert str(done.pk) in desk.get(reverse("approvals:answered"), {"q": words}).content.decode()


@pytest.mark.parametrize(
    ("prompt", "words"),
    [("कि", "का"), ("が", "か"), ("각", "가"), ("100 of it", "100%"), ("snakeXcase", "snake_case")],
)
def test_another_word_is_not_found(desk: Client, prompt: str, words: str) -> None:
    make_request(prompt=prompt)
    assert "data-request=" not in desk.get("/", {"q": words}).content.decode()


@pytest.mark.parametrize(
    ("tag", "asked", "found"),
    [
        ("Zürich", "zurich", True), ("STRASSE", "straße", True), ('a"b', 'A"B', True),
        ("two words", "TWO  words", True), ("Zürich", "zuri", False), ("a", "b", False),
        ("a\nb", "a", False),
    ],
)  # fmt: skip
def test_a_tag_ignores_case_and_is_compared_completely(
    desk: Client, tag: str, asked: str, found: bool
) -> None:
    make_request(tags=["other", tag])
    assert ("data-request=" in desk.get("/", {"tag": asked}).content.decode()) is found


@step
async def ask(event: StartEvent, ctx: Context) -> InputRequestEvent:
    return InputRequestEvent(prompt="Der Ärger", tags=("Zürich",))


@step
async def end(event: InputResponseEvent, ctx: Context) -> StopEvent:
    return StopEvent()


@pytest.mark.django_db(transaction=True)
def test_a_request_of_a_worker_is_found(
    desk: Client, drive: Callable[[], None], register: Callable[[Workflow], Workflow]
) -> None:
    WorkflowRun.objects.start(register(Workflow("search", steps=[ask, end])), {})
    drive()
    assert "data-request=" in desk.get("/", {"q": "ARGER", "tag": "ZURICH"}).content.decode()


def test_a_row_with_a_deferred_prompt_keeps_its_search_text() -> None:
    request = make_request(prompt="Der Ärger")
    InputRequest.objects.defer("prompt", "search_text").get(pk=request.pk).save()
    request.refresh_from_db()
    assert (request.prompt, request.search_text) == ("Der Ärger", "der arger")


def test_the_admin_folds_its_search() -> None:
    admin = User.objects.create_superuser("admin", password="demo")
    client = Client()
    client.force_login(admin)
    request = make_request(prompt="Der Ärger in Zürich")
    address = reverse("admin:workflows_inputrequest_changelist")
    for words in ("ÄRGER", "arger zürich", str(request.pk)):
        assert str(request.pk) in client.get(address, {"q": words}).content.decode(), words
    assert str(request.pk) not in client.get(address, {"q": "genf"}).content.decode()


def test_folding_twice_changes_nothing() -> None:
    for prompt, _ in FOUND:
        assert fold(fold(prompt)) == fold(prompt)
