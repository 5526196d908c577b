"""`manage.py runs`, and the demo accounts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core.management.base import CommandError

from tests.workflows.management.commands import (
    command,
)
from workflows.management.cli.terminal import plain, table
from workflows.models import WorkflowRun

pytestmark = pytest.mark.django_db


def test_runs_lists_the_newest_first_and_filters() -> None:
    assert command("runs") == "No runs.\n"
    bob = User.objects.create_user("bob")
    old = WorkflowRun.objects.start("assistant", {"text": "One."}, by=bob)
    new = WorkflowRun.objects.start("assistant", {"text": "Two."})
    old.cancel()
    lines = command("runs").splitlines()
    assert lines[0].split() == ["RUN", "WORKFLOW", "STATUS", "OPEN", "STARTED", "BY"]
    assert [line.split()[0] for line in lines[1:]] == [str(new.pk), str(old.pk)]
    assert lines[2].split()[1:] == ["assistant", "cancelled", "0", "minutes", "ago", "bob"]
    assert str(old.pk) not in command("runs", "--status", "queued")
    assert str(old.pk) not in command("runs", "--limit", "1")
    assert command("runs", "--workflow", "other") == "No runs.\n"
    listed: list[dict[str, Any]] = json.loads(command("runs", "--json"))
    assert listed[1]["id"] == str(old.pk)
    assert listed[1]["status"] == "cancelled"
    assert listed[1]["started_by"] == "bob"
    assert listed[1]["open_requests"] == 0


def test_runs_refuses_an_invalid_limit() -> None:
    with pytest.raises(CommandError, match="at least 1"):
        command("runs", "--limit", "0")


def test_untrusted_text_contains_no_control_sequences_for_a_terminal() -> None:
    assert plain("a\x1b[2J\nb\u202e c") == "a\ufffd[2J b\ufffd c"
    assert plain("word " * 20, 10) == "word word…"
    assert table(("A", "BB"), [("1\x1b", "2"), ("333", "")]) == "A    BB\n1\ufffd   2\n333"


def test_demo_reviewers_may_do_what_reviewers_do() -> None:
    from approvals.accounts import demo

    assert demo.is_first_start()
    started = demo.create_demo_data()
    assert not demo.is_first_start()
    assert WorkflowRun.objects.filter(started_by__username=demo.ADMIN).count() == started
    alice = User.objects.get(username="alice")
    assert alice.check_password("demo")
    assert alice.has_perm("approvals.add_decision")
    assert alice.has_perm("workflows.add_workflowrun")
    assert not alice.has_perm("workflows.change_workflowrun")
    assert Group.objects.get(name="reviewers").user_set.count() == len(demo.REVIEWERS)
    assert User.objects.get(username="admin").is_superuser
