"""Forms above what Django reads: 413 as for any answer that is too large, and not a bare 400."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, HttpResponse, UnreadablePostError
from django.http.response import HttpResponseBase
from django.shortcuts import render

from approvals import actions
from approvals.actions import preconditions
from approvals.eligibility import checks
from approvals.errors import AnswerRefused, ContentTooLarge, NotVisible
from approvals.request_page.page import RequestPage
from approvals.views.request import draw
from workflows.models import InputRequest
from workflows.web.http import current_user, is_fragment


class RequestSizeMiddleware:
    """Reads the form of a POST before the check of its token does, which has no words for this.

    Nothing has been checked then but who asks, and nothing is changed.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer as ever."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Return the page that says so; None for all that can be read."""
        try:
            request.POST  # noqa: B018  reads it
        except RequestDataTooBig:
            match = request.resolver_match
            if match and match.view_name == "approvals:decide" and request.user.is_authenticated:
                return too_large(request, kwargs["request_id"])
            return render(request, "413.html", status=ContentTooLarge.status)
        except UnreadablePostError:
            pass  # whoever sent it is gone; Django knows what to do
        return None


def too_large(http: HttpRequest, request_id: UUID) -> HttpResponse:
    """Return the request with the error that `decide` would raise, in the order of its checks.

    What was typed is not read, so the page of htmx keeps it: only the words beside the buttons
    are replaced. A browser without scripts has it behind its back button.
    """
    try:
        row = actions.find(current_user(http), request_id)
    except NotVisible as error:
        return draw(http, None, status=error.status)
    refusal = refusal_of(current_user(http), row)
    if is_fragment(http) and isinstance(refusal, ContentTooLarge):
        context = {"refusal": refusal}
        response = render(http, "inbox/too_large.html", context, status=refusal.status)
        response["HX-Retarget"], response["HX-Reswap"] = "[data-draft-note]", "innerHTML"
        return response
    detail = RequestPage.of(current_user(http), row, error=refusal)
    return draw(http, detail, status=refusal.status)


def refusal_of(user: User, row: InputRequest) -> AnswerRefused:
    """Return why an answer of any size would be refused, else that this one is too large."""
    try:
        checks.check_permitted(user, row)
        preconditions.check_open(row)
    except AnswerRefused as refusal:
        return refusal
    return ContentTooLarge(
        f"The answer has more than the {settings.ANSWER_MAX_BYTES:,} bytes allowed."
    )
