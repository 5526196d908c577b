"""Decides which addresses in untrusted text become links, and how they are shown.

An address becomes a link only if the host that a reader sees is the host that a browser opens.
Browsers accept many malformed addresses: a name before an `@`, backslashes, missing slashes,
numbers as hosts. All of these are refused. A host with other letters is shown in ASCII (punycode).
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

import idna

from workflows.text.invisible_characters import IGNORABLE

_WEB = re.compile(r"(?i:https?)://[^\s<>\"\\^`{|}\x00-\x20\x7f-\x9f]{1,2000}")
_MAIL = re.compile(r"(?i:mailto):[^\s<>\"\\^`{|}\x00-\x20\u007f-\U0010ffff]{1,2000}")
_HOST = re.compile(
    r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)*[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.?"
)
_NUMBER = re.compile(r"(?:.*\.)?(?:[0-9]+|0x[0-9a-f]*)\.?")
_IGNORED = re.compile(f"[{IGNORABLE}\ud800-\udfff]")


def web_address(text: str) -> str | None:
    """Return the text as a web address with its host in ASCII; None if it is no web address."""
    if not _WEB.fullmatch(text) or _IGNORED.search(text):
        return None
    try:
        parts = urlsplit(text)
        port = parts.port  # raises for one that is no number, or too large
    except ValueError:
        return None
    host = _ascii_host(parts)
    if host is None or "@" in parts.netloc or parts.netloc.endswith(":") or port == 0:
        return None
    if parts.hostname == host:  # what is ASCII stays as it was written
        return text
    place = host if port is None else f"{host}:{port}"
    return parts._replace(netloc=place).geturl()


def may_open(address: str) -> bool:
    """Return True if the address may be a link: to the web or a mailbox, without hidden parts.

    A web address has to be in ASCII already.
    """
    if _MAIL.fullmatch(address):
        return True
    return address.isascii() and web_address(address) is not None


def _ascii_host(parts: SplitResult) -> str | None:
    """Return the host as a browser resolves it; None if it is missing or ambiguous."""
    host = parts.hostname or ""
    if "[" in parts.netloc:
        return host if _is_address(host) else None
    try:
        found = host if host.isascii() else idna.encode(host, uts46=True).decode()
    except UnicodeError:  # the library's own errors are of this kind
        return None
    if not _HOST.fullmatch(found) or (_NUMBER.fullmatch(found) and not _is_address(found)):
        return None
    return found


def _is_address(host: str) -> bool:
    try:
        return bool(ip_address(host))
    except ValueError:
        return False
