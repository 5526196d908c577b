"""The other actions on a request: each POST calls one function of `approvals.actions`."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from approvals import actions
from approvals.audit.origin import origin_of
from approvals.errors import AnswerRefused, Invalid, NotVisible, RateLimited
from approvals.inbox.filters import Filters
from approvals.request_page.page import RequestPage
from approvals.request_page.payload_edit_form import PREFIX
from approvals.views.request import draw, redirect_after_post
from workflows.web.http import current_user, is_fragment


@require_POST
def claim(http: HttpRequest, request_id: UUID) -> HttpResponse:
    """Claim the request."""
    return run_action(http, request_id, lambda: actions.claim(current_user(http), request_id))


@require_POST
def release(http: HttpRequest, request_id: UUID) -> HttpResponse:
    """Release the claim."""
    return run_action(http, request_id, lambda: actions.release(current_user(http), request_id))


@require_POST
def reassign(http: HttpRequest, request_id: UUID) -> HttpResponse:
    """Assign the request to the people and groups selected as `chosen`, or named in `to`.

    In `to` the names are separated by commas.
    """
    names = http.POST.getlist("chosen") + re.split(r"[,\n]", http.POST.get("to", ""))
    return run_action(
        http, request_id, lambda: actions.reassign(current_user(http), request_id, to=names)
    )


@require_POST
def reask(http: HttpRequest, request_id: UUID) -> HttpResponse:
    """Ask the request again with the form of the present code."""
    return run_action(http, request_id, lambda: actions.reask(current_user(http), request_id))


@require_POST
def comments(http: HttpRequest, request_id: UUID) -> HttpResponse:
    """Add `said` as a comment."""
    text = http.POST.get("said", "")
    return run_action(
        http, request_id, lambda: actions.comment(current_user(http), request_id, text)
    )


@require_POST
def undo(http: HttpRequest, request_id: UUID) -> HttpResponse:
    """Withdraw one's own answer or approval."""
    user, origin = current_user(http), origin_of(http)
    action = lambda: actions.withdraw(user, request_id, source="inbox", origin=origin)  # noqa: E731
    return run_action(http, request_id, action)


@require_POST
def draft(http: HttpRequest, request_id: UUID) -> HttpResponse:
    """Save a draft: 204 for a page that saves during typing, otherwise 303 to the page."""
    names = [name for name in http.POST if name.startswith(PREFIX) or name[:1] != "_"]
    fields = {name: http.POST.getlist(name) for name in names if name != "csrfmiddlewaretoken"}
    user = current_user(http)
    if not is_fragment(http):
        return run_action(http, request_id, lambda: actions.save_draft(user, request_id, fields))
    try:
        actions.save_draft(user, request_id, fields)
    except AnswerRefused as error:
        answer = HttpResponse(str(error), status=error.status, content_type="text/plain")
        return set_retry_after(answer, error)
    return HttpResponse(status=204)


def run_action(http: HttpRequest, request_id: UUID, action: Callable[[], Any]) -> HttpResponse:
    """Run the action, and show the request in its new state, or the refusal.

    A plain form gets 303 to the request, or to the inbox if the person can no longer see it.
    """
    refusal = None
    try:
        action()
    except NotVisible as error:
        return draw(http, None, status=error.status)
    except AnswerRefused as error:
        refusal = error
    try:
        row = actions.find(current_user(http), request_id)
    except NotVisible:
        return to_inbox(http)
    if refusal is None and not is_fragment(http):
        return redirect_after_post(http, request_id)
    detail = RequestPage.of(
        current_user(http), row, error=refusal, form_values=typed_in(http, refusal)
    )
    answer = draw(http, detail, status=refusal.status if refusal else 200)
    return set_retry_after(answer, refusal)


def set_retry_after(answer: HttpResponse, refusal: AnswerRefused | None) -> HttpResponse:
    """Add `Retry-After` if the time is known."""
    if isinstance(refusal, RateLimited):
        answer["Retry-After"] = str(refusal.retry_after)
    return answer


def typed_in(http: HttpRequest, refusal: AnswerRefused | None) -> dict[str, str]:
    """Return what was typed into a small form that was refused, so that it is shown again."""
    if refusal is None:
        return {}
    faults = refusal.errors if isinstance(refusal, Invalid) else []
    text = "; ".join(str(fault["msg"]) for fault in faults) or str(refusal)
    sent = {name: http.POST[name] for name in ("to", "said") if name in http.POST}
    return sent | {"fault": text}


def to_inbox(http: HttpRequest) -> HttpResponse:
    """Redirect the person to their list."""
    address = reverse("approvals:inbox") + Filters.of(http.GET).query
    if is_fragment(http):
        return HttpResponse(status=204, headers={"HX-Redirect": address})
    response = redirect(address)
    response.status_code = 303
    return response
