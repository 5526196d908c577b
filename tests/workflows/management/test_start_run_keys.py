"""`manage.py start_run --key`: the same key starts one run."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflows.management.commands import (
    command,
    refusal,
)
from workflows.errors import IdempotencyConflict, InvalidIdempotencyKey
from workflows.models import WorkflowRun

pytestmark = pytest.mark.django_db


NO_KEYS = [
    ("", "is empty"),
    (" \t\n", "is empty"),
    ("x" * 201, "has 201 characters, more than 200"),
    ("x" * 300, "has 300 characters, more than 200"),
    ("a\x00b", "holds a NUL character, which no database keeps"),
    ("a\ud800b", "holds half of a surrogate pair, which no database keeps"),
]


def test_the_same_key_starts_one_run_and_another_input_is_refused() -> None:
    first = ("assistant", "--input", '{"text": "One."}', "--key", "k1")
    command("start_run", *first)
    run = WorkflowRun.objects.get()
    assert command("start_run", *first) == (
        f"Run {run.pk} was started with this key before; it is queued.\n"
    )
    assert "'k1'" in refusal("assistant", "--input", '{"text": "Two."}', "--key", "k1")


@pytest.mark.parametrize(("key", "reported"), NO_KEYS)
def test_an_invalid_key_is_refused_by_the_command(key: str, reported: str) -> None:
    said = refusal("assistant", "--input", '{"text": "One."}', "--key", key)
    assert said == f"The idempotency key {reported}."


@pytest.mark.parametrize(("key", "reported"), [*NO_KEYS, (7, "is of type int, not a text")])
def test_an_invalid_key_is_refused_in_code(key: Any, reported: str) -> None:
    with pytest.raises(InvalidIdempotencyKey) as refused:
        WorkflowRun.objects.start("assistant", {"text": "One."}, idempotency_key=key)
    assert str(refused.value) == f"The idempotency key {reported}."
    assert WorkflowRun.objects.count() == 0


def test_a_key_may_have_200_characters_of_any_script() -> None:
    run = WorkflowRun.objects.start("assistant", {"text": "One."}, idempotency_key="ключ" * 50)
    again = WorkflowRun.objects.start("assistant", {"text": "One."}, idempotency_key="ключ" * 50)
    assert again.pk == run.pk


def test_true_and_one_are_different_inputs_for_the_same_key() -> None:
    WorkflowRun.objects.start("t-any", {"n": 1}, idempotency_key="k")
    with pytest.raises(IdempotencyConflict):
        WorkflowRun.objects.start("t-any", {"n": True}, idempotency_key="k")
