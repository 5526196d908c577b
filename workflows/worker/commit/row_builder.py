"""New requests: their terms written into rows, and given to those they are asked of."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from workflows.engine import InputRequestEvent
from workflows.engine.definition import Definition
from workflows.models import Assignment, InputRequest, Priority, Route
from workflows.models.requests.assignment import Directory, assignment
from workflows.models.requests.columns import Asked
from workflows.models.requests.digest import digest_of
from workflows.sql.prepared import Prepared
from workflows.text.search_text import fold, fold_tags

logger = logging.getLogger(__name__)

ANY_ROUTE = Prepared(lambda: Route.objects.all()[:1])


def set_terms(row: InputRequest, workflow: Definition, event: InputRequestEvent) -> None:
    """Write what the event says beyond its question into a row that was not stored yet."""
    row.priority = Priority.named(event.priority)
    row.tags = list(dict.fromkeys(event.tags))
    row.if_approved = event.if_approved
    row.editable = list(dict.fromkeys(event.editable))
    row.editable_types = dict(event.editable_types)
    row.quorum = event.quorum
    if row.quorum > 1:  # a text neither approves nor rejects
        row.allow = [verdict for verdict in row.allow if verdict != "reply"]
    row.on_deadline = event.on_deadline
    if event.on_deadline == "default":
        row.default_response = event.default_response  # an answer, as it was checked when asked
    row.remind_at = _after(row.created_at, event.remind_in)
    row.escalate_at = _after(row.created_at, event.escalate_in)
    row.escalate_to = list(event.escalate_to)
    row.act_at = row.next_act()
    row.schema_digest = workflow.reply_digest(row.event)
    row.search_text, row.search_tags = fold(row.prompt), fold_tags(row.tags)
    row.digest = digest_of(row)
    row.asked = Asked(workflow.name, event.assign_to)


def _after(moment: datetime, length: timedelta | None) -> datetime | None:
    return None if length is None else moment + length


def address(rows: Sequence[InputRequest]) -> list[tuple[UUID, Assignment]]:
    """Give new requests to those they are for; return what says so, by run. Nothing is stored.

    A fixed number of queries: the routes, then users and groups that were named. The step that
    asked was checked before; whoever is gone since then is left out, and a request that names
    only such people is nobody's, until an operator gives it to somebody.
    """
    if not rows:
        return []
    routes = _routes({row.asked.workflow for row in rows})
    directory = Directory(name for row in rows for name in row.asked.names)
    assignments: list[tuple[UUID, Assignment]] = []
    for row in rows:
        route = routes.get((row.asked.workflow, row.event)) or routes.get((row.asked.workflow, ""))
        found, gone = _named(row, route, directory)
        if gone:
            names = ", ".join(map(repr, gone))
            logger.error("Request %s is asked of %s, who cannot be asked.", row.pk, names)
        if route and route.priority is not None:
            row.priority = route.priority
        row.assigned = bool(found or gone)
        given = [assignment(row, one) for one in found]
        row.asked_of = [one.key for one in given]
        assignments += [(row.run_id, one) for one in given]
    return assignments


def _named(
    row: InputRequest, route: Route | None, directory: Directory
) -> tuple[list[Any], list[str]]:
    """Return whom a request or its route names, and the names of those who do not count."""
    if row.asked.names:
        return list(directory.found(row.asked.names)), directory.unknown(row.asked.names)
    if route is None:
        return [], []
    people = list(route.users.all())
    active = [one for one in people if one.is_active]
    gone = [one.get_username() for one in people if not one.is_active]
    return [*active, *route.groups.all()], gone


def _routes(workflows: set[str]) -> dict[tuple[str, str], Route]:
    if not ANY_ROUTE.fetch():
        return {}
    routes = Route.objects.filter(workflow__in=workflows).prefetch_related("users", "groups")
    return {(route.workflow, route.event): route for route in routes}
