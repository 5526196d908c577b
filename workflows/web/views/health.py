"""`/healthz`: whether this process can do its work, for load balancers and alarms."""

from __future__ import annotations

import logging

from django.contrib.auth.decorators import login_not_required
from django.db import DatabaseError
from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_safe

from workflows.web.context_processors import worker_silence

logger = logging.getLogger(__name__)


@login_not_required
@require_safe
def health(request: HttpRequest) -> JsonResponse:
    """Answer `{"database": "ok", "worker_seconds": 2}`; 503 only if the database fails.

    `worker_seconds` is how long ago any worker was seen, null if none ever was: a missing worker
    is for an alarm to judge, taking the pages away as well would help nobody.
    """
    try:
        silence = worker_silence()
    except DatabaseError:
        logger.exception("The database does not answer the health check.")
        return JsonResponse({"database": "failed", "worker_seconds": None}, status=503)
    seconds = None if silence is None else int(silence.total_seconds())
    return JsonResponse({"database": "ok", "worker_seconds": seconds})
