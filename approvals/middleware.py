"""Answers 413 to forms that are larger than Django reads, instead of Django's plain 400."""

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
    """Reads the form of a POST before the check of its token, which cannot handle this error.

    At this point only the login was checked, and nothing is changed.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Call the next middleware."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Any, args: Any, kwargs: dict[str, Any]
    ) -> HttpResponse | None:
        """Return the page of the error; None if the form can be read."""
        try:
            request.POST  # noqa: B018  reads it
        except RequestDataTooBig:
            match = request.resolver_match
            if match and match.view_name == "approvals:decide" and request.user.is_authenticated:
                return too_large(request, kwargs["request_id"])
            return render(request, "413.html", status=ContentTooLarge.status)
        except UnreadablePostError:
            pass  # the client has disconnected; Django handles this
        return None


def too_large(http: HttpRequest, request_id: UUID) -> HttpResponse:
    """Return the page of the request with the error that `decide` would raise.

    The form is not read. With htmx the page keeps what was typed: only the message beside the
    buttons is replaced. A browser without scripts shows it again after Back.
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
    """Return the error of an answer of any size, or else that this one is too large."""
    try:
        checks.check_permitted(user, row)
        preconditions.check_open(row)
    except AnswerRefused as refusal:
        return refusal
    return ContentTooLarge(
        f"The answer has more than the {settings.ANSWER_MAX_BYTES:,} bytes allowed."
    )
