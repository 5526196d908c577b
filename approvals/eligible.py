"""Who of several people may still decide a request."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import QuerySet

from approvals.models import Decision
from workflows.models import InputRequest


def still_deciding(request: InputRequest, people: QuerySet[User]) -> QuerySet[User]:
    """Leave out those who have approved the request as it is now."""
    votes = Decision.objects.standing().filter(request=request, kind=Decision.Kind.VOTE)
    return people.exclude(pk__in=votes.values("by"))
