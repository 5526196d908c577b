"""Mails reminders to the assignees of a request, in a thread: a mail server may be slow."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from smtplib import SMTPResponseException
from threading import Timer
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage, get_connection
from django.db.models import Q, QuerySet

from workflows.models import InputRequest
from workflows.models.requests.unanswerable import deciders
from workflows.worker.sweep.mail_subject import subject_line

logger = logging.getLogger(__name__)

RETRY_DELAYS = (5.0, 60.0, 600.0)  # seconds before each further attempt

STILL_DECIDING: list[Callable[[InputRequest, QuerySet[User]], QuerySet[User]]] = []
"""Filters of other applications: each removes people who may not decide a request."""

_mail_thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")


@dataclass(frozen=True, slots=True)
class Reminder:
    """One mail to several people. Each gets a separate message that names nobody else.

    `people` has the keys and addresses of those who have not got it yet. `attempt` counts from 0.
    """

    request_id: str
    subject: str
    text: str
    people: tuple[tuple[Any, str], ...]
    attempt: int = 0


def send(request: InputRequest, *, escalated: bool) -> None:
    """Remind the people who may still decide a request and have an address.

    Another thread sends the mail. If the mail server does not accept it, the thread tries again.
    After the last attempt it logs an error. The page of the request shows the reminder in any case.
    If the process ends, further attempts are lost.
    """
    people = tuple(recipients(request).exclude(email="").values_list("pk", "email"))
    if not people:
        return
    first = subject_line(request.prompt) or subject_line(request.run.workflow)
    word = "Escalated to you" if escalated else "Reminder"
    text = (
        f"A request of the workflow {subject_line(request.run.workflow)} waits for an answer.\n\n"
        f"{first}\n\n{settings.SITE_URL}{request.get_absolute_url()}\n"
    )
    _mail_thread.submit(_deliver, Reminder(str(request.pk), f"{word}: {first}", text, people))


def recipients(request: InputRequest) -> QuerySet[User]:
    """Return the people a request is assigned to, by name or group, who may still decide it."""
    named = Q(assignments__request=request) | Q(groups__assignments__request=request)
    people = deciders().filter(named)
    for narrow in STILL_DECIDING:
        people = narrow(request, people)
    return people.distinct().order_by("pk")


def _deliver(reminder: Reminder) -> None:
    """Send each message separately, and try those again later that the server did not accept."""
    failed: list[tuple[Any, str]] = []
    last: Exception | None = None
    connection = get_connection()
    for number, person in enumerate(reminder.people):
        opened = False
        try:
            connection.open()
            opened = True
            message = EmailMessage(reminder.subject, reminder.text, to=[person[1]])
            connection.send_messages([message])
        except Exception as error:
            _close(connection)  # how far it came is not known
            if not opened:  # nor would it open for the others
                failed, last = [*failed, *reminder.people[number:]], error
                break
            if _was_not_taken(error):
                failed, last = [*failed, person], error
            else:
                _give_up(reminder, [person], error)
    _close(connection)
    if last is not None:
        _try_later(reminder, failed, last)


def _was_not_taken(error: Exception) -> bool:
    """Return True if the server has certainly not accepted the message, and may do so later.

    If the connection broke during the transfer, this is unknown, and the message is not sent again.
    """
    codes = [error.smtp_code] if isinstance(error, SMTPResponseException) else []
    refused = getattr(error, "recipients", None)  # SMTPRecipientsRefused: address -> code, text
    if isinstance(refused, dict):
        codes = [code for code, _ in refused.values()]
    return bool(codes) and all(400 <= code < 500 for code in codes)


def _try_later(reminder: Reminder, people: Iterable[tuple[Any, str]], error: Exception) -> None:
    left = replace(reminder, people=tuple(people), attempt=reminder.attempt + 1)
    if reminder.attempt >= len(RETRY_DELAYS):
        _give_up(reminder, left.people, error)
        return
    pause = RETRY_DELAYS[reminder.attempt]
    logger.warning(
        "The reminder of request %s waits %s s for the mail server (%s).",
        reminder.request_id, pause, _error_name(error),
    )  # fmt: skip
    timer = Timer(pause, lambda: _mail_thread.submit(_deliver, left))
    timer.daemon = True  # a process that ends does not wait for it
    timer.start()


def _give_up(reminder: Reminder, people: Iterable[tuple[Any, str]], error: Exception) -> None:
    """Log who did not get the mail, without confidential data: prompt, address, traceback."""
    for key, _ in people:
        logger.error(
            "The reminder of request %s to user %s could not be sent: %s.",
            reminder.request_id, key, _error_name(error),
        )  # fmt: skip


def _error_name(error: Exception) -> str:
    code = getattr(error, "smtp_code", None)
    return type(error).__name__ + (f" {code}" if code else "")


def _close(connection: Any) -> None:
    try:
        connection.close()
    except Exception as error:
        logger.info("The connection to the mail server was not closed: %s.", _error_name(error))
