"""Numbers in the input of `manage.py start_run` keep their digits."""

from __future__ import annotations

import io
import sys
from decimal import Decimal
from pathlib import Path

import pytest

from tests.workflows.management.commands import (
    Amounts,
    command,
    file_of,
    refusal,
)
from workflows.engine import registry
from workflows.models import WorkflowRun

pytestmark = pytest.mark.django_db


# Numbers keep their digits


LONG = "0.10000000000000000555"


@pytest.mark.parametrize(
    "written", [LONG, "1.10", "1e2", "12345678901234567890.5", "-0.50", "1E-7"]
)
@pytest.mark.parametrize("way", ["typed in", "file", "standard input"])
def test_a_decimal_keeps_its_digits(
    written: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"""{{"amount": {written}, "amounts": {{"a": {written}}}, "Named": {written},
        "rows": [["x", {written}], ["y", null]]}}"""
    if way == "file":
        text = file_of(tmp_path, text.encode(), "input.json")
    elif way == "standard input":
        stdin = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")
        monkeypatch.setattr(sys, "stdin", stdin)
        text = "@-"
    command("start_run", "t-amounts", "--input", text)
    event = registry.get("t-amounts").start_event(WorkflowRun.objects.get().input)
    assert isinstance(event, Amounts)
    exact = Decimal(written)
    found = [event.amount, event.amounts["a"], event.named, event.rows[0][1]]
    assert [one.as_tuple() for one in found if one is not None] == [exact.as_tuple()] * 4


def test_a_field_that_is_given_by_its_name_keeps_its_digits_too() -> None:
    command("start_run", "t-amounts", "--input", f'{{"named": {LONG}}}')
    assert WorkflowRun.objects.get().input["named"] == LONG


def test_a_number_in_a_float_field_is_rounded_and_in_a_text_field_refused() -> None:
    command("start_run", "t-amounts", "--input", f'{{"rate": {LONG}}}')
    assert WorkflowRun.objects.get().input["rate"] == 0.1
    said = refusal("t-amounts", "--input", f'{{"text": {LONG}}}')
    assert "text: Input should be a valid string" in said


def test_an_integer_of_any_length_keeps_all_digits() -> None:
    digits = "9" * 60
    data = f'{{"count": {digits}, "amount": {digits}, "anything": {digits}}}'
    command("start_run", "t-amounts", "--input", data)
    run = WorkflowRun.objects.get()
    assert run.input["count"] == run.input["anything"] == int(digits)
    assert run.input["amount"] == digits


@pytest.mark.parametrize("name", ["t-any", "t-amounts"])
def test_a_number_of_unknown_type_has_to_fit_into_a_float(name: str) -> None:
    said = refusal(name, "--input", f'{{"anything": [1, {{"n": {LONG}}}]}}')
    assert said == (
        f"The input has the number {LONG}, of which a float keeps 0.1; "
        "write it in quotes to keep all of it as a text (at $.anything[1].n)."
    )
    command("start_run", name, "--input", '{"anything": [1.10, 1e2, 0.1]}')
    assert WorkflowRun.objects.get().input["anything"] == [1.1, 100.0, 0.1]


def test_the_same_key_with_the_same_digits_is_the_same_run() -> None:
    first = ("t-amounts", "--input", f'{{"amount": {LONG}}}', "--key", "k")
    command("start_run", *first)
    assert "before" in command("start_run", *first)
    other = f'{{"amount": {LONG}0}}'
    assert "'k'" in refusal("t-amounts", "--input", other, "--key", "k")
