"""A digest of what a reviewer saw, to compare versions."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from workflows.engine.requests.payload_edits import apply_edits

if TYPE_CHECKING:
    from workflows.models.requests.columns import RequestColumns


def digest_of(request: RequestColumns) -> str:
    """Return the SHA-256 of everything that the page of a request shows and asks, in hex."""
    shown = [
        request.prompt,
        apply_edits(request.payload, request.edits if request.is_pending else None),
        request.schema,
        request.allow,
        request.if_approved,
        request.revision,
    ]
    text = json.dumps(shown, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
