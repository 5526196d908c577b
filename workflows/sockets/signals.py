"""Tells the open pages of a person at once that a login ended or that permissions changed.

What is changed in another way, as by SQL, is found by the regular check of all logins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from django.contrib.auth import get_user_model, user_logged_out
from django.contrib.auth.models import Group, User
from django.db.models.signals import m2m_changed, post_save, pre_delete
from django.dispatch import receiver
from django.http import HttpRequest

from workflows.realtime import publisher
from workflows.realtime.messages import PEOPLE, everybody_message, people_messages

CHANGES = ("post_add", "post_remove", "post_clear")
ONLY_LOGIN = frozenset({"last_login"})


def session_tag(key: str | None) -> str:
    """Return a tag that identifies a session in a message. It cannot be used to log in."""
    return hashlib.sha256(f"socket {key}".encode()).hexdigest()


@receiver(user_logged_out)
def close_sockets(request: HttpRequest, user: User | None, **kwargs: Any) -> None:
    """Close the sockets of a login at once when it ends."""
    if user is None:
        return
    tag = session_tag(request.session.session_key)
    message = {"type": "session.ended", "group": PEOPLE, "session": tag}
    publisher.enqueue({f"{PEOPLE} session {tag}": message})


def check_people(users: Iterable[Any]) -> None:
    """After the commit, have the logins of these people checked."""
    publisher.enqueue_after_commit(people_messages(users))


def check_everybody() -> None:
    """After the commit, have all logins checked."""
    publisher.enqueue_after_commit(everybody_message())


def person_saved(
    instance: Any, created: bool, update_fields: frozenset[str] | None, **kwargs: Any
) -> None:
    """A person may have been deactivated, or got another password or other rights."""
    if not created and update_fields != ONLY_LOGIN:
        check_people([instance.pk])


def person_deleted(instance: Any, **kwargs: Any) -> None:
    """A person or a group is deleted."""
    check_everybody() if isinstance(instance, Group) else check_people([instance.pk])


def membership_changed(
    instance: Any, action: str, reverse: bool, pk_set: set[Any] | None, **kwargs: Any
) -> None:
    """A person joined or left groups, or got or lost permissions."""
    if action not in CHANGES:
        return
    if not reverse:
        check_people([instance.pk])
    elif pk_set is not None:
        check_people(pk_set)
    else:
        check_everybody()


def permissions_of_group_changed(action: str, **kwargs: Any) -> None:
    """A group got or lost permissions."""
    if action in CHANGES:
        check_everybody()


def connect() -> None:
    """Connect the signals of the models. Call it once, when the applications are ready."""
    model: Any = get_user_model()
    post_save.connect(person_saved, sender=model)
    pre_delete.connect(person_deleted, sender=model)
    pre_delete.connect(person_deleted, sender=Group)
    m2m_changed.connect(membership_changed, sender=model.groups.through)
    m2m_changed.connect(membership_changed, sender=model.user_permissions.through)
    m2m_changed.connect(permissions_of_group_changed, sender=Group.permissions.through)
