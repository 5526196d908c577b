"""A payload is rendered readably, and can do nothing in the page."""

from __future__ import annotations

import re
from decimal import Decimal
from html import unescape
from typing import Any

import pytest
from django.template import engines
from django.utils import translation

from workflows.templatetags.payload import visible_text
from workflows.text.invisible_characters import IGNORABLE_RANGES
from workflows.web.payload.node import humanised, is_link
from workflows.web.payload.tree import Tree


def drawn(value: Any, source: str = "{% payload_tree value %}") -> str:
    template = engines["django"].from_string("{% load payload %}" + source)
    return template.render({"value": value})


def words(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


def test_scalars_are_fields_with_readable_names() -> None:
    html = drawn({"claim_id": 17, "teamName": "Sales", "receipt": True, "limit": None, "note": ""})
    assert words(html) == "Claim id 17 Team name Sales Receipt yes Limit — Note empty text"
    assert 'title="claim_id"' in html


def test_numbers_are_exact_whatever_the_locale() -> None:
    with translation.override("de"):
        html = drawn([1234567.1, 10**30, 640.0, Decimal("640.00"), 1e-9, 10**5000])
    assert words(html).startswith(f"1234567.1 , {10**30} , 640.0 , 640.00 , 1e-09 , ")
    assert "bits" in html


def test_nested_objects_and_lists_are_nested() -> None:
    html = drawn({"person": {"name": "Ann", "tags": ["a", "b"]}, "mixed": [{"a": [1]}, "x"]})
    assert words(html) == "Person Name Ann Tags a , b Mixed 1 A 1 2 x"
    assert html.count("<dl") == 3


def test_flat_records_are_a_table_and_many_rows_are_folded() -> None:
    rows = [{"n": n, "who": "Ann"} for n in range(61)] + [{"n": 61, "extra": True}]
    html = drawn({"claims": rows})
    assert "and 12 more" in html
    assert html.count("<tr>") == 62 + 2
    assert "<bdi>Extra</bdi>" in html[: html.index("<tbody>")]


def test_long_text_is_folded() -> None:
    html = drawn({"text": "word " * 200, "lines": "a\n" * 20})
    assert html.count("<details") == 2
    assert "(1,000 characters)" in html


@pytest.mark.parametrize(
    "value",
    [
        "<script>alert(1)</script>",
        '"><img src=x onerror=alert(1)>',
        "<b hx-get='/x' hx-trigger='load'>",
        "{{ value }}{% csrf_token %}",
    ],
)
def test_markup_is_text_as_value_key_column_and_choice(value: str) -> None:
    rows = [{value: 1}, {value: 2}]
    html = drawn({value: value, "rows": rows, "list": [value], "deep": {"a": {value: []}}})
    raw = drawn({value: value}, "{% raw_json value %}")
    for text in (html, raw):
        assert not re.search(r"<(script|img|b)\b", text)
        assert "onerror=alert(1)>" not in text
    assert value in unescape(html)


@pytest.mark.parametrize(
    "address", ["https://example.org/a?b=1#c", "http://localhost:8000", "HTTPS://EXAMPLE.ORG"]
)
def test_web_addresses_are_links_without_a_referrer(address: str) -> None:
    html = " ".join(drawn({"page": address}).split())
    assert f'href="{address}" rel="noopener noreferrer nofollow" target="_blank"' in html


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("https://\u0430\u0440\u0440\u04cf\u0435.example/x?y#z",
         "https://xn--80ak6aa92e.example/x?y#z"),  # Cyrillic letters that look like "apple"
        ("https://p\u0430ypal.example:8443/", "https://xn--pypal-4ve.example:8443/"),
        ("https://stra\u00dfe.example/", "https://xn--strae-oqa.example/"),
        ("https://\uff45vil.example/", "https://evil.example/"),  # full width
        ("https://evil\u3002example/", "https://evil.example/"),
        ("https://de.example/K\u00f6ln", "https://de.example/K\u00f6ln"),
        ("https://bank.example./x", "https://bank.example./x"),
        ("https://192.0.2.1:8000/x", "https://192.0.2.1:8000/x"),
        ("http://[2001:db8::1]:8000/", "http://[2001:db8::1]:8000/"),
        ("https://a.example/@bob?to=c@d", "https://a.example/@bob?to=c@d"),
    ],
)  # fmt: skip
def test_a_link_shows_the_host_that_a_browser_goes_to(address: str, shown: str) -> None:
    html = unescape(drawn([address]))
    assert f'href="{shown}"' in html
    assert f"<bdi>{shown}</bdi>" in html


@pytest.mark.parametrize(
    "text",
    [
        "javascript:alert(1)",
        "data:text/html,<script>",
        " https://example.org",
        "https://",
        "https://[broken",
        "https://a.example/\u202egpj.exe",
        "see https://example.org",
        "//example.org",
        "https:/\\example.org",
        "http:\\\\evil.example",
        "https:/evil.example",
        "https:evil.example",
        "https:///evil.example",
        "https://bank.example@evil.example",
        "https://bank.example:x@evil.example/",
        "https://@evil.example/",
        "https://bank.example:0/",
        "https://bank.example:/",
        "https://bank.example:x/",
        "https://bank.example:99999/",
        "https://bank..example/",
        "https://.example/",
        "https://-bank.example/",
        "https://%65vil.example/",
        "https://bank.example\uff0fevil.example/",  # a slash of full width
        "https://bank.example\u2044evil.example/",
        "https://pay\u00adpal.example/",
        "https://pay\u200dpal.example/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://127.1/",
        "https://[::1/",
        "https://[::x]/",
        "https://a.example/\u0007",
        "https://a.example/\u00a0b",
    ],
)
def test_nothing_else_is_a_link(text: str) -> None:
    assert not is_link(text)
    assert "<a " not in drawn([text])


def test_characters_that_reorder_or_hide_text_are_made_visible() -> None:
    assert visible_text("a\u202eb\u2066c\x00d\x1b[0m\ud800") == (
        "a⟨U+202E⟩b⟨U+2066⟩c⟨U+0000⟩d⟨U+001B⟩[0m⟨U+D800⟩"
    )
    assert visible_text("tab\tline\r\nشكرا 👩\u200d💻") == "tab\tline\nشكرا 👩\u200d💻"
    assert visible_text(None) == ""


def test_every_ignorable_code_point_of_unicode_is_made_visible() -> None:
    points = [n for first, last in IGNORABLE_RANGES for n in range(first, last + 1)]
    assert len(points) == len(set(points)) == 4174  # as DerivedCoreProperties.txt counts them
    for n in points:
        assert visible_text(f"a{chr(n)}b") == f"a⟨U+{n:04X}⟩b"
        assert visible_text(chr(n)) == f"⟨U+{n:04X}⟩"


@pytest.mark.parametrize(
    "text",
    [
        "👩\u200d💻", "❤\ufe0f", "1\ufe0f\u20e3", "👨🏽\u200d⚕\ufe0f", "🏳\ufe0f\u200d🌈",
        "می\u200cخواهم", "क्\u200dष", "ന്\u200d",
    ],
)  # fmt: skip
def test_joiners_and_variation_selectors_are_kept_where_they_are_needed(text: str) -> None:
    assert visible_text(text) == text


def test_no_message_can_be_hidden_in_the_variation_selectors_of_an_emoji() -> None:
    assert visible_text("😀\ufe0f\ufe0e\ufe0f") == "😀\ufe0f⟨U+FE0E⟩⟨U+FE0F⟩"
    assert visible_text("pay\u200dpal می\u200c") == "pay⟨U+200D⟩pal می⟨U+200C⟩"


def test_a_page_with_lone_surrogates_can_be_sent() -> None:
    payload = {"\ud800": ["\udfff" * 500, {"a": "\x00"}]}
    (drawn(payload) + drawn(payload, "{% raw_json value %}")).encode()


def deep(levels: int) -> Any:
    value: Any = "end"
    for n in range(levels):
        value = {"in": value} if n % 2 else [value]
    return value


@pytest.mark.parametrize("levels", [7, 32, 100_000])
def test_a_deep_value_is_shown_as_json_and_never_crashes(levels: int) -> None:
    html = drawn(deep(levels))
    assert "<pre" in html
    drawn(deep(levels), "{% raw_json value %}")


@pytest.mark.parametrize(
    "value",
    [
        {str(n): n for n in range(50_000)},
        list(range(50_000)),
        [{"a": [n]} for n in range(20_000)],
        [{"a": n} for n in range(20_000)],
        [{"a": n, str(n): 1} for n in range(5_000)],
    ],
)
def test_the_number_of_elements_is_bounded_and_the_rest_is_json(value: Any) -> None:
    html = drawn(value)
    assert html.count("<") < 30_000
    assert "<pre" in html


def test_scalars_alone_are_shown_too() -> None:
    assert words(drawn("just text")) == "just text"
    assert words(drawn({})) == "nothing"
    assert words(drawn([])) == "none"
    assert words(drawn(None)) == "—"


def test_raw_json_is_readable_focusable_and_labelled() -> None:
    html = drawn({"ü": [1]}, '{% raw_json value "Snapshot" %}')
    assert 'tabindex="0"' in html
    assert 'aria-label="Snapshot"' in html
    assert '"ü": [\n    1\n  ]' in unescape(html)


def test_labels_of_odd_keys() -> None:
    assert [humanised(key) for key in ("", "IBAN", "a-b c", "x" * 200)] == [
        "(no name)",
        "IBAN",
        "A b c",
        "X" + "x" * 119 + "…",
    ]


def test_a_tree_counts_its_nodes() -> None:
    tree = Tree(max_nodes=10)
    node = tree.node({"a": list(range(20))})
    assert node.items[0].items[-1].kind == "raw"
