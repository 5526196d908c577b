"""A few plain values of payloads that distinguish requests of one kind."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.text import Truncator

from workflows.web.payload.node import humanised, scalar

MAX_FACTS = 4  # values of a row
MAX_LENGTH = 60  # characters of a value


def key_facts(payloads: Sequence[Any]) -> list[list[tuple[str, str]]]:
    """Return (label, text) pairs for each payload; the same labels for all, in the same order.

    They are the first plain values. If there are too many, keys whose values differ are chosen
    first, because they distinguish the rows.
    """
    keys: dict[str, None] = {}
    for payload in payloads:
        plain = payload if isinstance(payload, dict) else {}
        keys |= dict.fromkeys(key for key, value in plain.items() if _is_plain(value))
    ranked = sorted(keys, key=lambda key: len({_shown(one, key) for one in payloads} - {""}) == 1)
    chosen = [key for key in keys if key in ranked[:MAX_FACTS]]
    return [[(humanised(key), _shown(payload, key)) for key in chosen] for payload in payloads]


def _is_plain(value: Any) -> bool:
    return isinstance(value, str | int | float | bool)


def _shown(payload: Any, key: str) -> str:
    value = payload.get(key) if isinstance(payload, dict) else None
    return Truncator(scalar(value).text).chars(MAX_LENGTH) if _is_plain(value) else ""
