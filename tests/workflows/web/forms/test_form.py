"""The inputs that a form has for a typed reply, and how they are rendered."""

from __future__ import annotations

from typing import Any, Literal

import pytest
from django.utils import timezone
from pydantic import BaseModel, Field

from tests.support.replies import (
    Everything,
    ExpenseDecision,
    form_of,
    posted,
    widgets,
)


def test_every_supported_type_has_its_own_input() -> None:
    assert widgets(form_of(Everything)) == {
        "flag": "checkbox",
        "count": "integer",
        "ratio": "number",
        "price": "decimal",
        "name": "text",
        "essay": "textarea",
        "day": "date",
        "moment": "datetime",
        "clock": "time",
        "colour": "select",
        "level": "radio",
        "maybe": "tristate",
        "colours": "checkboxes",
        "mixed": "checkboxes",
        "address": "fieldset",
        "second": "fieldset",
        "items": "json",
        "table": "json",
        "either": "json",
    }


def test_a_required_verdict_is_two_buttons_and_no_field() -> None:
    form = form_of(ExpenseDecision)
    assert form.has_verdict
    assert [field.name for field in form.fields] == ["amount", "reason", "note"]


@pytest.mark.parametrize("annotation", [bool | None, Literal[True]])
def test_only_a_required_plain_bool_is_a_verdict(annotation: Any) -> None:
    model = type("Reply", (BaseModel,), {"__annotations__": {"approved": annotation}})
    assert not form_of(model).has_verdict


def test_a_bool_with_a_default_is_not_a_verdict() -> None:
    class Reply(BaseModel):
        approved: bool = False

    assert widgets(form_of(Reply)) == {"approved": "checkbox"}


def test_a_model_that_contains_itself_has_a_json_field() -> None:
    class Part(BaseModel):
        name: str
        inner: Part | None = None
        parts: list[Part] = []

    assert widgets(form_of(Part)) == {"name": "text", "inner": "json", "parts": "json"}


def test_a_draft_is_shown_as_it_was_typed() -> None:
    data = posted(
        count="many",
        moment="tomorrow",
        clock="9",
        colour="green",
        maybe="true",
        colours=["blue"],
        flag="on",
        **{"address.street": "Half"},
    )
    fields = {field.name: field for field in form_of(Everything, data=data).fields}
    assert fields["count"].value == "many"
    assert fields["moment"].value == "tomorrow"
    assert fields["moment"].attrs["type"] == "text"
    assert fields["flag"].value is True
    assert [choice.selected for choice in fields["colours"].choices] == [False, True]
    assert [choice.label for choice in fields["maybe"].choices if choice.selected] == ["Yes"]
    assert fields["address"].children[0].value == "Half"


def test_defaults_and_bounds_are_shown() -> None:
    fields = {field.name: field for field in form_of(Everything).fields}
    assert fields["count"].label == "How many"
    assert fields["count"].help == "1 to 9"
    assert fields["count"].attrs["inputmode"] == "numeric"
    assert fields["price"].value == "1.50"
    assert fields["ratio"].help == "more than 0, less than 1"
    assert fields["name"].attrs["maxlength"] == "40"
    assert fields["name"].attrs["pattern"] == ".*(?:^[A-Z]).*"
    assert fields["flag"].value is True
    assert [c.label for c in fields["colour"].choices if c.selected] == ["red"]
    assert fields["second"].children[2].value == ""
    assert fields["second"].children[2].attrs["placeholder"] == "DE"
    amount = form_of(ExpenseDecision).fields[0]
    assert amount.help == "What we pay · at least 0"


def test_initial_values_are_in_the_readers_zone() -> None:
    initial = {
        "count": 4,
        "moment": "2026-07-01T08:00:00Z",
        "second": {"street": "B", "number": 2},
        "table": {"ü": 1},
        "colours": ["blue"],
    }
    with timezone.override("Europe/Berlin"):
        fields = {field.name: field for field in form_of(Everything, initial=initial).fields}
    assert fields["count"].value == "4"
    assert fields["moment"].value == "2026-07-01T10:00"
    assert [child.value for child in fields["second"].children] == ["B", "2", ""]
    assert fields["table"].value == '{\n  "ü": 1\n}'
    assert [choice.selected for choice in fields["colours"].choices] == [False, True]


def test_an_incomplete_form_can_be_rejected() -> None:
    blocking = {"required", "pattern", "minlength"}
    for field in form_of(ExpenseDecision).fields:
        assert not blocking & set(field.attrs)
    assert "required" in form_of(Everything).fields[1].attrs


def test_a_prefix_makes_ids_unique() -> None:
    fields = form_of(Everything, prefix_id="a-").fields
    address = next(field for field in fields if field.name == "address")
    assert address.children[0].id == "a-id_address-street"


def test_a_secret_is_not_shown_again() -> None:
    class Login(BaseModel):
        token: str = Field(json_schema_extra={"format": "password"})

    form = form_of(Login, data=posted(token="hunter2"))
    assert form.fields[0].value == ""
    assert form.answer() == {"token": "hunter2"}


def test_a_bound_that_the_description_names_is_not_repeated() -> None:
    class Essay(BaseModel):
        text: str = Field(max_length=50_000, description="Prose, up to 50,000 characters.")
        title: str = Field(max_length=80, description="In one line")

    fields = {field.name: field for field in form_of(Essay).fields}
    assert fields["text"].help == "Prose, up to 50,000 characters."
    assert fields["title"].help == "In one line · up to 80 characters"
