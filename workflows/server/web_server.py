"""Daphne with limits that are checked while a request is read, before the application.

Daphne itself reads a whole request of any size and any duration before it calls the application.
Here the size and the time of a request, and the messages of sockets, are limited during reading.
`manage.py serve` uses `LimitedServer`. As a program, this module takes daphne's command line:

    python -m workflows.server.web_server --bind 127.0.0.1 --port 8000 blazen_site.asgi:application
"""

from __future__ import annotations

# Daphne's server is imported first: it installs the reactor that Twisted then uses.
from daphne.server import Server  # isort: skip

import sys
from collections.abc import Sequence
from typing import Any

from daphne.cli import CommandLineInterface
from daphne.http_protocol import HTTPFactory, WebRequest
from daphne.ws_protocol import WebSocketProtocol
from django.conf import settings
from twisted.internet import reactor as installed_reactor
from twisted.internet.interfaces import ISSLTransport
from twisted.web import http as twisted_http

reactor: Any = installed_reactor
HTTPChannel: Any = twisted_http.HTTPChannel

MAX_FRAME = 1024  # bytes of a frame from a page; pages of this site send none
MAX_MESSAGE = 65_536  # bytes of a message from a page, and of one to a page: the limit is for both
# Seconds to send the refusal, while the rest of the request is dropped.
LINGER_TIMEOUT = 5.0
POLICY_VIOLATION = 1008
TOO_LARGE = b"This is more than the server accepts, and nothing was changed. Try again with less."
# htmx shows the response beside the form, and keeps what was typed.
TOO_LARGE_HEADERS = (
    b"Content-Type: text/plain; charset=utf-8", b"Content-Length: %d" % len(TOO_LARGE),
    b"Connection: close", b"Cache-Control: no-store", b"HX-Retarget: [data-draft-note]",
    b"HX-Reswap: innerHTML",
)  # fmt: skip


class LimitedRequest(WebRequest):  # type: ignore[misc]  # daphne has no types
    """A request that is refused with 413 as soon as its body is known to be too long."""

    _parsePOSTFormSubmission = False  # Django reads forms; a second copy would only use memory
    is_refused = False

    def gotLength(self, length: int | None) -> None:
        """Refuse a body whose declared length is too large, before it is read."""
        refused = length is not None and length > settings.REQUEST_MAX_BYTES
        super().gotLength(0 if refused else length)
        if refused:
            self.refuse()

    def handleContentChunk(self, data: bytes) -> None:
        """Keep a part of the body, up to the limit: a chunked body declares no length."""
        if self.is_refused:
            return
        if self.content.tell() + len(data) > settings.REQUEST_MAX_BYTES:
            self.refuse()
        else:
            super().handleContentChunk(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        """Call the application, unless the request was refused."""
        if self.is_refused:
            self.channel.loseConnection()
        else:
            super().requestReceived(command, path, version)

    def refuse(self) -> None:
        """Answer 413 and close. The rest of the body is dropped, so that the client can read it."""
        self.is_refused = True
        self.content.seek(0)
        self.content.truncate()
        self.requestHeaders.removeHeader(b"Expect")
        head = b"\r\n".join([b"HTTP/1.1 413 Content Too Large", *TOO_LARGE_HEADERS, b"", b""])
        self.channel.transport.write(head + TOO_LARGE)
        self.channel.set_deadline(LINGER_TIMEOUT)


class LimitedChannel(HTTPChannel):  # type: ignore[misc]  # nor has this part of Twisted
    """A connection on which each request has to arrive completely within `REQUEST_SECONDS`.

    The time includes the pause before the request, so that idle connections are closed, too. Unlike
    Twisted's own timeout, it does not start anew with each byte.
    """

    _deadline: Any = None

    def connectionMade(self) -> None:
        """Start the timeout of the first request."""
        super().connectionMade()
        self.set_deadline(settings.REQUEST_SECONDS)

    def allContentReceived(self) -> None:
        """Stop the timeout while the application answers."""
        self.set_deadline(None)
        super().allContentReceived()

    def requestDone(self, request: Any) -> None:
        """Start the timeout of the next request."""
        self.set_deadline(settings.REQUEST_SECONDS)
        super().requestDone(request)

    def connectionLost(self, reason: Any) -> None:
        """Cancel the timeout."""
        self.set_deadline(None)
        super().connectionLost(reason)

    def set_deadline(self, seconds: float | None) -> None:
        """Close the connection after this number of seconds; None cancels this."""
        if self._deadline is not None and self._deadline.active():
            self._deadline.cancel()
        self._deadline = None if seconds is None else reactor.callLater(seconds, self._end)

    def _end(self) -> None:
        request = self.requests[-1] if self.requests else None
        if request is not None and not request.is_refused:
            self.transport.write(
                b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"
            )
        self.timeoutConnection()


class LimitedHTTPFactory(HTTPFactory):  # type: ignore[misc]
    """Makes connections with these limits."""

    protocol = LimitedChannel

    def buildProtocol(self, addr: Any) -> Any:
        """Return one connection."""
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = LimitedRequest
        return protocol


class ListeningProtocol(WebSocketProtocol):  # type: ignore[misc]
    """A socket that only sends. A page that sends anything is closed with 1008."""

    def onMessageFrameBegin(self, length: int) -> None:
        """Close when a frame begins, before its content is read."""
        super().onMessageFrameBegin(length)
        if not self.failedByMe:
            self.sendCloseFrame(POLICY_VIOLATION, b"This socket accepts no messages.")

    def onMessage(self, payload: bytes, isBinary: bool) -> None:
        """Drop the message: the socket is being closed."""

    def serverClose(self, code: int | None = None) -> None:
        """Close with a code of the application, which may be one of the protocol's codes."""
        if code is not None and 1001 <= code <= 1013:
            self.sendCloseFrame(code)
        else:
            super().serverClose(code)


class LimitedServer(Server):  # type: ignore[misc]
    """Daphne's server with the factories of this module."""

    def __init__(self, **options: Any) -> None:
        super().__init__(
            websocket_max_message_size=MAX_MESSAGE, websocket_max_frame_size=MAX_FRAME,
            **{key: options[key] for key in options if not key.startswith("websocket_max_")},
        )  # fmt: skip

    @property
    def http_factory(self) -> HTTPFactory:
        """The factory of HTTP connections."""
        return self._http_factory

    @http_factory.setter
    def http_factory(self, factory: HTTPFactory) -> None:
        self._http_factory = LimitedHTTPFactory(factory.server)

    @property
    def ws_factory(self) -> Any:
        """The factory of sockets."""
        return self._ws_factory

    @ws_factory.setter
    def ws_factory(self, factory: Any) -> None:
        factory.protocol = ListeningProtocol
        self._ws_factory = factory

    def create_application(self, protocol: Any, scope: dict[str, Any]) -> Any:
        """Start the application. The scope of a socket gets its scheme, `ws` or `wss`.

        Daphne does not set it, and the check of the origin needs it.
        """
        if scope["type"] == "websocket":
            scope["scheme"] = "wss" if ISSLTransport.providedBy(protocol.transport) else "ws"
        return super().create_application(protocol, scope)


class CommandLine(CommandLineInterface):  # type: ignore[misc]
    """Daphne's command line. The settings of the site name the proxies with trusted headers."""

    server_class = LimitedServer

    def run(self, args: Sequence[str]) -> None:
        """Serve until stopped."""
        if any(one.startswith("--proxy-headers") for one in args):
            sys.exit(
                "--proxy-headers trusts the headers of any client. Leave it out, and name the "
                "proxy's address in TRUSTED_PROXIES."
            )
        super().run(args)


if __name__ == "__main__":
    CommandLine.entrypoint()
