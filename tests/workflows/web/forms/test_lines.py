"""Lists typed with one item on each line, and texts whose line breaks a browser changes."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any

import pytest
from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from tests.support.replies import answer_of, form_of, posted, widgets
from workflows.web.forms.inputs.typed_numbers import reader_language


class Lists(BaseModel):
    names: list[str]
    counts: list[int] = []
    prices: list[Decimal] | None = None
    days: set[date] = set()
    nested: list[list[str]] = []
    pair: tuple[str, int] = ("a", 1)


def test_a_list_of_texts_numbers_or_dates_is_typed_in_lines() -> None:
    assert widgets(form_of(Lists)) == {
        "names": "lines", "counts": "lines", "prices": "lines", "days": "lines",
        "nested": "json", "pair": "json",
    }  # fmt: skip


def test_each_line_is_an_item() -> None:
    data = posted(
        names=" Ann \r\n\r\nBob, Carl\r\n[x]\r\n", counts="1\r\n2", prices="1,50\r\n1 250,00",
        days="2026-03-01",
    )  # fmt: skip
    with reader_language("de"):
        answer = answer_of(Lists, data)
    assert answer["names"] == ["Ann", "Bob, Carl", "[x]"]
    assert answer["counts"] == [1, 2]
    assert answer["prices"] == ["1.50", "1250.00"]
    assert TypeAdapter(Lists).validate_python(answer).days == {date(2026, 3, 1)}


def test_json_is_accepted_too() -> None:
    answer = answer_of(Lists, posted(names='["a\\nb", ""]', counts="[1, 2]"))
    assert (answer["names"], answer["counts"]) == (["a\nb", ""], [1, 2])


def test_an_empty_field_is_an_empty_list_or_null() -> None:
    answer = answer_of(Lists, posted(names=" ", counts="", prices=""))
    assert (answer["names"], answer["counts"], answer["prices"]) == ([], [], None)


@pytest.mark.parametrize(
    ("items", "drawn"),
    [
        (["a", "b"], "a\nb"),
        (["a\nb"], '[\n  "a\\nb"\n]'),
        ([" a"], '[\n  " a"\n]'),
        ([""], '[\n  ""\n]'),
        (['["a"]'], '[\n  "[\\"a\\"]"\n]'),
    ],
)
def test_a_list_whose_values_do_not_fit_on_lines_is_a_json_field(
    items: list[str], drawn: str
) -> None:
    form = form_of(Lists, initial={"names": items})
    assert form.fields[0].value == drawn
    assert answer_of(Lists, posted(names=drawn))["names"] == items


def test_an_error_names_the_entry() -> None:
    class Short(BaseModel):
        names: list[Annotated[str, Field(max_length=3)]]

    form = form_of(Short, data=posted(names="Ann\r\nRobert"))
    with pytest.raises(ValidationError) as caught:
        Short.model_validate(form.answer())
    form.set_errors(list(caught.value.errors()))
    assert form.wrong_fields[0].errors[0].startswith("At entry 2:")


@pytest.mark.parametrize("text", ["a\rb", "a\r\nb", "a\nb\r\nc\rd", "\ra"])
def test_an_unchanged_text_keeps_its_line_breaks(text: str) -> None:
    class Letter(BaseModel):
        body: Annotated[str, Field(max_length=50)] = text

    (field,) = form_of(Letter).fields
    assert field.widget == "textarea"  # a one-line input would drop them
    sent = str(field.value).replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
    assert answer_of(Letter, posted(body=sent)) == {"body": text}
    changed: dict[str, Any] = answer_of(Letter, posted(body=f"{sent}!"))
    assert changed["body"] != text
