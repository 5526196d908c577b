"""The counts that stand beside the links of every page."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache, partial
from typing import TYPE_CHECKING

from django.http import HttpRequest

from workflows.models import InputRequest, WorkflowRun

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser, User


def waiting(user: User | AnonymousUser) -> int:
    """Return how many requests wait for somebody, of those that `user` may see."""
    return InputRequest.objects.visible_to(user).pending().count()


def attention(user: User | AnonymousUser) -> int:
    """Return how many runs failed or are blocked, of those that `user` may see."""
    return WorkflowRun.objects.visible_to(user).needing_attention().count()


def counts(request: HttpRequest) -> dict[str, Callable[[], int]]:
    """Give templates `waiting_count` and `attention_count`, counted once, if they are drawn."""
    user = request.user
    return {
        "waiting_count": cache(partial(waiting, user)),
        "attention_count": cache(partial(attention, user)),
    }
