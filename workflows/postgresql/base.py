"""A connection pool for steps, separate from that of pages and the worker.

Steps are code of workflow authors: they query, and then run for seconds or minutes. With one common
pool, a few dozen steps left no connection for pages, and failed themselves without one. With their
own pool, steps wait for a connection and do not fail. A step holds a connection only during a
statement or a transaction, unless it has changed the session.
"""

from __future__ import annotations

import logging
import time
from typing import Any
from weakref import WeakSet

from django.conf import settings
from django.db.backends.postgresql import base
from psycopg_pool import ConnectionPool, PoolTimeout

from workflows.postgresql.pinning import pins
from workflows.sql.step_context import is_step

logger = logging.getLogger(__name__)

STEPS = "steps of %s"  # the name of their pool, with the alias of the database
CHECK_AFTER = 1.0  # seconds for which a connection that was used needs no check


class StepCursor(base.ServerBindingCursor):
    """Notifies its wrapper of executed statements, and of its end."""

    wrapper: DatabaseWrapper | None = None

    def execute(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        """Execute, and note whether the session has to be kept."""
        self._note(query)
        return super().execute(query, *args, **kwargs)  # type: ignore[misc]

    def executemany(self, query: Any, *args: Any, **kwargs: Any) -> Any:
        """Execute many times, and note the same."""
        self._note(query)
        return super().executemany(query, *args, **kwargs)  # type: ignore[misc]

    def close(self) -> None:
        """Close; the connection may be given back then."""
        super().close()  # type: ignore[misc]
        wrapper, self.wrapper = self.wrapper, None
        if wrapper is not None:
            wrapper.cursor_closed(self)

    def _note(self, query: Any) -> None:
        if self.wrapper is not None and not self.wrapper.is_pinned:
            self.wrapper.is_pinned = not isinstance(query, str) or pins(query)


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's wrapper with a second pool for steps. Without a pool it works as Django's.

    The type stubs do not have the overridden methods. A test fails if Django renames them.
    """

    _connection_pools: dict[str, Any]  # Django's, of all wrappers
    _configure_connection: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.is_pinned = False  # whether the session of a step has to be kept
        self._cursors: WeakSet[Any] = WeakSet()  # a step's, while they are open
        self._of_step = False  # whether the connection comes from the steps' pool
        self._is_connecting = False

    @property
    def pool(self) -> Any:
        """Return the pool for the calling code; None if the settings have no pool."""
        pool = super().pool
        if pool is None or not is_step():
            return pool
        name = STEPS % self.alias
        if name not in self._connection_pools:
            # setdefault: several threads may make one, and the first is used; none is open yet
            self._connection_pools.setdefault(name, self._step_pool())
        return self._connection_pools[name]

    def close_pool(self) -> None:
        """Close both pools. The next call makes new ones."""
        super().close_pool()
        pool = self._connection_pools.pop(STEPS % self.alias, None)
        if pool is not None:
            pool.close()

    def connect(self) -> None:
        """Connect. A step waits while all connections of its pool are in use."""
        self._is_connecting = True
        try:
            super().connect()
        finally:
            self._is_connecting = False
        self._of_step, self.is_pinned = is_step() and self.pool is not None, False
        self._cursors.clear()

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        """Take a connection from the pool."""
        while True:
            try:
                return super().get_new_connection(conn_params)
            except PoolTimeout:
                if not is_step() or not is_crowded(self.pool):
                    raise
                logger.info("A step waits for a connection: all %s are in use.", self.pool.max_size)

    def create_cursor(self, name: str | None = None) -> Any:
        """Return a cursor. A named one is a server-side cursor, for which the session is kept."""
        cursor = super().create_cursor(name)
        if self._of_step and isinstance(cursor, StepCursor):
            cursor.wrapper = self
            self._cursors.add(cursor)
        elif self._of_step:
            self.is_pinned = True
        return cursor

    def set_autocommit(
        self, autocommit: bool, force_begin_transaction_with_broken_autocommit: bool = False
    ) -> None:
        """Begin or end a transaction. After its end the connection may be given back."""
        super().set_autocommit(autocommit, force_begin_transaction_with_broken_autocommit)
        if autocommit and not self._is_connecting:
            self._give_back()

    def cursor_closed(self, cursor: Any) -> None:
        """Give the connection of a step back, if that was its last open cursor."""
        self._cursors.discard(cursor)
        self._give_back()

    def _give_back(self) -> None:
        if not self._of_step or self.is_pinned or self.in_atomic_block or self._cursors:
            return
        if self.connection is not None and self.get_autocommit() and not self.run_on_commit:
            self.connection.used_at = time.monotonic()
            self.close()

    def _close(self) -> None:
        if self._of_step and self.is_pinned and self.connection is not None:
            self.connection.close()  # so that no other step gets the session
        super()._close()  # type: ignore[misc]

    def _step_pool(self) -> Any:
        params = self.get_connection_params() | {"autocommit": True, "cursor_factory": StepCursor}
        limit = int(settings.STEP_IDLE_IN_TRANSACTION_SECONDS * 1000)
        session = f"-c idle_in_transaction_session_timeout={limit}"
        params["options"] = f"{params.get('options', '')} {session}".strip()
        options = self.settings_dict["OPTIONS"]["pool"]
        given = options if isinstance(options, dict) else {}
        return ConnectionPool(
            kwargs=params, open=False, configure=self._configure_connection, check=check,
            name=STEPS % self.alias,
            **{**given, "min_size": 0, "max_size": settings.STEP_CONNECTIONS},
        )  # fmt: skip


def is_crowded(pool: Any) -> bool:
    """Return True if a pool has its maximum of connections, so that one will become free."""
    return bool(pool.get_stats().get("pool_size", 0) >= pool.max_size)


def check(connection: Any) -> None:
    """Raise if a connection is broken. One that was used a moment ago is not checked."""
    if time.monotonic() - getattr(connection, "used_at", 0.0) > CHECK_AFTER:
        ConnectionPool.check_connection(connection)
