"""Counts failed log-ins by name, by address, and by both together.

Each failure is a row. A limit counts the rows of the last quarter of an hour. A successful log-in
does not reset the count, so an attacker has no advantage from the log-ins of the account's owner.

The limit by name alone is the highest. It does not apply to an address from which the name has
logged in before. Otherwise anybody could lock a reviewer out by failed log-ins with her name.
"""

from __future__ import annotations

from datetime import timedelta
from ipaddress import IPv6Address, ip_address, ip_network
from typing import Any

from axes.handlers.database import AxesDatabaseHandler
from axes.helpers import get_client_username, get_cool_off
from axes.models import AccessFailureLog, AccessLog
from axes.signals import user_locked_out
from django.conf import settings
from django.db.models import Count, Q
from django.http import HttpRequest
from django.utils import timezone

from approvals.accounts.logins.client_address import client_address

KNOWN_ADDRESS_AGE = timedelta(days=90)  # since the last log-in of a name from an address
NAME = 255  # characters of the column; no account has a longer name


def counted_address(request: HttpRequest) -> str | None:
    """Return the address by which failures are counted. For IPv6 it is the /64 network."""
    try:
        address = ip_address(client_address(request) or "")
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        return str(ip_network(f"{address}/64", strict=False).network_address)
    return str(address)


class LimitedAttempts(AxesDatabaseHandler):  # type: ignore[misc]  # axes has no types
    """Counts failures by the rows of `AccessFailureLog`, and applies three limits."""

    def is_locked(self, request: Any, credentials: dict[str, Any] | None = None) -> bool:
        """Return True if one of the limits is reached. This takes one query, seldom two."""
        name, address = _name(request, credentials), request.axes_ip_address
        by_name, by_address = Q(username=name), Q(ip_address=address)
        if address is None:
            by_address = Q(ip_address__isnull=True)
        recent = AccessFailureLog.objects.filter(by_name | by_address, attempt_time__gte=_since())
        found = recent.order_by().aggregate(
            both=Count("pk", filter=by_name & by_address),
            address=Count("pk", filter=by_address),
            name=Count("pk", filter=by_name),
        )
        return (
            found["both"] >= settings.LOGIN_FAILURE_LIMIT
            or found["address"] >= settings.LOGIN_FAILURES_PER_ADDRESS
            or (found["name"] >= settings.LOGIN_FAILURES_PER_NAME and not _knows(name, by_address))
        )

    def user_login_failed(
        self, sender: Any, credentials: dict[str, Any], request: Any = None, **kwargs: Any
    ) -> None:
        """Store the failure. A log-in that was refused without a check does not count."""
        if request is None:
            return
        request.axes_credentials = credentials
        if not request.axes_locked_out:
            AccessFailureLog.objects.filter(attempt_time__lt=_since()).delete()
            AccessFailureLog.objects.create(
                username=_name(request, credentials), ip_address=request.axes_ip_address,
                user_agent=request.axes_user_agent, http_accept=request.axes_http_accept,
                path_info=request.axes_path_info,
            )  # fmt: skip
            request.axes_locked_out = self.is_locked(request, credentials)
        if request.axes_locked_out:
            name = _name(request, credentials)
            user_locked_out.send(
                "axes", request=request, username=name, ip_address=request.axes_ip_address
            )


def _name(request: Any, credentials: dict[str, Any] | None) -> str:
    return (get_client_username(request, credentials) or "")[:NAME].replace("\x00", "")


def _since() -> Any:
    return timezone.now() - get_cool_off()


def _knows(name: str, by_address: Q) -> bool:
    """Return True if this name has logged in from the address before."""
    since = timezone.now() - KNOWN_ADDRESS_AGE
    return bool(
        AccessLog.objects.filter(by_address, username=name, attempt_time__gte=since).exists()
    )
