"""`manage.py answer` uses the same action as the pages, and prints the result."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from approvals.models import Decision
from tests.support.factories import (
    TYPED,
    make_request,
    make_reviewer,
    make_run,
    make_user,
)
from workflows.models import Delivery, InputRequest

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]


@pytest.fixture(autouse=True)
def alice() -> User:
    return make_reviewer("alice")


def answer(request: Any, *options: str, by: str = "alice") -> str:
    out = StringIO()
    call_command("answer", str(getattr(request, "id", request)), *options, "--as", by, stdout=out)
    return out.getvalue()


def refusal(request: Any, *options: str, by: str = "alice") -> str:
    """Return the error message, after a check that nothing changed."""
    before = list(InputRequest.objects.values())
    with pytest.raises(CommandError) as caught:
        answer(request, *options, by=by)
    assert list(InputRequest.objects.values()) == before
    assert (Decision.objects.count(), Delivery.objects.count()) == (0, 0)
    return str(caught.value)


@pytest.mark.parametrize(
    ("options", "stored"),
    [
        (["--approve"], {"approved": True}),
        (["--reject", "--comment", "No."], {"approved": False, "comment": "No."}),
        (["--reply", "In words."], "In words."),
        (["--json", '{"approved": true}'], {"approved": True}),
    ],
)
def test_each_kind_of_answer(options: list[str], stored: Any) -> None:
    request = make_request()
    said = answer(request, *options)
    decision = Decision.objects.get()
    assert (decision.response, decision.source) == (stored, "command")
    assert str(request.id) in said
    assert str(request.run_id) in said
    assert "alice" in said


def test_a_typed_request_is_answered_with_json() -> None:
    typed = {"approved": False, "amount": 3, "reason": "refused"}
    answer(make_request(make_run(TYPED)), "--json", json.dumps(typed))
    assert Decision.objects.get().response == typed | {"amount": "3", "note": None}


def test_the_same_answer_again_is_not_an_error() -> None:
    request = make_request()
    answer(request, "--approve")
    assert "Nothing changed" in answer(request, "--approve")
    assert Decision.objects.count() == 1


def test_an_unknown_request_is_named() -> None:
    unknown = uuid4()
    assert str(unknown) in refusal(unknown, "--approve")
    assert "nonsense" in refusal("nonsense", "--approve")


def test_an_unknown_user_is_named() -> None:
    assert "'nobody'" in refusal(make_request(), "--approve", by="nobody")


def test_a_user_without_permission_is_refused() -> None:
    make_user("auditor", "workflows.view_inputrequest")
    assert "not answer" in refusal(make_request(), "--approve", by="auditor")


def test_the_error_of_bad_json_has_its_place() -> None:
    assert "line 1, column 2" in refusal(make_request(), "--json", "{nonsense")
    assert "NaN" in refusal(make_request(), "--json", '{"a": NaN}')
    assert "levels" in refusal(make_request(), "--json", "[" * 50 + "]" * 50)
    assert "bytes" in refusal(make_request(), "--json", json.dumps("x" * 70_000))


def test_every_fault_of_a_typed_answer_is_reported() -> None:
    said = refusal(make_request(make_run(TYPED)), "--json", '{"amount": "many"}')
    assert all(name in said for name in ("approved", "amount", "reason"))


def test_a_blocked_run_is_explained() -> None:
    assert "blocked" in refusal(make_request(make_run(status="blocked")), "--approve")


def test_a_comment_goes_with_a_verdict_only() -> None:
    assert "--comment" in refusal(make_request(), "--reply", "Words.", "--comment", "More.")


@pytest.mark.parametrize("options", [[], ["--approve", "--reject"]])
def test_exactly_one_way_must_be_chosen(options: list[str]) -> None:
    refusal(make_request(), *options)


LONG = "0.10000000000000000555"


@pytest.mark.parametrize("written", [LONG, "1.10", "999.1234567890123456789", "7"])
def test_a_decimal_in_json_keeps_its_digits(written: str) -> None:
    text = f'{{"approved": true, "amount": {written}, "reason": "in policy"}}'
    request = make_request(make_run(TYPED))
    answer(request, "--json", text)
    assert Decision.objects.get().response["amount"] == written
    assert "Nothing changed" in answer(request, "--json", text)


def test_the_error_of_an_edit_that_a_float_would_change_names_the_number() -> None:
    request = make_request(payload={"amount": 1.5}, editable=["amount"])
    said = refusal(request, "--approve", "--edit", f"amount={LONG}")
    assert said == (
        f"--edit amount: The value has the number {LONG}, of which a float keeps 0.1; "
        "write it in quotes to keep all of it as a text (at $)."
    )
