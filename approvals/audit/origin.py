"""Where a decision came from, as far as the application can know it."""

from __future__ import annotations

import hashlib
import os
import pwd
import socket
from dataclasses import dataclass

from django.http import HttpRequest

from approvals.accounts.logins.client_address import client_address


@dataclass(frozen=True, slots=True)
class Origin:
    """What is recorded beside the name of a person.

    `address` is the IP address of the client, `session` the SHA-256 of the session's key, in
    hex, `account` the account of the operating system that ran a command. Empty: not known.
    """

    address: str = ""
    session: str = ""
    account: str = ""


UNKNOWN = Origin()


def origin_of(http: HttpRequest) -> Origin:
    """Return the origin of a request to a page."""
    key = http.session.session_key
    session = hashlib.sha256(key.encode()).hexdigest() if key else ""
    return Origin(address=client_address(http) or "", session=session)


def command_origin() -> Origin:
    """Return the origin of a command: who runs it, by the kernel's word, and on which machine.

    The variables of the environment that tell who is behind `sudo` can be set to anything, so
    they are recorded as a claim.
    """
    uid = os.getuid()
    try:
        name = pwd.getpwuid(uid).pw_name
    except KeyError:
        name = "unnamed"
    account = f"{name} (uid {uid}) on {socket.gethostname()}"
    if claimed := os.environ.get("SUDO_USER"):
        account += f", SUDO_USER says {claimed}"
    return Origin(account="".join(one if one.isprintable() else "?" for one in account)[:255])
