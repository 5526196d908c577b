"""`/readyz`: whether this process should be sent visitors now, for load balancers and deploys.

`/healthz` says that a process is alive; a restart would not help one that is not ready. This asks
for all that a page needs: the database, its tables as this code knows them, and the channel layer.
"""

from __future__ import annotations

import asyncio
import logging
from functools import cache
from typing import Any

from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError, InterfaceError, connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

logger = logging.getLogger(__name__)

LAYER_TIMEOUT = 3.0  # seconds


@login_not_required
@require_safe
def ready(request: HttpRequest) -> JsonResponse:
    """Answer `{"database": "ok", "migrations": "ok", "layer": "ok"}`, 503 if one of them is not.

    `database` and `layer` may be `failed`, `migrations` may be `missing`, or `unknown` without a
    database. A layer in memory is `none`, and fine: it cannot fail.
    """
    parts = {**database_state(), "layer": layer_state()}
    fine = all(state in ("ok", "none") for state in parts.values())
    return JsonResponse(parts, status=200 if fine else 503)


def database_state() -> dict[str, str]:
    """Return whether the database answers, and has the tables that this code knows."""
    try:
        applied = set(MigrationRecorder(connection).applied_migrations())
    except (DatabaseError, InterfaceError):
        logger.exception("The database does not answer the readiness check.")
        return {"database": "failed", "migrations": "unknown"}
    missing = newest_migrations() - applied
    return {"database": "ok", "migrations": "missing" if missing else "ok"}


@cache
def newest_migrations() -> frozenset[tuple[str, str]]:
    """Return the last migration of every app. A process never sees other code than its own."""
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def layer_state() -> str:
    """Return whether the channel layer answers."""
    layer: Any = get_channel_layer()
    if layer is None or isinstance(layer, InMemoryChannelLayer):
        return "none"
    try:
        async_to_sync(check_layer)(layer)
    except Exception:  # each layer has errors of its own
        logger.exception("The channel layer does not answer the readiness check.")
        return "failed"
    return "ok"


async def check_layer(layer: Any) -> None:
    """Take a channel that nobody has out of a group: it changes nothing, and needs an answer."""
    async with asyncio.timeout(LAYER_TIMEOUT):
        await layer.group_discard("readyz", "readyz")
