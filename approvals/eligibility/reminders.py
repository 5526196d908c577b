"""Selects the people who get a reminder of a request."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import QuerySet

from approvals.eligibility.candidates import who_can_decide
from approvals.models import Decision
from workflows.models import InputRequest


def still_deciding(request: InputRequest, people: QuerySet[User]) -> QuerySet[User]:
    """Remove those who may not decide it, and those who have approved its present version."""
    votes = Decision.objects.effective().filter(request=request, kind=Decision.Kind.VOTE)
    deciders = who_can_decide(request).values("pk")
    return people.filter(pk__in=deciders).exclude(pk__in=votes.values("by"))
