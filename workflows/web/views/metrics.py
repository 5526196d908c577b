"""`/metrics`: what this process counts and what the rows say, as Prometheus reads it."""

from __future__ import annotations

import secrets

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST, REGISTRY, generate_latest

from workflows.observability.database_metrics import DATABASE_REGISTRY


@login_not_required  # a scraper has a token instead: 401 tells it so, a login page would not
@require_safe
def metrics(request: HttpRequest) -> HttpResponse:
    """Answer whoever sends `Authorization: Bearer METRICS_TOKEN`, or is logged in as staff.

    401 for strangers, 403 for everybody else. Without a METRICS_TOKEN no token is good.
    """
    if not has_token(request):
        if not request.user.is_authenticated:
            text = "Send the METRICS_TOKEN as a bearer, or log in as staff.\n"
            challenge = {"WWW-Authenticate": 'Bearer realm="metrics"'}
            return HttpResponse(text, status=401, content_type="text/plain", headers=challenge)
        if not request.user.is_staff:
            return HttpResponse("For staff only.\n", status=403, content_type="text/plain")
    families = generate_latest(REGISTRY) + generate_latest(DATABASE_REGISTRY)
    return HttpResponse(families, content_type=CONTENT_TYPE_LATEST)


def has_token(request: HttpRequest) -> bool:
    """Say whether the request carries the token of the settings, in a time that tells nothing."""
    given = request.headers.get("Authorization", "")
    wanted = f"Bearer {settings.METRICS_TOKEN}"
    matches = secrets.compare_digest(given.encode(), wanted.encode())
    return bool(settings.METRICS_TOKEN) and matches
