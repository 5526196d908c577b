"""`/requests/rows/?ids=`: rows of the list that an open page is about to show."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.views.decorators.http import require_safe

from approvals.inbox.drawn_rows import draw_rows
from approvals.inbox.filters import Filters
from approvals.inbox.queries import ORDER, PAGE_SIZE, slim
from workflows.models import InputRequest
from workflows.models.permissions import Perm
from workflows.web.http import current_user


@require_safe
def rows(http: HttpRequest) -> HttpResponse:
    """Return the list items of those of these requests that the list may show, in its order.

    Requests that are hidden from the person, that are not pending, or that the filters exclude are
    left out. 400 for malformed keys, and for more than a page of them.
    """
    texts = [text for text in http.GET.get("ids", "").split(",") if text]
    try:
        keys = [UUID(text) for text in texts]
    except ValueError:
        return HttpResponseBadRequest("`ids` has to be the keys of requests, with commas between.")
    if len(keys) > PAGE_SIZE:
        return HttpResponseBadRequest(f"`ids` has more than {PAGE_SIZE} keys.")
    user, filters = current_user(http), Filters.of(http.GET)
    pending = InputRequest.objects.visible_to(user).pending()
    found = pending.filter(filters.matching(user), pk__in=keys)
    ordered = list(slim(found).order_by(*ORDER))
    drawn = draw_rows(ordered, user, filters.query, selectable=user.has_perm(Perm.DECIDE))
    return HttpResponse("".join(drawn))
