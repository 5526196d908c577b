"""Damaged snapshots, and texts that are not snapshots, are refused; the error names the place."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.engine.request_steps import Register, reply, waiting
from workflows.engine import BadSnapshot, WorkflowSnapshot


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", "null", "5", "NaN", '{"format": NaN}', "{}", b"\xff", "[" * 99999, None],
    ids=range(11),
)  # fmt: skip
def test_text_that_is_no_snapshot_is_refused(text: str) -> None:
    with pytest.raises(BadSnapshot):
        WorkflowSnapshot.from_json(text)


def test_unknown_format_is_named() -> None:
    with pytest.raises(BadSnapshot, match="99"):
        WorkflowSnapshot.from_json('{"format": 99}')


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (("seq",), "x"), (("status",), "bogus"), (("status",), "waiting"), (("values",), []),
        (("invocations",), {}), (("invocations", 0, "id"), "first"),
        (("invocations", 0, "event"), None), (("invocations", 0, "event", "type"), 5),
        (("invocations", 0, "due"), "tomorrow"), (("invocations", 0, "collected"), None),
        (("requests", "r", "declined"), "perhaps"), (("closed",), None), (("error",), "text"),
        (("next_id",), None), (("run_id",), 5), (("workflow",), None),
    ],
)  # fmt: skip
async def test_damaged_snapshot_is_refused_and_names_the_place(
    register: Register, at: tuple[Any, ...], value: Any
) -> None:
    handler, _ = await waiting(register)
    await handler.pause()
    await handler.send_input(reply("r"))
    data = json.loads((await handler.snapshot()).to_json())
    data["requests"]["r"] = {
        "type": "InputRequestEvent",
        "data": {},
        "step": "ask",
        "deadline": None,
        "declined": False,
    }
    inner = data
    for key in at[:-1]:
        inner = inner[key]
    inner[at[-1]] = value
    with pytest.raises(BadSnapshot, match=str(at[-1]) if value != "tomorrow" else "tomorrow"):
        WorkflowSnapshot.from_json(json.dumps(data))
    del inner[at[-1]]
    with pytest.raises(BadSnapshot):
        WorkflowSnapshot.from_json(json.dumps(data))


async def test_snapshot_with_a_number_that_json_does_not_have_is_refused(
    register: Register,
) -> None:
    _, snapshot = await waiting(register)
    text = snapshot.to_json()
    assert '"asked": 1' in text
    with pytest.raises(BadSnapshot, match="NaN"):
        WorkflowSnapshot.from_json(text.replace('"asked": 1', '"asked": NaN'))
