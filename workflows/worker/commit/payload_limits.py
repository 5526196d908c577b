"""What a step may put before people: the limits of the settings, named when they are passed."""

from __future__ import annotations

from django.conf import settings

from workflows.engine import UnstorableValue
from workflows.engine.serialization.json_limits import InputRefused, check_json
from workflows.engine.serialization.stored_event import StoredEvent


def check_request(request: StoredEvent) -> None:
    """Raise `UnstorableValue` if a request's prompt or payload is too large or too deep."""
    data = request.data()
    for field in ("prompt", "payload"):
        try:
            check_json(
                data[field],
                what=f"The {field} of {request.name}",
                max_bytes=settings.PAYLOAD_MAX_BYTES,
                max_depth=settings.JSON_MAX_DEPTH,
            )
        except InputRefused as error:
            raise UnstorableValue(str(error)) from error
