"""Finds the address of the client behind a proxy. Only headers of trusted proxies are used.

Any client can send an `X-Forwarded-For` header. Each proxy appends the address that it saw. So the
header is read from the right, past the addresses of trusted proxies. The first other address is the
client's.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import Any

from django.conf import settings

Network = IPv4Network | IPv6Network
Application = Callable[[Any, Any, Any], Awaitable[None]]

UNIX = "unix"  # in TRUSTED_PROXIES: any process that can connect to the Unix socket
FORWARDED_HEADERS = (b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-port", b"forwarded")


@cache
def networks(names: tuple[str, ...]) -> list[Network]:
    """Return the networks of `TRUSTED_PROXIES`; raise `ValueError` if one is malformed."""
    return [ip_network(name) for name in names if name != UNIX]


def is_trusted_proxy(peer: str | None, proxies: Sequence[str]) -> bool:
    """Return True if the peer, None on a Unix socket, is a trusted proxy."""
    if peer is None:
        return UNIX in proxies
    address = _address(peer)
    return address is not None and any(address in one for one in networks(tuple(proxies)))


def client_of(peer: str | None, forwarded: str, proxies: Sequence[str]) -> str | None:
    """Return the client's address. It is the peer's address if the peer is no trusted proxy.

    `forwarded` is the whole `X-Forwarded-For` header. Reading stops at an entry that is no address.
    Then the address before it counts as the client's, because nothing more is known.
    """
    client = peer
    for entry in reversed(forwarded.split(",")):
        if not is_trusted_proxy(client, proxies):
            break
        address = _address(_without_port(entry.strip()))
        if address is None:
            break
        client = str(address)
    return client


def _address(text: str) -> Any:
    """Return the address. An IPv4 address in IPv6 form is returned as IPv4."""
    try:
        address = ip_address(text)
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address


def _without_port(text: str) -> str:
    """Remove the port that some proxies add: `192.0.2.1:443`, `[2001:db8::1]:443`."""
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0] if text.count(":") == 1 else text


class ForwardedHeadersMiddleware:
    """An ASGI application whose scope has the client and the scheme that a trusted proxy reports.

    The headers are removed, so that no later code reads unchecked values.
    """

    def __init__(self, application: Application) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Call the application with the changed scope."""
        if scope["type"] in ("http", "websocket"):
            scope = self._read(scope)
        await self._application(scope, receive, send)

    def _read(self, scope: Any) -> Any:
        client = scope.get("client") or (None, 0)
        kept = [pair for pair in scope["headers"] if pair[0] not in FORWARDED_HEADERS]
        found = {**scope, "headers": kept}
        if not is_trusted_proxy(client[0], settings.TRUSTED_PROXIES):
            return found
        seen = client_of(client[0], _joined(scope, b"x-forwarded-for"), settings.TRUSTED_PROXIES)
        if seen is not None and seen != client[0]:
            found["client"] = (seen, 0)
        scheme = _joined(scope, b"x-forwarded-proto").rpartition(",")[2].strip().lower()
        if scheme in ("http", "https"):
            own = {"http": "ws", "https": "wss"}
            found["scheme"] = own[scheme] if scope["type"] == "websocket" else scheme
        return found


def _joined(scope: Any, name: bytes) -> str:
    values = [value.decode("latin1") for key, value in scope["headers"] if key == name]
    return ",".join(values)
