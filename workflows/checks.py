"""Warnings of `manage.py check` about a site that runs, but not as its owner may expect."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from channels.layers import InMemoryChannelLayer, get_channel_layer
from django.apps import AppConfig
from django.core.checks import CheckMessage, Warning, register
from django.db import connection


@register()
def live_updates_cross_processes(
    app_configs: Sequence[AppConfig] | None, **kwargs: Any
) -> list[CheckMessage]:
    """Warn if the database is for several processes but the channel layer is not."""
    layer = get_channel_layer()
    alone = layer is None or isinstance(layer, InMemoryChannelLayer)
    if connection.vendor == "sqlite" or not alone:
        return []
    return [
        Warning(
            "Live updates and wake-ups do not cross processes: DATABASE_URL names a database for "
            "many processes, but without REDIS_URL each process has a channel layer in memory.",
            hint=(
                "Set REDIS_URL. Until then a page shows what another process did only when it "
                "asks again (every half minute), and a worker finds an answer up to a second "
                "later. One process alone (`manage.py serve`) is not concerned."
            ),
            id="workflows.W001",
        )
    ]
