"""A decimal or date of a payload stays one when it is edited: on the page, in code, by command."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client

from approvals.errors import Invalid
from tests.support.clients import field, text, url
from tests.support.people import YES, again, asked_of, decide
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

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]

TYPES = {"amount": "decimal", "due": "date"}


def bill() -> Any:
    return asked_of(
        payload={"amount": "12.50", "due": "2026-12-01", "note": "x"},
        editable=["amount", "due", "note"], editable_types=TYPES,
    )  # fmt: skip


def post(desk: Client, request: Any, language: str = "", **edits: str) -> Any:
    typed = {f"_edit.{key}": value for key, value in edits.items()}
    headers = {"Accept-Language": language} if language else {}
    return desk.post(url(request, "decide/"), typed | {"verdict": "approve"}, headers=headers)


def test_a_pasted_decimal_is_read_as_a_number(desk: Client) -> None:
    request = bill()
    assert 'inputmode="decimal"' in desk.get(url(request)).content.decode()
    assert post(desk, request, amount="1.250,00 \u20ac", due="2026-12-02").status_code == 303
    assert again(request).edits == {"amount": "1250.00", "due": "2026-12-02"}


def test_an_unchanged_decimal_is_not_recorded_as_edited(desk: Client) -> None:
    request = bill()
    post(desk, request, amount="12.50", due="2026-12-01", note="x")
    assert again(request).edits == {}
    assert not again(request).is_pending


def test_a_text_in_place_of_a_decimal_is_an_error_at_its_field(desk: Client) -> None:
    request = bill()
    page = post(desk, request, amount="a lot", due="soon")
    assert page.status_code == 422
    assert "This has to be a number" in text(page)
    assert "This has to be a date, such as" in text(page)
    assert field(page, "_edit.amount") == "a lot"
    assert again(request).is_pending


def test_a_decimal_with_two_readings_is_refused_with_a_question(desk: Client) -> None:
    request = bill()
    page = post(desk, request, language="de", amount="6.080")
    assert page.status_code == 422
    assert "Write 6080.00 or 6.08" in text(page)


def test_code_must_give_the_same_types(alice: User) -> None:
    request = bill()
    with pytest.raises(Invalid):
        decide(alice, request, YES, edits={"amount": "a lot"})
    decide(alice, request, YES, edits={"amount": 0.4})
    assert again(request).edits == {"amount": "0.4"}
    decide(
        alice, request, YES, edits={"amount": 0.4}
    )  # the same answer a second time is not a conflict


def answer(request: Any, *options: str) -> str:
    out = StringIO()
    call_command("answer", str(request.id), "--approve", *options, "--as", "alice", stdout=out)
    return out.getvalue()


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("amount=0.4", {"amount": "0.4"}),
        ("amount=0.10000000000000000555", {"amount": "0.10000000000000000555"}),
        ('amount="7"', {"amount": "7"}),
        ("due=2026-12-02", {"due": "2026-12-02"}),
        ('due="2026-12-02"', {"due": "2026-12-02"}),
    ],
)
def test_the_command_edits_a_decimal_and_a_date(typed: str, stored: Any) -> None:
    request = bill()
    answer(request, "--edit", typed)
    assert again(request).edits == stored
    assert "Nothing changed" in answer(request, "--edit", typed)


@pytest.mark.usefixtures("alice")
def test_the_command_refuses_a_text_in_place_of_a_number() -> None:
    with pytest.raises(CommandError, match="This has to be a number"):
        answer(bill(), "--edit", 'amount="a lot"')


class Ask(StartEvent):
    amount: Decimal


@step
async def ask(event: Ask) -> InputRequestEvent:
    """Make a request with a decimal and a date."""
    payload = {"amount": event.amount, "due": date(2026, 12, 1)}
    return InputRequestEvent(prompt="Pay?", payload=payload, editable=("amount", "due"))


@step
async def pay(event: InputResponseEvent, ctx: Context) -> StopEvent:
    """Return what was approved."""
    return StopEvent(result=ctx.effective_payload)


EDITED = Workflow("t-edit-types", steps=[ask, pay])


@pytest.mark.django_db(transaction=True)
def test_a_request_keeps_its_types_from_the_step_to_the_answer(
    drive: Callable[[], None], register: Callable[[Workflow], Workflow], alice: User
) -> None:
    register(EDITED)
    WorkflowRun.objects.start(EDITED.name, {"amount": "12.50"})
    drive()
    row = InputRequest.objects.get()
    assert (row.payload, row.editable_types) == ({"amount": "12.50", "due": "2026-12-01"}, TYPES)
    with pytest.raises(Invalid):
        decide(alice, row, YES, edits={"amount": "a lot"})
    decide(alice, row, YES, edits={"amount": "0.40"})
    drive()
    assert WorkflowRun.objects.get().result == {"amount": "0.40", "due": "2026-12-01"}
