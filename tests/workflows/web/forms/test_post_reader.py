"""Posted forms are read as JSON for the model, or give errors at their fields."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal

import pytest
from django.utils import timezone
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tests.support.replies import (
    Everything,
    ExpenseDecision,
    answer_of,
    form_of,
    post,
    posted,
    widgets,
)


def test_the_verdict_comes_from_the_pressed_button() -> None:
    data = "amount=12.50&reason=exception&note="
    answer = {"amount": "12.50", "reason": "exception", "note": None}
    assert answer_of(ExpenseDecision, post(f"{data}&approved=true")) == answer | {"approved": True}
    assert answer_of(ExpenseDecision, post(f"{data}&approved=false")) == answer | {
        "approved": False
    }
    assert answer_of(ExpenseDecision, post(data)) == answer


def test_a_posted_value_has_the_json_type_of_its_field() -> None:
    data = posted(
        count="3",
        ratio="0.25",
        price="12345678901234567890.10",
        name="Ann",
        essay="one\r\ntwo",
        day="2026-03-01",
        moment="2026-03-01T09:30",
        clock="09:30",
        colour="blue",
        level="2",
        maybe="false",
        colours=["red", "blue"],
        mixed=["1", "a"],
        items='[{"street": "A"}]',
        table='{"a": 1}',
        either="some words",
        _draft="ignored",
        **{"address.street": "Main St", "address.number": "", "address.country": "FR"},
    )
    with timezone.override("Europe/Berlin"):
        answer = answer_of(Everything, data)
    assert answer == {
        "flag": False,
        "count": 3,
        "ratio": 0.25,
        "price": "12345678901234567890.10",
        "name": "Ann",
        "essay": "one\ntwo",
        "day": "2026-03-01",
        "moment": "2026-03-01T08:30:00Z",
        "clock": "09:30",
        "colour": "blue",
        "level": 2,
        "maybe": False,
        "colours": ["red", "blue"],
        "mixed": [1, "a"],
        "address": {"street": "Main St", "number": None, "country": "FR"},
        "second": None,
        "items": [{"street": "A"}],
        "table": {"a": 1},
        "either": "some words",
    }
    model = Everything.model_validate(answer)
    assert model.price == Decimal("12345678901234567890.10")
    assert model.moment == datetime(2026, 3, 1, 8, 30, tzinfo=UTC)


def test_absent_checkboxes_are_false_or_empty_lists() -> None:
    answer = answer_of(Everything, post("second.street="))
    assert answer["flag"] is False
    assert answer["colours"] == []


def test_fields_that_were_not_posted_have_the_defaults_of_the_model() -> None:
    answer = answer_of(Everything, post(""))
    assert "price" not in answer
    assert "count" not in answer


def test_an_optional_model_with_one_field_filled_in_is_a_model() -> None:
    answer = answer_of(Everything, post("second.street=Side+St&second.number=&second.country="))
    assert answer["second"] == {"street": "Side St", "number": None}


@pytest.mark.parametrize("text", ["twelve", "1_000", "0x10"])
def test_text_that_is_not_a_number_is_left_to_pydantic(text: str) -> None:
    answer = answer_of(Everything, posted(count=text, ratio=text))
    assert answer["count"] == text
    with pytest.raises(ValidationError):
        Everything.model_validate(answer)


def test_a_deleted_default_is_an_error_and_not_restored() -> None:
    answer = answer_of(Everything, post("price="))
    assert answer["price"] == ""


@pytest.mark.parametrize("text", ["nan", "inf", "-Infinity", "1e999"])
def test_a_number_that_json_does_not_have_is_refused_at_its_field(text: str) -> None:
    form = form_of(Everything, data=posted(ratio=text))
    assert form.answer()["ratio"] == text
    assert [field.name for field in form.wrong_fields] == ["ratio"]


def test_broken_json_is_refused_at_its_field_and_kept() -> None:
    form = form_of(Everything, data=posted(items="[1,", either="[1,"))
    form.answer()
    assert [field.name for field in form.wrong_fields] == ["items", "either"]
    assert "line 1, column 4" in form.wrong_fields[0].errors[0]
    assert form.wrong_fields[0].value == "[1,"


def test_choices_with_the_same_text_keep_their_types() -> None:
    class Reply(BaseModel):
        pick: Literal["1", 1, True, ""]

    texts = {choice.text for choice in form_of(Reply).fields[0].choices}
    found = {repr(answer_of(Reply, posted(pick=text))["pick"]) for text in texts if text}
    assert found == {"'1'", "1", "True", "''"}


def test_an_unknown_choice_is_left_to_pydantic() -> None:
    assert answer_of(Everything, post("colour=green"))["colour"] == "green"


@pytest.mark.parametrize(
    ("annotation", "text", "value"),
    [
        (int, "3", 3),
        (Literal["yes", "no"], "no", "no"),
        (Decimal, "1.10", "1.10"),
        (str | None, "", None),
        (dict[str, Any], '{"a": 1}', {"a": 1}),
        (Any, "[1]", [1]),
        (int, "", None),
    ],
)
def test_a_reply_that_is_not_a_model_has_one_field(annotation: Any, text: str, value: Any) -> None:
    form = form_of(annotation, data=posted(response=text))
    assert [field.name for field in form.fields] == ["response"]
    assert form.answer() == value
    form.set_errors([{"loc": ("response",), "msg": "Not so", "type": "x"}])
    form.set_errors([{"loc": (), "msg": "Nor so", "type": "x"}])
    assert form.fields[0].errors == ["Not so", "Nor so"]


def test_an_untyped_start_event_takes_any_fields() -> None:
    class StartEvent(BaseModel):
        model_config = ConfigDict(extra="allow")

    data = posted(text="hello", csrfmiddlewaretoken="t", _json='{"n": 1, "text": "lost"}')
    form = form_of(StartEvent, data=data)
    assert widgets(form) == {"_json": "json"}
    assert form.answer() == {"n": 1, "text": "hello"}
    wrong = form_of(StartEvent, data=posted(_json="[1]"))
    assert wrong.answer() == {}
    assert wrong.fields[0].errors == ["This must be a JSON object, {…}."]


def test_a_model_with_names_that_no_input_can_have_is_one_json_field() -> None:
    class Odd(BaseModel):
        dotted: int = Field(alias="a.b")

    form = form_of(Odd, data=posted(_json='{"a.b": 1}'))
    assert widgets(form) == {"_json": "json"}
    assert form.answer() == {"a.b": 1}


def test_a_skipped_hour_is_an_error_and_of_a_repeated_hour_the_first_is_used() -> None:
    with timezone.override("Europe/Berlin"):
        skipped = form_of(Everything, data=posted(moment="2026-03-29T02:30"))
        skipped.answer()
        doubled = answer_of(Everything, posted(moment="2026-10-25T02:30"))
    assert skipped.wrong_fields[0].errors == ["2026-03-29T02:30 does not exist in Europe/Berlin."]
    assert doubled["moment"] == "2026-10-25T00:30:00Z"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2026-03-01T09:30:00+02:00", "2026-03-01T07:30:00Z"),
        ("2026-02-30T09:30", "2026-02-30T09:30"),
        ("soon", "soon"),
        ("0001-01-01T00:00+14:00", "0001-01-01T00:00+14:00"),
    ],
)
def test_a_time_is_sent_in_utc_or_as_it_was_typed(text: str, value: str) -> None:
    assert answer_of(Everything, posted(moment=text))["moment"] == value


def test_errors_are_at_their_fields_and_others_above_the_form() -> None:
    data = post("amount=lots&reason=whim")
    form = form_of(ExpenseDecision, data=data)
    with pytest.raises(ValidationError) as caught:
        ExpenseDecision.model_validate(form.answer())
    form.set_errors(caught.value.errors())
    assert [field.name for field in form.wrong_fields] == ["amount", "reason"]
    assert form.errors == ["Choose one of the two buttons."]
    form.set_errors([{"loc": (), "msg": "Value error, too much in all", "type": "value_error"}])
    form.set_errors([{"loc": ("gone", 1), "msg": "No such thing", "type": "extra_forbidden"}])
    assert form.errors[1:] == ["too much in all", "gone[1]: No such thing"]


def test_errors_of_a_whole_reply_find_nested_fields_and_places_in_json() -> None:
    class Reply(BaseModel):
        response: Everything

    form = form_of(Everything, data=post("second.street=x&second.number=y&items=[{},{}]"))
    with pytest.raises(ValidationError) as caught:
        Reply.model_validate({"response": form.answer()})
    form.set_errors(caught.value.errors())
    wrong = {field.name: field.errors for field in form.wrong_fields}
    assert "second.number" in wrong
    assert "address.street" in wrong
    assert wrong["items"] == [
        "At [0].street: Required.",
        "At [1].street: Required.",
    ]
