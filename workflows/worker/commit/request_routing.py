"""The recipients of new requests: the people that the step named, or those of the route."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from workflows.models import Assignment, InputRequest, Route
from workflows.models.requests.assignment import Directory, assignment
from workflows.sql.prepared import PreparedQuery

logger = logging.getLogger(__name__)

ANY_ROUTE = PreparedQuery(lambda: Route.objects.all()[:1])


def assign_recipients(rows: Sequence[InputRequest]) -> list[tuple[UUID, Assignment]]:
    """Assign new requests, and return the assignments by run. Nothing is stored.

    The number of queries is fixed: the routes, then the users and groups that were named. The
    names were checked when the step asked. People who were deactivated since then are left out.
    A request that names only such people has no recipient until an operator assigns it.
    """
    if not rows:
        return []
    routes = _routes({row.asked.workflow for row in rows})
    directory = Directory(name for row in rows for name in row.asked.names)
    assignments: list[tuple[UUID, Assignment]] = []
    for row in rows:
        route = routes.get((row.asked.workflow, row.event)) or routes.get((row.asked.workflow, ""))
        found, gone = _recipients(row, route, directory)
        if gone:
            names = ", ".join(map(repr, gone))
            logger.error("Request %s names %s, who cannot answer it any more.", row.pk, names)
        if route and route.priority is not None:
            row.priority = route.priority
        row.assigned = bool(found or gone)
        given = [assignment(row, one) for one in found]
        row.asked_of = [one.key for one in given]
        assignments += [(row.run_id, one) for one in given]
    return assignments


def _recipients(
    row: InputRequest, route: Route | None, directory: Directory
) -> tuple[list[Any], list[str]]:
    """Return the recipients that a request or its route names, and the names that do not exist."""
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
