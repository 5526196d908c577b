"""The demo rows of the gallery, made by a real worker in another process. No worker runs later.

So every run stays in the state in which it is shown.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.db import connections
from django.db.models import F, QuerySet
from django.urls import reverse
from django.utils import timezone

from approvals import actions
from approvals.accounts import demo
from tests.e2e.screenshots import PASSWORD
from tests.e2e.screenshots.flows import NEWSLETTER
from workflows import models
from workflows.engine import registry
from workflows.models import InputRequest, JournalEntry, WorkflowRun
from workflows.worker import Worker

FAR = timedelta(days=365)

GROUPS = {"olga": "operators", "nina": ""}
TEXT = "The harbour opens again on Monday. We are glad, and there will be soup for everybody."


def people() -> dict[str, User]:
    """Make the people: alice and bob decide, olga operates, vera reads, nina has no rights."""
    for name, group in GROUPS.items():
        user = User.objects.create_user(name)
        user.groups.set(Group.objects.filter(name=group))
    vera = User.objects.create_user("vera")
    vera.user_permissions.add(Permission.objects.get(codename="view_inputrequest"))
    for user in User.objects.all():
        user.set_password(PASSWORD)  # without DEBUG no server starts with demo passwords
        user.save()
    return {user.username: user for user in User.objects.all()}


def drive() -> None:
    """Run a worker until all runs are idle."""
    asyncio.run(Worker().run_until_idle())
    connections.close_all()


def start(workflow: str, by: User, **fields: Any) -> WorkflowRun:
    """Start a run, and run it and all others until they wait."""
    run = WorkflowRun.objects.start(workflow, fields, by=by)
    drive()
    run.refresh_from_db()
    return run


def passed(minutes: float) -> None:
    """Move all rows into the past, as if this time had passed."""
    ago = timedelta(minutes=minutes)
    WorkflowRun.objects.update(created_at=F("created_at") - ago, finished_at=F("finished_at") - ago)
    QuerySet.update(JournalEntry.objects.all(), at=F("at") - ago)
    InputRequest.objects.update(
        created_at=F("created_at") - ago, answered_at=F("answered_at") - ago
    )


def first(run: WorkflowRun, *, of: str = "") -> InputRequest:
    """Return the oldest pending request of `run` that has these words."""
    return run.requests.pending().filter(prompt__contains=of).earliest("created_at", "id")


def answer(run: WorkflowRun, by: User, response: Any, *, of: str = "") -> InputRequest:
    """Answer a request of the run, and continue the run."""
    request = first(run, of=of)
    actions.decide(by, request.id, response, source="inbox")
    drive()
    return request


@contextmanager
def newsletters() -> Iterator[None]:
    """Register the newsletter inside the block only, so that its runs are blocked later."""
    registry.register(NEWSLETTER)
    yield
    registry.unregister(NEWSLETTER.name)


def busy(run: WorkflowRun) -> None:
    """Lease the run to a worker that does not exist."""
    until = timezone.now() + FAR
    run_row = WorkflowRun.objects.filter(pk=run.pk)
    run_row.update(
        status="running", lease_owner="far-away", wake_at=until,
        progress={"fraction": 0.62, "text": "1,240 of 2,000 rows imported"},
    )  # fmt: skip


def blocked(by: User, reviewer: User) -> tuple[WorkflowRun, InputRequest]:
    """Return a run whose code no longer exists, and its request."""
    with newsletters():
        run = start(NEWSLETTER.name, by, issue="November")
        actions.decide(reviewer, first(run, of="final").id, {"approved": True}, source="inbox")
    drive()
    return run, first(run)


def create_all_rows(to: str) -> None:
    """Make all rows, and write the addresses by name as JSON."""
    demo.create_demo_data()
    Path(to).write_text(json.dumps(scene(people())))
    add_worker_heartbeat()


def create_accounts_only(to: str) -> None:
    """Make the people only, for a new site."""
    demo.create_demo_data()
    WorkflowRun.objects.all().delete()
    people()
    Path(to).write_text("{}")
    add_worker_heartbeat()


def add_worker_heartbeat() -> None:
    """Add a live worker, so that the pages do not warn that there is none."""
    now = timezone.now()
    models.WorkerHeartbeat.objects.all().delete()
    models.WorkerHeartbeat.objects.create(id="far-away", started_at=now, seen_at=now + FAR)


def scene(known: dict[str, User]) -> dict[str, str]:
    """Make the runs of a day, from the oldest to the newest, and return their addresses."""
    drive()
    alice, bob, olga = known["alice"], known["bob"], known["olga"]
    claims = WorkflowRun.objects.get(workflow="expenses")
    letter = start("assistant", olga, text=TEXT)
    payout = start("payout", olga)
    late = start("contract", olga, customer="Haddad & Sons", minutes=1).requests.get()
    late.expire(late.created_at + timedelta(minutes=2))
    drive()
    dropped = start("contract", olga, customer="Lindqvist AB")
    passed(220)
    closed = first(dropped)
    dropped.cancel(by=olga)
    answer(letter, bob, {"approved": True, "comment": "Lovely, and short."})
    passed(95)
    shipped = start("release", alice, version="4.1.3")
    stopped, orphan = blocked(olga, bob)
    passed(41)
    said = {"approved": False, "amount": "0", "reason": "refused", "note": "No receipt, again."}
    refused = answer(claims, bob, said, of="Taxi to the repair shop")
    answered = answer(shipped, bob, {"approved": True, "comment": "Rollback is rehearsed."})
    own = start("expenses", alice, claims=own_claims())
    importing = start("nightly-import", olga)
    offered = start("contract", olga, customer="Okafor Logistics", minutes=45)
    held = start("contract", olga, customer="Novak Print")
    held.pause(by=olga)
    passed(12)
    together = first(start("payment", olga, supplier="Brandt Inspection"))
    actions.comment(bob, together.id, "I have called them: the second inspection was our wish.")
    actions.decide(
        bob, together.id, {"approved": True, "comment": "Less."},
        source="inbox", edits={"amount": "6,080.00"},
    )  # fmt: skip
    in_hand = first(start("payment", olga, supplier="Nordic Cranes"))
    release = start("release", alice, version="4.2.0")
    passed(3)
    busy(importing)  # no worker may run from here on, because it would take this run over
    actions.claim(bob, in_hand.id)
    queued = WorkflowRun.objects.start("assistant", {"text": TEXT}, by=bob)
    runs = {
        "queued": queued, "running": importing, "waiting": release, "paused": held,
        "blocked": stopped, "completed": shipped, "failed": payout, "cancelled": dropped,
        "expenses": claims,
    }  # fmt: skip
    requests = {
        "bare": first(release), "typed": first(offered), "claim": first(claims),
        "answered": answered, "answered-typed": refused, "expired": late,
        "cancelled": closed, "blocked": orphan, "paused": first(held), "forbidden": first(own),
        "together": together, "in-hand": in_hand,
    }  # fmt: skip
    return {
        "admin-run": reverse("admin:workflows_workflowrun_change", args=[release.pk]),
        **{f"run-{name}": run.get_absolute_url() for name, run in runs.items()},
        **{f"request-{name}": one.get_absolute_url() for name, one in requests.items()},
    }


def own_claims() -> str:
    """Return a file with one claim that breaks the policy."""
    head = "claim,person,team,date,category,description,amount,receipt\n"
    day: datetime = timezone.now() - timedelta(days=5)
    return f"{head}A-1,Alice Moreau,Support,{day.date()},meals,Team breakfast,88.00,no\n"
