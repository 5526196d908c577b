"""JSON values are compared by their content."""

from __future__ import annotations

from typing import Any

import pytest

from workflows.engine.requests.payload_edits import json_equal

DEEP: Any = 1
for _ in range(5000):
    DEEP = [DEEP]


@pytest.mark.parametrize(
    "value",
    [None, True, 0, 1.5, -0.0, "", "ä", [], {}, 10**400, [1, [2, {"a": None}]], {"a": 1, "b": 2}],
)
def test_a_value_is_the_same_as_itself(value: Any) -> None:
    assert json_equal(value, value)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, True), (0, False), (1, 1.0), (True, 1.0), (0.0, -0.0), (0, None), ("1", 1), ([], {}),
        (2**53, 2.0**53), (2**53 + 1, 2**53), (10**400, 10**400 + 1), ([1], [1, 1]),
        ({"a": 1}, {"a": True}), ({"a": 1}, {"b": 1}), ([1, 2], [2, 1]), ("", None), ("a", ["a"]),
    ],
)  # fmt: skip
def test_values_of_different_types_differ(left: Any, right: Any) -> None:
    assert not json_equal(left, right)
    assert not json_equal(right, left)
    assert not json_equal({"x": [left]}, {"x": [right]})


def test_the_order_of_keys_does_not_matter() -> None:
    assert json_equal({"a": 1, "b": {"c": 1, "d": 2}}, {"b": {"d": 2, "c": 1}, "a": 1})


def test_values_of_any_depth_can_be_compared() -> None:
    assert json_equal(DEEP, DEEP)
    assert not json_equal(DEEP, [DEEP])
