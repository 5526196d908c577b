"""People and requests for tests with several people."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.models import Group, User
from django.utils import timezone

from approvals import actions
from tests.support.factories import make_request, make_user
from workflows.models import Assignment, InputRequest
from workflows.models.requests.digest import digest_of

YES: dict[str, Any] = {"approved": True}
NO: dict[str, Any] = {"approved": False}


def make_operator(name: str) -> User:
    """Return a new user who may see every request, decide, and control runs."""
    return make_user(
        name, "approvals.add_decision", "workflows.view_inputrequest",
        "workflows.change_workflowrun", "workflows.view_workflowrun",
    )  # fmt: skip


def asked_of(*people: User | Group, **columns: Any) -> InputRequest:
    """Return a new pending request that was given to these people, or to everybody."""
    request = make_request(**{"assigned": bool(people)} | columns)
    for one in people:
        field = "group" if isinstance(one, Group) else "user"
        Assignment.objects.create(request=request, **{field: one})
    request.digest = digest_of(request)
    request.save(update_fields=["digest"])
    return request


def soon(**length: float) -> Any:
    """Return a time in the future, or in the past if the length is negative."""
    return timezone.now() + timedelta(**length)


def again(request: InputRequest) -> InputRequest:
    """Return the request as its row is now."""
    return InputRequest.objects.get(pk=request.pk)


def decide(user: User, request: InputRequest, response: Any = YES, **given: Any) -> actions.Outcome:
    """Answer a request as its page does."""
    return actions.decide(user, request.id, response, source="inbox", **given)
