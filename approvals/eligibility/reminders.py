"""Who of several people may still decide a request."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import QuerySet

from approvals.eligibility.candidates import who_can_decide
from approvals.models import Decision
from workflows.models import InputRequest


def still_deciding(request: InputRequest, people: QuerySet[User]) -> QuerySet[User]:
    """Leave out those who may not decide it, and those who approved it as it is now."""
    votes = Decision.objects.effective().filter(request=request, kind=Decision.Kind.VOTE)
    deciders = who_can_decide(request).values("pk")
    return people.filter(pk__in=deciders).exclude(pk__in=votes.values("by"))
