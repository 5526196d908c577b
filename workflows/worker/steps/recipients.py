"""Checks that the people a request names exist, before the result of its step is committed.

The engine does not know the users. So this check runs between the end of the step and the commit.
If a name does not exist, the attempt fails with an error that has the name, and may be retried.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Sequence

from workflows.engine import InputRequestEvent, InvalidRequestOptions
from workflows.engine.execution.attempt import Attempt
from workflows.engine.requests.options import MAX_NAMES
from workflows.models.requests.assignment import GROUP, Directory
from workflows.worker.active_run import ActiveRun
from workflows.worker.database_thread import DatabaseThread

FIELDS = ("assign_to", "escalate_to")


class RecipientChecks:
    """Finds names that do not exist. Calls that arrive during a query share the next query."""

    def __init__(self, database: DatabaseThread) -> None:
        self._database = database
        self._wanted: set[str] = set()
        self._next: asyncio.Task[set[str]] | None = None
        self._one_query = asyncio.Lock()

    async def check(
        self, run: ActiveRun, attempt: Attempt, asked: Sequence[InputRequestEvent]
    ) -> None:
        """Fail an attempt whose request names an unknown user or group.

        Also fail one that asks for four eyes in a run without a known author. Requests that name
        nobody need no query. Errors of the database are raised.
        """
        where = f"{run.machine}: step {attempt.step.name!r} asked"
        for event in asked:
            if event.four_eyes and run.row.started_by_id is None:
                attempt.error = InvalidRequestOptions(
                    f"{where} {type(event).__name__} with four eyes, but nobody is known to have "
                    "started the run. Start it as somebody."
                )
                return
        names = [name for event in asked for field in FIELDS for name in _names(event, field)]
        unknown = await self._unknown(names) if names else []
        for event in asked:
            for field in FIELDS:
                for name in _names(event, field):
                    if name in unknown and attempt.error is None:
                        attempt.error = InvalidRequestOptions(
                            f"{where} {_describe(event, field, name)}"
                        )

    async def _unknown(self, names: Collection[str]) -> list[str]:
        """Return the names that belong to no active user and no group."""
        self._wanted.update(names)
        if self._next is None:
            self._next = asyncio.create_task(self._query())
        found = await asyncio.shield(self._next)  # others wait for it, too
        return [name for name in names if name in found]

    async def _query(self) -> set[str]:
        async with self._one_query:
            wanted, self._wanted, self._next = self._wanted, set(), None
            return set(await self._database.call(_unknown, wanted))


def _unknown(names: set[str]) -> list[str]:
    return Directory(names).unknown(names)


def requests_of(attempt: Attempt) -> list[InputRequestEvent]:
    """Return the requests that a successful attempt made; most make none."""
    if attempt.error is not None:
        return []
    returned = attempt.returned
    events = returned if isinstance(returned, (list, tuple)) else (returned,)
    if attempt.effects and attempt.effects.sent:
        events = (*attempt.effects.sent, *events)
    return [one for one in events if isinstance(one, InputRequestEvent)]


def _names(event: InputRequestEvent, field: str) -> list[str]:
    """Return the names in a field; none if the engine refuses the field for its length."""
    names = list(getattr(event, field))
    return names if len(names) <= MAX_NAMES else []


def _describe(event: InputRequestEvent, field: str, name: str) -> str:
    what = "group" if name.startswith(GROUP) else "active user"
    return (
        f"{type(event).__name__}, but its field {field!r} names {name!r}, "
        f"and there is no such {what}."
    )
