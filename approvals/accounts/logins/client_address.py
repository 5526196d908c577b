"""Where a request comes from. Log-in limits and the audit trail ask here."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from workflows.server.forwarded_headers import client_of


def client_address(request: HttpRequest) -> str | None:
    """Return who asks: the address that a trusted proxy saw, else the one that is connected.

    None on a Unix socket whose other end `TRUSTED_PROXIES` does not name.
    """
    meta = request.META
    peer = meta.get("REMOTE_ADDR") or None
    return client_of(peer, meta.get("HTTP_X_FORWARDED_FOR", ""), settings.TRUSTED_PROXIES)
