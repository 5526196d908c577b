"""Calls of the commands, and workflows for their tests."""

from __future__ import annotations

import io
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from pydantic import Field

from workflows.engine import StartEvent, StopEvent, step
from workflows.models import WorkflowRun


class Amounts(StartEvent):
    amount: Decimal = Decimal(0)
    amounts: dict[str, Decimal] = {}
    rows: list[tuple[str, Decimal | None]] = []
    rate: float = 0.0
    count: int = 0
    text: str = ""
    named: Decimal = Field(default=Decimal(0), alias="Named")
    anything: Any = None


@step
async def amounts(event: Amounts) -> StopEvent:
    return StopEvent()


@step
async def anything(event: StartEvent) -> StopEvent:
    return StopEvent()


def command(name: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(name, *arguments, stdout=out, no_color=True)
    return out.getvalue()


def refusal(*arguments: str) -> str:
    """Return the error of `start_run`, after a check that it stored nothing."""
    before = WorkflowRun.objects.count()
    with pytest.raises(CommandError) as refused:
        command("start_run", *arguments)
    assert WorkflowRun.objects.count() == before
    return str(refused.value)


def file_of(tmp_path: Path, content: bytes, name: str = "input.txt") -> str:
    path = tmp_path / name
    path.write_bytes(content)
    return f"@{path}"
