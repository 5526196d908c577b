"""The people, the rows and the tables of the permission matrix."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.apps import apps
from django.contrib.auth.models import Group, User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.db.models import Model
from django.utils import timezone

from approvals.models import Comment, Decision, Preferences
from tests.routes import Route
from tests.support.factories import make_answered, make_request, make_run, make_user
from workflows.models import (
    Delivery,
    InputRequest,
    JournalEntry,
    Snapshot,
    WorkerHeartbeat,
    WorkflowRun,
)
from workflows.models import (
    Route as RequestRoute,
)

PEOPLE = {
    "anon": "nobody is logged in",
    "off": "a superuser whose account was switched off while logged in",
    "none": "no permission at all",
    "own": "no permission, but started the run",
    "read": "may see requests, not answer them",
    "rev": "in the group reviewers",
    "oper": "in the group operators",
    "clerk": "may enter the admin, without a permission there",
    "root": "a superuser",
}

OF_A_MODEL = re.compile(r"admin/\w+/\w+/<path:object_id>/")

# The state that a run needs for each action to be possible.
STATUS_FOR = {
    "cancel": "waiting", "pause": "waiting", "resume": "paused", "retry": "failed",
}  # fmt: skip

# Rows that a refused request must not change, and a GET neither.
KEPT: tuple[type[Model], ...] = (WorkflowRun, InputRequest, Decision, Delivery, JournalEntry, User)

Table = dict[str, dict[str, str]]


def read(text: str) -> Table:
    """Read a table: the people in the first line, then in each line a name and a cell for each."""
    lines = [line for line in text.splitlines() if line.strip()]
    people = lines[0].split()
    table = {}
    for line in lines[1:]:
        (*name,) = line.split()[: -len(people)]
        table[" ".join(name)] = dict(zip(people, line.split()[-len(people) :], strict=True))
    return table


def row_for(table: Table, route: Route, method: str) -> dict[str, str] | None:
    """Return the first row whose name fits. In `admin:*_add *` both stars stand for anything."""
    name = f"{route} {method}"
    return next((cells for key, cells in table.items() if fnmatchcase(name, literal(key))), None)


def literal(key: str) -> str:
    """Escape all special characters but `*`, as in `run_action[cancel]` and `(?P<url>.*)`."""
    return key.replace("[", "[[]").replace("?", "[?]")


@dataclass(frozen=True, slots=True)
class World:
    """The people by their column, a waiting request, and its run, which `own` started."""

    people: dict[str, User]
    request: InputRequest
    run: WorkflowRun

    @classmethod
    def make(cls) -> World:
        """Make one row of each model that an address can name."""
        people = make_people()
        run = make_run(started_by=people["own"])
        request = make_request(run)
        make_history(run, people["root"])
        return cls(people, request, run)

    def arguments(self, route: Route) -> dict[str, Any]:
        """Return the arguments for the pattern of `route`."""
        known = {
            "request_id": self.request.pk, "run_id": self.run.pk, "name": self.run.workflow,
            "content_type_id": ContentType.objects.get_for_model(InputRequest).pk,
            "object_id": self.request.pk, "id": self.people["none"].pk, "url": "nowhere",
        }  # fmt: skip
        if OF_A_MODEL.match(route.pattern):
            known["object_id"] = first_of(route).pk
        if route.key:
            known[route.key] = route.choice
        if status := STATUS_FOR.get(route.choice):
            run = make_run(started_by=self.people["own"], status=status)
            make_request(run, status="cancelled")  # who may see a request may see its run, too
            known["run_id"] = run.pk
        return {name: known[name] for name in known if f"<{name}>" in colonless(route.pattern)}


def colonless(pattern: str) -> str:
    """Return a pattern without its converters: `<uuid:run_id>` becomes `<run_id>`."""
    return pattern.replace("<uuid:", "<").replace("<path:", "<").replace("?P<", "<")


def make_people() -> dict[str, User]:
    """Return one person for each column but the first."""
    people = {
        "off": make_user("off", is_active=False, is_staff=True, is_superuser=True),
        "none": make_user("none"),
        "own": make_user("own"),
        "read": make_user("read", "workflows.view_inputrequest"),
        "rev": make_user("rev"),
        "oper": make_user("oper"),
        "clerk": make_user("clerk", is_staff=True),
        "root": make_user("root", is_staff=True, is_superuser=True),
    }
    for name, group in (("rev", "reviewers"), ("oper", "operators")):
        people[name].groups.add(Group.objects.get(name=group))
    return people


def make_history(run: WorkflowRun, by: User) -> None:
    """Make a row of each kind that the admin shows."""
    now = timezone.now()
    answered = make_answered({"approved": True}, by=by)
    Decision.objects.create(request=answered, by=by, at=now, response={}, source="inbox")
    Snapshot.objects.create(run=run, seq=1, format=1, data={})
    JournalEntry.objects.create(run=run, seq=1, kind="started", data={}, at=now)
    Delivery.objects.create(run=run, kind="answer", data={})
    WorkerHeartbeat.objects.create(id="host-1", started_at=now, seen_at=now)
    Preferences.objects.create(user=by)
    Comment.objects.create(request=answered, by=by, at=now, text="Fine.")
    RequestRoute.objects.create(workflow=run.workflow)
    for log in (AccessAttempt, AccessLog, AccessFailureLog):
        values = {"failures_since_start": 1} if log is AccessAttempt else {}
        log.objects.create(username="mallory", ip_address="10.0.0.1", **values)


def first_of(route: Route) -> Model:
    """Return a row of the model whose admin page this is: `admin/workflows/delivery/...`."""
    _, app, model, *_ = route.pattern.split("/")
    row: Model | None = apps.get_model(app, model)._default_manager.first()
    assert row is not None, f"Make a row of {app}.{model} in make_history, for {route}"
    return row


def kept() -> dict[str, list[Any]]:
    """Return every row that must not change, as plain values, because it is called often."""
    rows = {}
    with connection.cursor() as cursor:
        for model in KEPT:
            table, pk = model._meta.db_table, model._meta.pk.column
            cursor.execute(f'SELECT * FROM "{table}" ORDER BY "{pk}"')
            rows[model.__name__] = cursor.fetchall()
    return rows
