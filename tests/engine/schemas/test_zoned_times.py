"""Times with the name of their zone, as they are stored and shown, are accepted as input."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

import pytest
from annotated_types import Gt
from pydantic import AwareDatetime, BaseModel, ConfigDict, NaiveDatetime

from workflows.engine import (
    InputRequestEvent,
    InputResponseEvent,
    InvalidInput,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)

BERLIN = ZoneInfo("Europe/Berlin")
SECOND = "2026-10-25T02:30:00+01:00[Europe/Berlin][_fold=1]"
FIRST = "2026-10-25T02:30:00+02:00[Europe/Berlin]"


class Slot(BaseModel):
    at: AwareDatetime
    others: list[datetime] = []
    daily: time | None = None


class Exact(BaseModel):
    model_config = ConfigDict(strict=True)
    at: datetime
    daily: time


class Begin(StartEvent):
    at: datetime
    exact: Exact | None = None
    slot: Slot | None = None
    local: NaiveDatetime | None = None
    late: Annotated[datetime | None, Gt(datetime(2020, 1, 1, tzinfo=BERLIN))] = None


class When(InputResponseEvent):
    response: Slot


class AskWhen(InputRequestEvent):
    reply = When


@step
def ask(event: Begin) -> AskWhen:
    """Ask."""
    return AskWhen(prompt="When?")


@step
def end(event: When) -> StopEvent:
    """End."""
    return StopEvent(result=event.response.at + timedelta(days=1))


FLOW = Workflow("zoned-outside", [ask, end])


def test_an_input_is_used_in_its_stored_form() -> None:
    begin = Begin(
        at=datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN, fold=1),
        slot=Slot(at=datetime(2026, 10, 25, 2, 30, tzinfo=BERLIN), daily=time(9, tzinfo=BERLIN)),
    )
    stored = FLOW.check_input(begin)
    assert stored["at"] == SECOND
    again = FLOW.start_event(stored)
    assert again == begin
    assert again.at.tzinfo is BERLIN
    assert again.at.fold == 1
    assert FLOW.check_input(stored) == stored


def test_an_answer_may_have_a_time_with_the_name_of_its_zone() -> None:
    answer = {"at": SECOND, "others": [FIRST], "daily": "09:00:00[Europe/Berlin]"}
    assert FLOW.check_reply("AskWhen", [], answer) == answer


def test_the_offset_selects_one_of_two_equal_local_times() -> None:
    plain = SECOND.removesuffix("[_fold=1]")
    assert FLOW.check_input({"at": plain})["at"] == SECOND
    assert FLOW.check_input({"at": FIRST})["at"] == FIRST


@pytest.mark.parametrize(
    ("text", "reported"),
    [
        ("2026-10-25T02:30:00+05:00[Europe/Berlin]", "its offset is another"),
        ("2026-10-25T02:30:00+02:00[Europe/Berlin][_fold=1]", "its offset is another"),
        ("2026-10-25T02:30:00[Europe/Berlin]", "its offset is another"),
        ("2026-10-25T02:30:00+02:00[Europe/Berlni]", "There is no time zone 'Europe/Berlni'"),
        ("2026-10-25T02:30:00+02:00[../../etc/passwd]", "zone"),
        ("tomorrow[Europe/Berlin]", "at: "),
    ],
)
def test_a_zone_that_does_not_fit_is_refused(text: str, reported: str) -> None:
    with pytest.raises(InvalidInput, match="at: ") as caught:
        FLOW.check_input({"at": text})
    assert reported in str(caught.value)


def test_the_rules_of_a_field_apply_to_this_form_too() -> None:
    with pytest.raises(InvalidInput, match="local: .*timezone"):
        FLOW.check_input({"at": FIRST, "local": FIRST})
    with pytest.raises(InvalidInput, match="late: .*greater than"):
        FLOW.check_input({"at": FIRST, "late": "2019-05-01T02:30:00+02:00[Europe/Berlin]"})


@pytest.mark.parametrize("at", [SECOND, "2026-10-25T02:30:00+01:00"])
def test_a_strict_model_takes_both_forms_as_json(at: str) -> None:
    exact = {"at": at, "daily": "09:00:00"}
    assert FLOW.check_input({"at": at, "exact": exact})["exact"] == exact
    with pytest.raises(InvalidInput, match="exact.at: Input should be a valid datetime"):
        FLOW.check_input({"at": at, "exact": exact | {"at": 5}})
