"""The page of a change shows changed values, with labels, and hides unchanged ones."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.web.payload.test_payload import deep, drawn, words
from workflows.web.payload.diff import MAX_LINES
from workflows.web.payload.tree import Tree

TERMS = "\n".join(f"Clause {n}." for n in range(30))


def test_keys_are_changed_added_removed_or_folded() -> None:
    html = drawn(
        {
            "before": {"price": "12.50", "colour": "red", "name": "Cup", "size": 3},
            "after": {"price": "13.00", "name": "Cup", "size": 3, "weight": 200},
        }
    )
    assert words(html) == (
        "1 changed, 1 added, 1 removed"
        " Price changed before: 12.50 → after: 13.00 Colour removed red Weight added 200"
        " 2 unchanged Name Cup Size 3"
    )
    assert "<details" in html.partition("2 unchanged")[0]


def test_a_change_is_found_under_any_key_and_beside_other_values() -> None:
    html = drawn({"by": "Ann", "plan": {"why": "cheaper", "before": "A", "after": "B"}})
    assert words(html) == ("By Ann Plan Before and after before: A → after: B Why cheaper")
    assert words(drawn([{"before": 1, "after": {"a": [1]}}])) == "1 before: 1 → after: A 1"


def test_objects_in_objects_are_compared_by_key() -> None:
    html = drawn({"before": {"a": {"b": 1, "c": 1}}, "after": {"a": {"b": 2, "c": 1}}})
    assert words(html) == (
        "1 changed A changed 1 changed B changed before: 1 → after: 2 1 unchanged C 1"
    )


@pytest.mark.parametrize(("before", "after"), [(1, True), (1, 1.0), (0, None), ("1", 1)])
def test_values_of_different_types_are_changed(before: Any, after: Any) -> None:
    html = drawn({"before": {"x": before}, "after": {"x": after}})
    assert "1 changed" in html


def test_the_order_of_keys_is_not_a_change() -> None:
    same = drawn({"before": {"x": {"a": 1, "b": 2}}, "after": {"x": {"b": 2, "a": 1}}})
    assert words(same).startswith("No changes 1 unchanged")


def test_texts_are_compared_by_line_with_context() -> None:
    after = TERMS.replace("Clause 9.", "Clause nine.").replace("\nClause 29.", "")
    html = drawn({"before": TERMS, "after": after})
    shown = words(html)
    assert shown.startswith("Lines: 2 removed, 1 added 7 unchanged lines Clause 7. Clause 8. −")
    assert "− removed: Clause 9. + added: Clause nine. Clause 10. Clause 11. 15 unchanged" in shown
    assert shown.endswith("Clause 27. Clause 28. − removed: Clause 29.")


def test_lists_are_compared_by_item() -> None:
    html = drawn({"before": ["a", "b", {"c": 1}], "after": ["a", "b", {"c": 2}, "d"]})
    assert words(html) == (
        'Lines: 1 removed, 2 added a b − removed: { "c": 1 } + added: { "c": 2 } + added: d'
    )


def test_markup_and_marks_that_reorder_text_are_text() -> None:
    evil = "<script>x()</script>\u202e"
    change = {"before": {evil: evil, "t": f"{evil}\nb"}, "after": {evil: "", "t": f"{evil}\nc"}}
    html = drawn(change)
    assert "<script" not in html
    assert "\u202e" not in html
    assert "⟨U+202E⟩" in html


def objects(levels: int, end: int) -> Any:
    value: Any = end
    for _ in range(levels):
        value = {"in": value}
    return value


HUGE: dict[str, Any] = {
    "equal lines": ("x\n" * MAX_LINES, "x\n" * (MAX_LINES - 1) + "y"),
    "no line in common": (
        "\n".join(f"a{n}" for n in range(MAX_LINES)),
        "\n".join(f"b{n}" for n in range(MAX_LINES)),
    ),
    "shuffled": (
        "\n".join(str(n * 7 % 997) for n in range(MAX_LINES)),
        "\n".join(str(n * 11 % 997) for n in range(MAX_LINES)),
    ),
    "too many lines": ("x\n" * 100_000, "y\n" * 100_000),
    "many keys": ({str(n): n for n in range(20_000)}, {str(n): n + 1 for n in range(20_000)}),
    "deep": (deep(2_000), deep(2_001)),
    "deep objects": (objects(30, 1), objects(30, 2)),
    "deepest objects": (objects(5_000, 1), objects(5_000, 2)),
    "changes in changes": (
        {"before": {"before": deep(40), "after": 1}, "after": 1},
        {"before": 2, "after": deep(40)},
    ),
}


@pytest.mark.parametrize("name", HUGE)
def test_huge_changes_are_bounded(name: str) -> None:
    before, after = HUGE[name]
    html = drawn({"before": before, "after": after})
    assert html.count("<") < 40_000


def test_an_object_with_one_key_is_one_field() -> None:
    assert words(drawn({"number": 9, "of": 41, "claim": "C-1"})) == "Number 9 of 41 Claim C-1"
    assert words(drawn({"number": "9", "of": 41})) == "Number 9 Of 41"


def test_columns_of_amounts_are_aligned_and_others_are_not() -> None:
    rows = [{"claim": "C-1", "amount": "12.50", "n": 1}, {"claim": "7", "amount": "", "n": None}]
    (table,) = [Tree().node(rows)]
    assert [column.is_number for column in table.columns] == [False, True, True]
    assert drawn(rows).count('class="payload-figure"') == 6
