"""Forwarded headers are used only if a setting trusts the proxy that wrote them."""

from __future__ import annotations

from typing import Any

import pytest
from pytest_django import Settings

from workflows.server.forwarded_headers import ForwardedHeadersMiddleware, client_of
from workflows.server.origin_validator import may_open

PROXIES = ["127.0.0.1", "10.0.0.0/8", "2001:db8::/32"]


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.9", "198.51.100.1", "203.0.113.9"),  # not a trusted proxy
        ("127.0.0.1", "", "127.0.0.1"),
        ("127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", "6.6.6.6, 198.51.100.1", "198.51.100.1"),  # the client wrote the first
        ("127.0.0.1", "6.6.6.6,198.51.100.1 , 10.0.0.2", "198.51.100.1"),
        ("127.0.0.1", "6.6.6.6, nonsense, 10.0.0.2", "10.0.0.2"),
        ("127.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("127.0.0.1", "[2001:db9::1]:443", "2001:db9::1"),
        ("127.0.0.1", "2001:DB9::1", "2001:db9::1"),
        ("::ffff:127.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("2001:db8::7", "::ffff:198.51.100.1", "198.51.100.1"),
        ("127.0.0.1", ",,", "127.0.0.1"),
        (None, "198.51.100.1", None),
    ],
)  # fmt: skip
def test_the_client_is_the_last_address_that_no_trusted_proxy_has(
    peer: str | None, forwarded: str, client: str
) -> None:
    assert client_of(peer, forwarded, PROXIES) == client


def test_no_proxy_is_trusted_by_default(settings: Settings) -> None:
    assert settings.TRUSTED_PROXIES == []
    assert client_of("127.0.0.1", "198.51.100.1", settings.TRUSTED_PROXIES) == "127.0.0.1"


def test_a_unix_socket_is_trusted_if_the_setting_names_it() -> None:
    assert client_of(None, "198.51.100.1", ["unix"]) == "198.51.100.1"


async def scope_of(kind: str, client: Any, *headers: tuple[bytes, bytes]) -> dict[str, Any]:
    """Return the scope that the application gets."""
    seen: list[dict[str, Any]] = []

    async def application(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope)

    scope = {"type": kind, "client": client, "scheme": "http", "headers": list(headers)}
    await ForwardedHeadersMiddleware(application)(scope, None, None)
    return seen[0]


@pytest.mark.asyncio
async def test_the_application_sees_the_client_and_the_scheme_behind_a_proxy(
    settings: Settings,
) -> None:
    settings.TRUSTED_PROXIES = PROXIES
    headers = (b"x-forwarded-for", b"198.51.100.1"), (b"x-forwarded-proto", b"https")
    scope = await scope_of("http", ["127.0.0.1", 5], *headers, (b"host", b"a"))
    assert (scope["client"], scope["scheme"]) == (("198.51.100.1", 0), "https")
    assert scope["headers"] == [(b"host", b"a")]
    scope = await scope_of("websocket", ["127.0.0.1", 5], *headers)
    assert scope["scheme"] == "wss"


@pytest.mark.asyncio
@pytest.mark.parametrize("client", [["203.0.113.9", 5], None])
async def test_an_untrusted_client_cannot_set_its_address(settings: Settings, client: Any) -> None:
    settings.TRUSTED_PROXIES = PROXIES
    headers = (b"x-forwarded-for", b"198.51.100.1"), (b"x-forwarded-proto", b"https")
    scope = await scope_of("http", client, *headers)
    assert (scope["client"], scope["scheme"], scope["headers"]) == (client, "http", [])


@pytest.mark.parametrize(
    ("origin", "scheme", "host", "allowed"),
    [
        ("https://a.example", "https", "a.example", True),
        ("https://a.example", "https", "a.example:443", True),
        ("https://A.EXAMPLE", "https", "a.example", True),
        ("http://a.example:8000", "http", "a.example:8000", True),
        ("http://[::1]:8000", "http", "[::1]:8000", True),
        ("http://a.example", "https", "a.example", False),
        ("https://a.example:8443", "https", "a.example", False),
        ("https://b.example", "https", "a.example", False),
        ("https://a.example.evil.example", "https", "a.example", False),
        ("https://a.example@evil.example", "https", "a.example", False),
        ("https://a.example/path", "https", "a.example", False),
        ("https://evil.example", "https", "evil.example", False),  # not our host
        ("null", "https", "a.example", False),
        ("", "https", "a.example", False),
        ("https://a.example:no", "https", "a.example", False),
        ("https://trusted.example", "http", "a.example", True),
        ("http://trusted.example", "http", "a.example", False),
        ("https://x.under.example", "http", "a.example", True),
        ("https://x.under.example:444", "http", "a.example", False),
        ("https://xunder.example", "http", "a.example", False),
    ],
)  # fmt: skip
def test_a_socket_opens_to_its_own_origin_and_to_trusted_ones(
    settings: Settings, origin: str, scheme: str, host: str, allowed: bool
) -> None:
    settings.ALLOWED_HOSTS = ["a.example", "[::1]"]
    settings.CSRF_TRUSTED_ORIGINS = ["https://trusted.example", "https://*.under.example"]
    assert may_open(origin, scheme=scheme, host=host) is allowed
