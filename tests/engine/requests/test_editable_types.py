"""An edited payload value gets the type that it had before it was JSON: a decimal, a date."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import pytest
from pydantic import BaseModel

from workflows.engine import InputRequestEvent, InvalidReply
from workflows.engine.requests.payload import with_plain_payload
from workflows.engine.requests.payload_edits import check_edits


class Bill(BaseModel):
    amount: Decimal = Decimal("12.50")
    due: date = date(2026, 12, 1)
    remark: str = "12.50"


PAYLOAD: dict[str, Any] = {
    "amount": Decimal("12.50"),
    "due": date(2026, 12, 1),
    "at": datetime(2026, 12, 1, 9, 0, tzinfo=UTC),
    "local": datetime(2026, 12, 1, 9, 0),
    "berlin": datetime(2026, 10, 25, 2, 30, tzinfo=ZoneInfo("Europe/Berlin"), fold=1),
    "opens": time(9, 0),
    "length": timedelta(hours=2),
    "id": UUID(int=7),
    "remark": "12.50",
    "count": 3,
}


def asked(payload: Any = PAYLOAD, **more: Any) -> InputRequestEvent:
    keys = tuple(payload if isinstance(payload, dict) else type(payload).model_fields)
    event = InputRequestEvent(prompt="?", payload=payload, editable=keys, **more)
    return with_plain_payload(event)


def edited(key: str, value: Any, request: InputRequestEvent | None = None) -> Any:
    request = request or asked()
    found = check_edits(request.editable, request.payload, {key: value}, request.editable_types)
    return found.get(key, "unchanged")


def test_the_request_keeps_the_types_of_its_editable_keys() -> None:
    types = {
        "amount": "decimal", "due": "date", "at": "datetime", "local": "datetime",
        "berlin": "datetime", "opens": "time", "length": "timedelta", "id": "uuid",
    }  # fmt: skip
    assert asked().editable_types == types
    assert asked(Bill()).editable_types == {"amount": "decimal", "due": "date"}
    assert asked({"amount": "12.50"}).editable_types == {}


@pytest.mark.parametrize(
    ("key", "value", "stored"),
    [
        ("amount", "0.40", "0.40"),
        ("amount", 0.4, "0.4"),
        ("amount", 7, "7"),
        ("amount", Decimal("1E+2"), "1E+2"),
        ("amount", " 12.50 ", "unchanged"),
        ("due", "2026-12-02", "2026-12-02"),
        ("at", "2026-12-01T10:00:00+00:00", "2026-12-01T10:00:00Z"),
        ("local", "2026-12-01 10:00", "2026-12-01T10:00:00"),
        (
            "berlin",
            "2026-10-25T02:30:00+02:00[Europe/Berlin]",
            "2026-10-25T02:30:00+02:00[Europe/Berlin]",
        ),
        ("opens", "10:30", "10:30:00"),
        ("length", "P1D", "P1D"),
        ("id", "00000000-0000-0000-0000-000000000008", "00000000-0000-0000-0000-000000000008"),
        ("remark", "anything", "anything"),
    ],
)
def test_an_edit_is_stored_in_the_format_of_its_type(key: str, value: Any, stored: str) -> None:
    assert edited(key, value) == stored


@pytest.mark.parametrize(
    ("key", "value", "reported"),
    [
        ("amount", "a lot", "This has to be a number"),
        ("amount", "", "This has to be a number"),
        ("amount", "NaN", "This has to be a number"),
        ("amount", True, "This has to be a number"),
        ("amount", None, "This has to be a number"),
        ("amount", ["1"], "This has to be a number"),
        ("due", "2026-02-30", "This has to be a date, such as"),
        ("due", "soon", "This has to be a date, such as"),
        ("due", 20261201, "This has to be a date, such as"),
        ("at", "2026-12-01T10:00:00", "with a time zone or offset"),
        ("local", "2026-12-01T10:00:00Z", "with no time zone or offset"),
        ("berlin", "2026-10-25T02:30:00+05:00[Europe/Berlin]", "This has to be a date and time"),
        ("opens", "late", "This has to be a time of day"),
        ("length", "long", "This has to be a length of time"),
        ("id", "7", "This has to be an identifier"),
    ],
)
def test_an_invalid_edit_is_refused_with_the_expected_type(
    key: str, value: Any, reported: str
) -> None:
    with pytest.raises(InvalidReply, match=reported):
        edited(key, value)


def test_a_step_may_set_the_type_of_a_text() -> None:
    request = asked({"amount": "12.50"}, editable_types={"amount": "decimal"})
    assert request.editable_types == {"amount": "decimal"}
    with pytest.raises(InvalidReply, match="This has to be a number"):
        edited("amount", "a lot", request)
