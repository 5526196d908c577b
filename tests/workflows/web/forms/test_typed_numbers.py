"""Numbers as people paste them: clear ones are read, ambiguous ones are refused with a question."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from pydantic import BaseModel, TypeAdapter

from tests.support.replies import answer_of, form_of, posted
from workflows.web.forms.inputs.typed_numbers import AmbiguousNumber, read_number, reader_language

ENGLISH, GERMAN, UNKNOWN = "en-GB,en;q=0.9", "de-DE,de;q=0.9", "xx"


class Payment(BaseModel):
    amount: Decimal
    count: int = 1
    rate: float = 0.5


@pytest.mark.parametrize("language", ["", ENGLISH, GERMAN, UNKNOWN])
@pytest.mark.parametrize(
    ("text", "read"),
    [
        (" 12.50 ", "12.50"),
        ("\u00a0640\u202f", "640"),
        ("1\u202f250,50", "1250.50"),
        ("1 250 000", "1250000"),
        ("€ 1.250,00", "1250.00"),
        ("1.250,00 €", "1250.00"),
        ("$1,250.00", "1250.00"),
        ("EUR 1.250,00", "1250.00"),
        ("CHF 1'250.00", "1250.00"),
        ("1’250", "1250"),
        ("1,234,567", "1234567"),
        ("1.234.567", "1234567"),
        ("12,34,567", "1234567"),
        ("\u22125", "-5"),
        ("\u20135,5", "-5.5"),
        ("-€5", "-5"),
        ("€ -5", "-5"),
        ("+7", "7"),
        ("0,250", "0.250"),
        ("0.250", "0.250"),
        ("12,5", "12.5"),
        ("12345,678", "12345.678"),
        ("１２．５", "12.5"),
        ("\u0661\u0662\u066b\u0665", "12.5"),
        ("\u200e640\u200e", "640"),
        ("1e3", "1e3"),
        ("123456789012345678901234567890.10", "123456789012345678901234567890.10"),
    ],
)
def test_a_number_with_one_reading_is_read_in_every_language(
    text: str, read: str, language: str
) -> None:
    with reader_language(language):
        assert read_number(text) == read


@pytest.mark.parametrize(
    ("language", "text", "read"),
    [
        (ENGLISH, "1.250", "1.250"),
        (ENGLISH, "1,250", "1250"),
        (GERMAN, "1,250", "1.250"),
        ("", "1.250", "1.250"),
    ],
)
def test_the_language_of_the_reader_decides_if_it_allows_one_reading(
    language: str, text: str, read: str
) -> None:
    with reader_language(language):
        assert read_number(text) == read


@pytest.mark.parametrize(
    ("language", "text", "one", "other"),
    [
        (GERMAN, "1.250", "1250.00", "1.25"),
        (GERMAN, "-1.255", "-1255.00", "-1.2550"),
        (UNKNOWN, "1,250", "1.25", "1250.00"),
        ("", "1,250", "1.25", "1250.00"),
    ],
)
def test_a_number_with_two_readings_is_refused_with_a_question(
    language: str, text: str, one: str, other: str
) -> None:
    with reader_language(language):
        with pytest.raises(AmbiguousNumber, match=f"Write {one} or {other}"):
            read_number(text)
        for answer in (one, other):  # each answer to the question has one reading
            assert Decimal(read_number(answer) or "") == Decimal(answer)


@pytest.mark.parametrize(
    "text", ["", "five", "5²", "1 2", "1.2.3", "1,23,4", "1..2", "--5", "5 %", "12 kg", "½", "_1"]
)
def test_text_that_is_not_a_number_is_not_changed(text: str) -> None:
    for language in (ENGLISH, GERMAN):
        with reader_language(language):
            assert read_number(text) is None


def test_a_form_asks_at_the_field() -> None:
    with reader_language(GERMAN):
        form = form_of(Payment, data=posted(amount="1.250", count="1", rate="0.5"))
        assert form.answer()["amount"] == "1.250"
    (field,) = form.wrong_fields
    assert (field.name, field.value) == ("amount", "1.250")
    assert field.errors == ["1.250 can be read in two ways. Write 1250.00 or 1.25."]


def test_an_unchanged_number_keeps_its_value_in_every_language() -> None:
    class Weight(BaseModel):
        kilograms: Decimal = Decimal("1.250")
        ratio: float = 2.125

    with reader_language(GERMAN):
        form = form_of(Weight, data=posted(kilograms="1.250", ratio="2.125"))
        assert form.answer() == {"kilograms": "1.250", "ratio": 2.125}
    assert not form.has_errors


@pytest.mark.parametrize(
    ("text", "value"), [("12.0", 12), ("12,00", 12), ("1 250", 1250), ("12.5", "12.5")]
)
def test_a_whole_number_takes_decimals_that_are_zero(text: str, value: Any) -> None:
    with reader_language(GERMAN):
        assert answer_of(Payment, posted(amount="1", count=text))["count"] == value


def test_a_decimal_inside_json_keeps_its_digits() -> None:
    class Ledger(BaseModel):
        rates: dict[str, Decimal]
        either: list[tuple[str, Decimal]] = []
        floats: dict[str, float] = {}

    digits = "0.10000000000000000555"
    answer = answer_of(
        Ledger,
        posted(
            rates=f'{{"eur": {digits}, "usd": 1.10}}',
            either=f'[["a", {digits}]]',
            floats='{"a": 1.5}',
        ),
    )
    ledger = TypeAdapter(Ledger).validate_python(answer)
    assert ledger.rates == {"eur": Decimal(digits), "usd": Decimal("1.10")}
    assert str(ledger.rates["usd"]) == "1.10"
    assert ledger.either == [("a", Decimal(digits))]
    assert answer["floats"] == {"a": 1.5}


def test_a_number_that_a_float_would_change_is_refused_in_a_field_without_decimal() -> None:
    class Free(BaseModel):
        anything: dict[str, Any]

    form = form_of(Free, data=posted(anything='{"a": 0.1}'))
    assert form.answer() == {"anything": {"a": 0.1}}
    form = form_of(Free, data=posted(anything='{"a": 0.10000000000000000555}'))
    form.answer()
    assert "write it in quotes" in form.wrong_fields[0].errors[0]
