"""The origin of a decision: address, session and account."""

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
    """The data that is recorded with the name of a person.

    `address` is the IP address of the client, `session` the SHA-256 of the session's key in hex,
    `account` the account of the operating system that ran a command. Unknown values are empty.
    """

    address: str = ""
    session: str = ""
    account: str = ""


UNKNOWN = Origin()


def origin_of(http: HttpRequest) -> Origin:
    """Return the origin of an HTTP request."""
    key = http.session.session_key
    session = hashlib.sha256(key.encode()).hexdigest() if key else ""
    return Origin(address=client_address(http) or "", session=session)


def command_origin() -> Origin:
    """Return the origin of a command: the account, as the kernel reports it, and the machine.

    The account behind `sudo` is only in an environment variable, which can have any value. So it is
    recorded as unverified.
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
