"""What a reviewer saw, as one short text that can be compared."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from workflows.engine.requests.payload_edits import lay_over

if TYPE_CHECKING:
    from workflows.models.requests.columns import RequestColumns


def digest_of(request: RequestColumns) -> str:
    """Return the SHA-256 of all that the page of a request shows and asks, in hex."""
    shown = [
        request.prompt,
        lay_over(request.payload, request.edits if request.is_pending else None),
        request.schema,
        request.allow,
        request.if_approved,
        request.revision,
    ]
    text = json.dumps(shown, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()
