"""The listening socket. It is opened first, and kept during a reload."""

from __future__ import annotations

import errno
import os
import socket

HOST = "127.0.0.1"
# Passes the descriptor to the process that replaces this one.
SOCKET_VARIABLE = "BLAZEN_LISTENING_SOCKET"
BACKLOG = 128


class PortInUse(Exception):
    """Another program listens on the port, or the port may not be used."""


def listening_socket(port: int) -> socket.socket:
    """Return a socket that listens on `port` of this machine only; 0 means any free port.

    While the server prepares or reloads, connections wait in the socket's queue and are not
    refused. Raise `PortInUse` with a sentence that says what to do.
    """
    kept = os.environ.pop(SOCKET_VARIABLE, "")
    if kept.isdecimal():
        inherited = socket.socket(fileno=int(kept))
        inherited.set_inheritable(False)
        return inherited
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise PortInUse(_reason(port, error)) from None
    return listener


def keep(listener: socket.socket) -> None:
    """Let `listening_socket` find this socket in the process that replaces this one."""
    listener.set_inheritable(True)
    os.environ[SOCKET_VARIABLE] = str(listener.fileno())


def _reason(port: int, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        what = f"Port {port} of {HOST} is in use by another program"
    else:
        what = f"Port {port} of {HOST} cannot be used ({error.strerror})"
    return f"{what}. Choose another one: `make run PORT={port + 1 if port < 65535 else 8000}`."
