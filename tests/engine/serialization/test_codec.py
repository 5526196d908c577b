"""Values as JSON: a value is read back unchanged, or it is refused when it is stored."""

from __future__ import annotations

import json
from collections import OrderedDict
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID, uuid4
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from workflows.engine import Event, UnstorableValue
from workflows.engine.serialization.codec import MAX_DEPTH, check_text, clean_text, decode, encode


class Point(Event):
    x: int
    when: datetime | None = None


class Plain(BaseModel):
    amount: Decimal


class Colour(Enum):
    RED = "red"


class Text(str):
    pass


EVENTS = {"Point": Point}
zones = st.integers(-23 * 60, 23 * 60).map(lambda n: timezone(timedelta(minutes=n)))
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]))
leaves = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False),
    texts, st.binary(), st.uuids(), st.dates(), st.times(), st.timedeltas(),
    st.decimals(allow_nan=False), st.datetimes(), st.datetimes(timezones=zones),
    st.builds(Point, x=st.integers(-(2**40), 2**40), when=st.none()),
)  # fmt: skip
keys = texts | st.sampled_from(["$", "v", "type"])
values = st.recursive(
    leaves, lambda inner: st.lists(inner) | st.dictionaries(keys, inner), max_leaves=12
)


@settings(max_examples=200, deadline=None)
@given(values)
def test_a_value_that_can_be_stored_is_read_back_unchanged(value: Any) -> None:
    tree = json.loads(json.dumps(encode(value, EVENTS), allow_nan=False))
    back = decode(tree, EVENTS)
    assert back == value
    assert type(back) is type(value)


@pytest.mark.parametrize(
    "value",
    [
        {"$": "decimal", "v": "1"}, {"$": None}, {"$": {"$": 1}}, [{"v": 1}], {"$": "dict"},
        {"$": "event", "v": ["Point", {}]},
    ],
)  # fmt: skip
def test_dict_that_looks_like_a_tag_stays_a_dict(value: Any) -> None:
    assert decode(json.loads(json.dumps(encode(value))), {}) == value


def test_tuples_stay_tuples_at_any_depth() -> None:
    value = (1, [(2, {"a": ()})])
    assert decode(json.loads(json.dumps(encode(value))), {}) == value


@pytest.mark.parametrize(
    ("value", "advice"),
    [
        (Text("a"), "str"),
        (Colour.RED, "value"),
        (Plain(amount=Decimal("1.0")), "model_dump"),
        (OrderedDict(a=1), "dict"),
    ],
)
def test_a_value_that_would_be_read_back_differently_is_refused_with_advice(
    value: Any, advice: str
) -> None:
    with pytest.raises(UnstorableValue, match=f"{type(value).__name__}.*{advice}"):
        encode({"deep": [value]})


class Live:
    pass


@pytest.mark.parametrize(
    "value",
    [
        float("nan"), float("inf"), -float("inf"), "\x00", "\ud800", {"\ud800": 1}, {1: 1}, {1, 2},
        Live(), Live, len, 10**4001, -(10**4001), b"x".__iter__(), 1j, [[Live()]],
    ],
    ids=range(16),
)  # fmt: skip
def test_what_cannot_be_stored_is_refused(value: Any) -> None:
    with pytest.raises(UnstorableValue):
        encode(value)
    with pytest.raises(UnstorableValue):
        encode({"deep": [value]})


def test_too_deep_nesting_and_circles_are_refused() -> None:
    deep: Any = 1
    for _ in range(MAX_DEPTH):
        deep = [deep]
    assert decode(encode(deep), {}) == deep
    with pytest.raises(UnstorableValue, match=str(MAX_DEPTH)):
        encode([[deep]])
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(UnstorableValue):
        encode(circle)


class Measured(Event):
    value: Any


@pytest.mark.parametrize("number", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize(
    "wrap", [lambda one: one, lambda one: [1, {"deep": one}]], ids=["alone", "list"]
)
def test_a_number_that_json_lacks_is_refused_and_not_made_null(number: float, wrap: Any) -> None:
    with pytest.raises(UnstorableValue, match=f"'value': The number {number}"):
        encode(Measured(value=wrap(number)))


def test_only_declared_events_are_stored_and_none_is_imported_by_name() -> None:
    with pytest.raises(UnstorableValue, match="'Point'"):
        encode(Point(x=1), {})
    with pytest.raises(UnstorableValue, match="'Point'"):
        encode(Point(x=1), {"Point": type("Point", (Event,), {})})
    with pytest.raises(UnstorableValue, match="'os.system'"):
        decode({"$": "event", "v": ["os.system", {}]}, EVENTS)
    with pytest.raises(UnstorableValue, match="'pickle'"):
        decode({"$": "pickle", "v": "gASVAAAA"}, EVENTS)


def test_encoded_values_share_nothing_with_the_original() -> None:
    value = {"a": [1], "id": uuid4()}
    tree = encode(value)
    value["a"].append(2)  # type: ignore[attr-defined]
    one, two = decode(tree, {}), decode(tree, {})
    one["a"].append(3)
    assert two["a"] == [1]


def test_times_keep_their_zone_and_microseconds() -> None:
    for value in (
        datetime(2026, 1, 2, 3, 4, 5, 6, timezone(timedelta(hours=5, minutes=30))),
        time(1, 2, 3, 4),
        date(2026, 1, 2),
        timedelta(days=-1, microseconds=1),
        UUID(int=5),
    ):
        assert decode(json.loads(json.dumps(encode(value))), {}) == value


@pytest.mark.parametrize("kind", [datetime, time], ids=["datetime", "time"])
@pytest.mark.parametrize("fold", [0, 1])
@pytest.mark.parametrize(
    "zone", [None, UTC, timezone(timedelta(hours=1)), ZoneInfo("Europe/Berlin"), ZoneInfo("UTC")]
)
def test_times_keep_the_name_of_their_zone_and_their_fold(kind: Any, fold: int, zone: Any) -> None:
    at = datetime(2026, 10, 25, 2, 30, fold=fold, tzinfo=zone)
    value = at if kind is datetime else at.timetz()
    back = decode(json.loads(json.dumps(encode(value))), {})
    assert (back, back.fold, back.tzinfo) == (value, fold, zone)


def test_a_day_after_09_00_in_berlin_is_09_00_over_the_change_of_clocks() -> None:
    before = datetime(2026, 3, 28, 9, tzinfo=ZoneInfo("Europe/Berlin"))
    after = decode(encode(before), {}) + timedelta(days=1)
    assert after.isoformat() == "2026-03-29T09:00:00+02:00"


def test_a_zone_that_has_no_name_is_refused() -> None:
    class Odd(tzinfo):
        def utcoffset(self, when: datetime | None, /) -> timedelta:
            return timedelta(hours=1)

        def dst(self, when: datetime | None, /) -> None:
            return None

        def tzname(self, when: datetime | None, /) -> None:
            return None

    for zone in (Odd(), timezone(timedelta(hours=1), "CET")):
        with pytest.raises(UnstorableValue, match="zone of the type"):
            encode(datetime(2026, 1, 1, tzinfo=zone))


def test_text_is_either_checked_or_cleaned() -> None:
    assert check_text("fine ✓") == "fine ✓"
    assert clean_text("a\x00b\ud800") == "a�b?"
