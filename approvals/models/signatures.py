"""Keyed digests of decisions. A person with access to the database cannot make them without a key.

The keys are the setting DECISION_KEYS, or, if that is empty, SECRET_KEY and its fallbacks. The
first key signs; all keys verify, so that a key can be replaced.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

from django.conf import settings

if TYPE_CHECKING:
    from approvals.models.decision import Decision

SALT = b"approvals.decision:"
FIELDS = (
    "kind", "name", "response", "edits", "revision", "source", "address", "session", "account",
    "seen",
)  # fmt: skip


def _keys() -> list[str]:
    fallbacks = cast(list[str], settings.SECRET_KEY_FALLBACKS)
    return settings.DECISION_KEYS or [settings.SECRET_KEY, *fallbacks]


def sign(values: Sequence[Any]) -> str:
    """Return the HMAC-SHA-256 of these JSON values under the first key, in hex."""
    return _digest(_keys()[0], _text(values))


def verify(values: Sequence[Any], signature: str) -> bool:
    """Return True if `signature` is that of these values under any of the keys."""
    text = _text(values)
    return any(hmac.compare_digest(_digest(key, text), signature) for key in _keys())


def content_of(decision: Decision) -> list[Any]:
    """Return the columns of a decision that never change, as JSON values in a fixed order."""
    values = [getattr(decision, field) for field in FIELDS]
    return [str(decision.request_id), decision.by_id, moment(decision.at), *values]


def moment(at: datetime | None) -> str:
    """Return a time in the form that is signed: UTC, with microseconds; empty for no valid time."""
    return at.astimezone(UTC).isoformat(timespec="microseconds") if at else ""


def _digest(key: str, text: bytes) -> str:
    return hmac.new(SALT + key.encode(), text, hashlib.sha256).hexdigest()


def _text(values: Sequence[Any]) -> bytes:
    return json.dumps(values, separators=(",", ":"), sort_keys=True, default=str).encode()
