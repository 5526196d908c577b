"""Who is behind the open pages: the logins of many sessions, read together.

It finds what `django.contrib.auth.get_user` and `has_perm` find for each session, by a fixed number
of queries.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from importlib import import_module
from typing import Any, NamedTuple

from django.conf import settings
from django.contrib.auth import BACKEND_SESSION_KEY, HASH_SESSION_KEY, SESSION_KEY, get_user_model
from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone
from django.utils.crypto import constant_time_compare

from workflows.models.permissions import Perm
from workflows.models.requests.audience import Viewer

PERMISSIONS = (Perm.SEE_ALL_REQUESTS, Perm.DECIDE, Perm.SEE_ALL_RUNS)
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


class Login(NamedTuple):
    """What a session says of its login."""

    user: str
    password_hash: str


def viewers_of(sessions: Collection[str]) -> dict[str, Viewer]:
    """Return the person of each session key; a session without a valid login has none.

    The login is not valid if the session has ended, the person is inactive, or their password has
    changed since.
    """
    logins = _logins(sessions)
    users = _active_users({login.user for login in logins.values()})
    valid = {
        key: users[login.user]
        for key, login in logins.items()
        if login.user in users and _has_same_password(users[login.user], login)
    }
    viewers = _viewers({user.pk: user for user in valid.values()}.values())
    return {key: viewers[user.pk] for key, user in valid.items()}


def _logins(sessions: Collection[str]) -> dict[str, Login]:
    found = {}
    for key, data in _session_data(sessions).items():
        backend = data.get(BACKEND_SESSION_KEY)
        if SESSION_KEY in data and backend in settings.AUTHENTICATION_BACKENDS:
            found[key] = Login(data[SESSION_KEY], data.get(HASH_SESSION_KEY, ""))
    return found


def _session_data(sessions: Collection[str]) -> dict[str, dict[str, Any]]:
    """Return the data of the sessions that have not ended."""
    store: type[SessionBase] = import_module(settings.SESSION_ENGINE).SessionStore
    model = getattr(store, "get_model_class", None)
    if model is None:  # an engine without rows
        return {key: dict(store(key).load()) for key in sessions}
    rows = model().objects.filter(session_key__in=sessions, expire_date__gt=timezone.now())
    decoder = store()
    found = rows.values_list("session_key", "session_data")
    return {key: decoder.decode(data) for key, data in found}


def _active_users(keys: Iterable[str]) -> dict[str, Any]:
    model = get_user_model()
    read = [model._meta.pk.to_python(key) for key in keys]
    users = model._default_manager.filter(pk__in=read, is_active=True)
    return {user._meta.pk.value_to_string(user): user for user in users}


def _has_same_password(user: Any, login: Login) -> bool:
    """Say whether the password is that of the login, as Django checks it at each request."""
    hashes = [user.get_session_auth_hash(), *user.get_session_auth_fallback_hash()]
    return any(constant_time_compare(login.password_hash, one) for one in hashes)


def _viewers(users: Iterable[Any]) -> dict[Any, Viewer]:
    keys = [user.pk for user in users]
    model: Any = get_user_model()
    groups: dict[Any, set[int]] = {key: set() for key in keys}
    members = model.groups.through.objects.filter(user__in=keys)
    for user, group in members.values_list("user", "group"):
        groups[user].add(group)
    permitted: dict[str, set[Any]] = {
        one: set(
            model.objects.with_perm(one, backend=MODEL_BACKEND)
            .filter(pk__in=keys)
            .values_list("pk", flat=True)
        )
        for one in PERMISSIONS
    }
    return {
        key: Viewer(
            key,
            frozenset(str(one) for one in PERMISSIONS if key in permitted[one]),
            frozenset(groups[key]),
        )
        for key in keys
    }
