"""Mail to those a request waits for, from a thread of its own: a mail server may be slow."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

from django.conf import settings
from django.contrib.auth.models import User
from django.core.mail import EmailMessage, get_connection
from django.db.models import Q, QuerySet

from workflows.models import InputRequest
from workflows.models.requests import deciders

logger = logging.getLogger(__name__)

LONGEST = 100  # characters of a prompt in a subject

_post = ThreadPoolExecutor(max_workers=1, thread_name_prefix="mail")


def send(request: InputRequest, *, escalated: bool) -> None:
    """Remind the assignees that have an address; to each alone, so that nobody sees the others.

    Best effort: what cannot be sent is logged, and the reminder stands on the request itself.
    """
    people = list(assignees(request).exclude(email=""))
    if not people:
        return
    first = request.prompt.strip().partition("\n")[0].strip()[:LONGEST]
    word = "Escalated to you" if escalated else "Reminder"
    text = (
        f"A request of the workflow {request.run.workflow} waits for an answer.\n\n"
        f"{first}\n\n{settings.SITE_URL}{request.get_absolute_url()}\n"
    )
    messages = [
        EmailMessage(f"{word}: {first or request.run.workflow}", text, to=[person.email])
        for person in people
    ]
    _post.submit(_send, str(request.pk), messages)


def assignees(request: InputRequest) -> QuerySet[User]:
    """Return the active people a request was given to, by name or by group, if they decide."""
    named = Q(assignments__request=request) | Q(groups__assignments__request=request)
    return deciders().filter(named).distinct()


def _send(name: str, messages: list[EmailMessage]) -> None:
    try:
        get_connection().send_messages(messages)
    except Exception:
        logger.exception("The reminder of request %s could not be sent.", name)
