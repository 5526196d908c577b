"""Random type annotations, usual and unusual ones, with values that fit or almost fit."""

from __future__ import annotations

import string
from collections import OrderedDict, deque
from dataclasses import dataclass, make_dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum, IntEnum
from ipaddress import IPv4Address
from pathlib import PurePosixPath
from typing import Annotated, Any, Literal, Optional, Union
from uuid import UUID
from zoneinfo import ZoneInfo

from hypothesis import strategies as st
from pydantic import (
    AfterValidator,
    AnyUrl,
    BaseModel,
    BeforeValidator,
    Field,
    FutureDatetime,
    Json,
    PlainValidator,
    RootModel,
    SecretStr,
    WrapValidator,
    create_model,
)

from workflows.engine import Event


@dataclass(frozen=True)
class Typed:
    """An annotation, and values for a field of this type."""

    annotation: Any
    values: st.SearchStrategy[Any]


class Colour(Enum):
    RED = "red"
    ONE = 1


class Level(IntEnum):
    LOW = 1


class Text(str):
    __slots__ = ()


class Pet(BaseModel):
    name: str = "a"


class Dog(Pet):
    paws: int = 4


class Cat(BaseModel):
    name: str = "a"


class Inner(Event):
    n: int = 1


class InnerMore(Inner):
    more: int = 2


class Listed(RootModel[list[int]]):
    pass


zones: st.SearchStrategy[Any] = st.sampled_from(
    [None, UTC, ZoneInfo("Europe/Berlin"), ZoneInfo("America/Lima"), timezone(timedelta(hours=-3))]
)
moments = st.builds(
    lambda at, zone, fold: at.replace(tzinfo=zone, fold=fold),
    st.datetimes(), zones, st.sampled_from([0, 1]),
)  # fmt: skip
words = st.text(string.ascii_letters + "0é$[]=\U0001f600\x00\ud800", max_size=6) | st.sampled_from(
    ["YWJj", "1", "true", "null", "2026-01-01", "1.0", "NaN", "[1]"]
)
plain = st.one_of(
    st.none(), st.booleans(), st.integers(), st.integers(-(10**30), 10**30),
    st.floats(), words, st.binary(max_size=4), st.decimals(), moments, st.dates(), st.timedeltas(),
    st.uuids(), st.sampled_from([*Colour, Level.LOW, Text("a"), SecretStr("x"), -0.0, 1e22]),
    st.sampled_from([Pet(), Dog(), Cat(), Inner(), InnerMore(), Listed([1]), object()]),
)  # fmt: skip
keys = words | st.integers(-2, 2) | st.sampled_from([None, True, "1", 1, 1.5])
anything: st.SearchStrategy[Any] = st.recursive(
    plain,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(keys, inner, max_size=3),
    ),
    max_leaves=5,
)  # fmt: skip

scalars: list[Typed] = [
    Typed(int, st.integers()), Typed(float, st.floats() | st.integers()), Typed(str, words),
    Typed(bool, st.booleans()), Typed(bytes, st.binary(max_size=5)), Typed(Any, anything),
    Typed(Decimal, st.decimals()), Typed(datetime, moments), Typed(date, st.dates()),
    Typed(time, moments.map(lambda at: at.timetz())), Typed(timedelta, st.timedeltas()),
    Typed(UUID, st.uuids()), Typed(Colour, st.sampled_from(Colour)),
    Typed(Level, st.just(Level.LOW)),
    Typed(SecretStr, words.map(SecretStr)), Typed(FutureDatetime, moments),
    Typed(AnyUrl, st.just(AnyUrl("http://a.b/c"))), Typed(PurePosixPath, words.map(PurePosixPath)),
    Typed(IPv4Address, st.integers(0, 2**32 - 1).map(IPv4Address)), Typed(Json, anything),
    Typed(Literal[1, "1", True, None], st.sampled_from([1, "1", True, None])),
    Typed(Pet, st.sampled_from([Pet(), Dog(), Pet(name="b")])), Typed(Listed, st.just(Listed([1]))),
    Typed(Inner, st.sampled_from([Inner(), InnerMore()])), Typed(object, anything),
    Typed(Annotated[int, AfterValidator(lambda n: n * 100)], st.integers()),
    Typed(Annotated[int, BeforeValidator(lambda n: n * 100)], st.integers()),
    Typed(Annotated[int, PlainValidator(lambda n: n * 100)], anything),
    Typed(Annotated[int, WrapValidator(lambda n, handler: handler(n) * 100)], st.integers()),
    Typed(Annotated[str, AfterValidator(str.upper)], words),
    Typed(Annotated[int, Field(gt=3, lt=9)], st.integers(0, 12)),
    Typed(Annotated[Decimal, Field(allow_inf_nan=True)], st.decimals()),
]  # fmt: skip


def _grown(inner: st.SearchStrategy[Typed]) -> st.SearchStrategy[Typed]:
    return st.one_of(
        inner.map(
            lambda t: Typed(list.__class_getitem__(t.annotation), st.lists(t.values, max_size=3))
        ),
        inner.map(
            lambda t: Typed(
                tuple.__class_getitem__((t.annotation, ...)), st.lists(t.values).map(tuple)
            )
        ),
        inner.map(
            lambda t: Typed(deque.__class_getitem__(t.annotation), st.lists(t.values).map(deque))
        ),
        inner.map(lambda t: Typed(Optional[t.annotation], t.values | st.none())),  # noqa: UP045
        st.tuples(inner, inner).map(
            lambda two: Typed(
                Union[two[0].annotation, two[1].annotation],  # noqa: UP007
                two[0].values | two[1].values,
            )
        ),
        st.tuples(st.sampled_from(scalars[:14]), inner).map(_mapping),
        st.lists(inner, min_size=1, max_size=3).map(_model),
        st.lists(inner, min_size=1, max_size=3).map(_dataclass),
    )


def _mapping(two: tuple[Typed, Typed]) -> Typed:
    key, item = two
    hashable = key.values if key.annotation is not Any else keys
    values = st.lists(st.tuples(hashable, item.values), max_size=3)
    return Typed(dict[key.annotation, item.annotation], values.map(_dict))  # type: ignore[name-defined]


def _dict(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    try:
        return OrderedDict(pairs) if len(pairs) == 3 else dict(pairs)
    except TypeError:  # a signaling NaN cannot be a key
        return {}


def _model(parts: list[Typed]) -> Typed:
    fields: Any = {f"f{at}": (part.annotation, ...) for at, part in enumerate(parts)}
    cls = create_model("Model", **fields)
    values = st.tuples(*(part.values for part in parts))
    return Typed(
        cls, values.map(lambda given: cls.model_construct(**dict(zip(fields, given, strict=True))))
    )


def _dataclass(parts: list[Typed]) -> Typed:
    cls: Any = make_dataclass("Data", [(f"f{at}", p.annotation) for at, p in enumerate(parts)])
    return Typed(cls, st.tuples(*(part.values for part in parts)).map(lambda given: cls(*given)))


types: st.SearchStrategy[Typed] = st.recursive(st.sampled_from(scalars), _grown, max_leaves=4)
