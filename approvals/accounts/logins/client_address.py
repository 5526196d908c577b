"""The address of the client, for log-in limits and the audit trail."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from workflows.server.forwarded_headers import client_of


def client_address(request: HttpRequest) -> str | None:
    """Return the client's address: the one that a trusted proxy reports, else that of the peer.

    None on a Unix socket whose other end `TRUSTED_PROXIES` does not name.
    """
    meta = request.META
    peer = meta.get("REMOTE_ADDR") or None
    return client_of(peer, meta.get("HTTP_X_FORWARDED_FOR", ""), settings.TRUSTED_PROXIES)
