"""Accepts sockets only from pages of this site, compared by scheme, host and port.

Any page in a browser can open a socket with the cookies of the logged-in person. The check of
Channels compares only the host. Another port of the machine, or the same name without TLS, is
another site. The rules here are those of Django for forms.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.http.request import split_domain_port, validate_host
from django.utils.http import is_same_domain

Application = Callable[[Any, Any, Any], Awaitable[None]]
Origin = tuple[str, str, int]  # scheme, host, port

PORTS = {"http": 80, "https": 443}


class OriginValidator:
    """An ASGI application of sockets that refuses (403) sockets from pages of other sites."""

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Call the application, or refuse the socket before the person is identified."""
        headers = dict(scope["headers"])
        origin = headers.get(b"origin", b"").decode("latin1")
        host = headers.get(b"host", b"").decode("latin1")
        scheme = "https" if scope.get("scheme") in ("wss", "https") else "http"
        if may_open(origin, scheme=scheme, host=host):
            await self._application(scope, receive, send)
        else:
            await deny(scope, receive, send)


async def deny(scope: Any, receive: Any, send: Any) -> None:
    """Refuse the handshake: 403."""
    await receive()
    await send({"type": "websocket.close"})


def may_open(origin: str, *, scheme: str, host: str) -> bool:
    """Return True if a page of `origin` may open a socket of a site at this scheme and host.

    Every browser sends the host. Without a host, the origin's host has to be in `ALLOWED_HOSTS`.
    """
    asked = parse(origin)
    if asked is None:
        return False
    if any(_fits(asked, one) for one in settings.CSRF_TRUSTED_ORIGINS):
        return True
    if not host:
        return _is_allowed_host(asked[1])
    return _is_allowed_host(host) and asked == parse(f"{scheme}://{host}")


def parse(origin: str) -> Origin | None:
    """Return the parts of an origin; None for a text that is no origin, such as "null"."""
    try:
        parts = urlsplit(origin)
        port = parts.port or PORTS.get(parts.scheme)
    except ValueError:
        return None
    is_origin = not (parts.path or parts.query or parts.fragment or "@" in parts.netloc)
    if not parts.hostname or port is None or not is_origin:
        return None
    return parts.scheme, parts.hostname, port


def _is_allowed_host(host: str) -> bool:
    domain, _ = split_domain_port(host)
    allowed = settings.ALLOWED_HOSTS
    if settings.DEBUG and not allowed:
        allowed = [".localhost", "127.0.0.1", "[::1]"]
    return bool(domain) and validate_host(domain, allowed)


def _fits(asked: Origin, trusted: str) -> bool:
    """Compare with an entry of `CSRF_TRUSTED_ORIGINS`, which may be `https://*.example.com`."""
    entry = parse(trusted.replace("*.", "", 1))
    if entry is None:
        return False
    if "*" not in trusted:
        return asked == entry
    return (asked[0], asked[2]) == (entry[0], entry[2]) and is_same_domain(asked[1], f".{entry[1]}")
