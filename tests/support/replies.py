"""Reply classes with every supported type, and forms made from them."""

from __future__ import annotations

from datetime import date, datetime, time
from decimal import Decimal
from enum import Enum, IntEnum
from typing import Any, Literal

from django.http import QueryDict
from pydantic import BaseModel, Field, TypeAdapter

from workflows.web.forms import SchemaForm


class ExpenseDecision(BaseModel):
    approved: bool
    amount: Decimal = Field(ge=0, description="What we pay")
    reason: Literal["in policy", "exception", "refused"]
    note: str | None = None


class Colour(Enum):
    RED = "red"
    BLUE = "blue"


class Level(IntEnum):
    LOW = 1
    HIGH = 2


class Address(BaseModel):
    street: str
    number: int | None = None
    country: str = "DE"


class Everything(BaseModel):
    flag: bool = True
    count: int = Field(ge=1, le=9, title="How many")
    ratio: float = Field(default=0.5, gt=0, lt=1)
    price: Decimal = Decimal("1.50")
    name: str = Field(max_length=40, min_length=2, pattern="^[A-Z]")
    essay: str = Field(default="", max_length=2000)
    day: date
    moment: datetime
    clock: time
    colour: Colour = Colour.RED
    level: Level
    maybe: bool | None = None
    colours: list[Colour] = []
    mixed: set[Literal["a", 1]] = set()
    address: Address
    second: Address | None = None
    items: list[Address] = []
    table: dict[str, int] = {}
    either: int | str = 3


def post(text: str) -> QueryDict:
    return QueryDict(text)


def posted(**values: str | list[str]) -> QueryDict:
    data = QueryDict(mutable=True)
    for name, value in values.items():
        data.setlist(name, [value] if isinstance(value, str) else value)
    return data


def form_of(annotation: Any, **options: Any) -> SchemaForm:
    return SchemaForm(TypeAdapter(annotation).json_schema(mode="validation"), **options)


def answer_of(annotation: Any, data: QueryDict) -> Any:
    return form_of(annotation, data=data).answer()


def widgets(form: SchemaForm) -> dict[str, str]:
    return {field.name: str(field.widget) for field in form.fields}
