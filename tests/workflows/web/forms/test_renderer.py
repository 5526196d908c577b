"""The rendered form: each input has a label, errors are linked, and text is escaped."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from html.parser import HTMLParser
from typing import Any, Literal

import pytest
from django.http import QueryDict
from django.template.loader import render_to_string
from pydantic import BaseModel, Field, create_model

from workflows.web.forms import SchemaForm

Attrs = dict[str, str | None]


class Elements(HTMLParser):
    """Every element of a page as its tag and attributes, in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.found: list[tuple[str, Attrs]] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def all(self, *tags: str) -> list[Attrs]:
        return [attrs for tag, attrs in self.found if tag in tags]

    def named(self, name: str) -> Attrs:
        return next(attrs for _, attrs in self.found if attrs.get("name") == name)


class Place(BaseModel):
    city: str
    floors: list[Literal["ground", "first"]] = []


class Reply(BaseModel):
    approved: bool
    amount: Decimal = Field(ge=0, description="What we pay")
    reason: Literal["in policy", "exception"]
    urgent: bool = False
    maybe: bool | None = None
    note: str | None = None
    place: Place
    extra: dict[str, int] = {}


def page(model: type[BaseModel], posted: str | None = None, errors: Any = None) -> str:
    data = None if posted is None else QueryDict(posted)
    form = SchemaForm(model.model_json_schema(), data=data)
    form.set_errors(errors or [])
    return render_to_string("forms/fields.html", {"form": form})


def test_every_input_has_a_label_and_every_reference_an_element() -> None:
    errors = [{"loc": ("amount",), "msg": "Wrong", "type": "x"}]
    elements = Elements(page(Reply, "amount=x", errors))
    ids = [attrs["id"] for _, attrs in elements.found if "id" in attrs]
    labels = {attrs["for"] for attrs in elements.all("label")}
    assert len(ids) == len(set(ids))
    for control in elements.all("input", "select", "textarea"):
        assert control["id"] in labels
    for _, attrs in elements.found:
        for reference in (attrs.get("aria-describedby") or "").split():
            assert reference in ids
    for link in elements.all("a"):
        assert (link["href"] or "").removeprefix("#") in ids


def test_an_error_is_marked_described_and_listed_above() -> None:
    html = page(Reply, "amount=x", [{"loc": ("amount",), "msg": "Not a decimal", "type": "x"}])
    amount = Elements(html).named("amount")
    assert amount["value"] == "x"
    assert amount["aria-invalid"] == "true"
    assert amount["aria-describedby"] == "id_amount-error id_amount-help"
    assert html.count("Not a decimal") == 2
    assert 'href="#id_amount"' in html


def test_no_form_tag_and_no_buttons_are_rendered() -> None:
    elements = Elements(page(Reply))
    assert not elements.all("form", "button", "script", "style")
    assert all("style" not in attrs for _, attrs in elements.found)
    assert not any(attrs.get("name") == "approved" for _, attrs in elements.found)


def test_nested_names_are_dotted_and_choices_repeat_their_name() -> None:
    elements = Elements(page(Reply, "place.floors=first"))
    assert elements.named("place.city")["type"] == "text"
    boxes = [attrs for attrs in elements.all("input") if attrs.get("name") == "place.floors"]
    assert [(box["value"], "checked" in box) for box in boxes] == [
        ("ground", False),
        ("first", True),
    ]


def test_a_textarea_keeps_its_first_empty_line() -> None:
    assert ">\n\nsecond line</textarea>" in page(Reply, "note=%0D%0Asecond+line")


@pytest.mark.parametrize("hostile", ["<script>alert(1)</script>", '"><b onclick=x>', "{{ form }}"])
def test_hostile_text_is_escaped(hostile: str) -> None:
    pick: Any = Enum("pick", {"A": "a", "B": hostile})
    model = create_model(
        "Hostile",
        word=(str, Field(default=hostile, title=hostile, description=hostile, examples=[hostile])),
        pick=(pick, ...),
        data=(dict[str, str], {hostile: hostile}),
    )
    html = page(model, None, [{"loc": ("word",), "msg": hostile, "type": "x"}])
    assert "<script" not in html
    assert "<b " not in html
    assert Elements(html).named("word")["value"] == hostile


def test_a_long_text_of_a_start_form_has_a_file_field() -> None:
    class Start(BaseModel):
        text: str

    form = SchemaForm(Start.model_json_schema(), uploads=True)
    elements = Elements(render_to_string("forms/fields.html", {"form": form}))
    assert elements.named("_file.text")["type"] == "file"
    assert "required" not in elements.named("text")
