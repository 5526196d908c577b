"""`/requests/<id>/`: one request, and the POST that answers it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_POST, require_safe

from approvals import actions
from approvals.audit.origin import origin_of
from approvals.errors import AnswerRefused, Invalid, NotVisible, Superseded
from approvals.inbox.filters import Filters
from approvals.inbox.queries import next_after
from approvals.request_page.answer_forms import UntypedForm, form_for
from approvals.request_page.page import RequestPage
from approvals.request_page.payload_edit_form import EditForm
from approvals.request_page.sections import Sections
from approvals.views.inbox import list_context
from workflows.web.forms import SchemaForm
from workflows.web.http import current_user, is_fragment, typed_before


@require_safe
def request(http: HttpRequest, request_id: UUID) -> HttpResponse:
    """Show a request beside the list; for htmx only the request. 404 if it is not visible."""
    try:
        row = actions.find(current_user(http), request_id)
    except NotVisible as error:
        return draw(http, None, status=error.status)
    posted = typed_before(http, "approvals:comments", "approvals:reassign")
    typed = typed_before(http, "approvals:decide", "approvals:draft")
    detail = RequestPage.of(
        current_user(http), row,
        form=form_for(row, typed) if typed is not None else None,
        edits=EditForm(row, typed) if typed is not None else None,
        form_values={
            name: str(posted[name]) for name in ("said", "to") if posted and name in posted
        },
    )  # fmt: skip
    return draw(http, detail)


@require_POST
def decide(http: HttpRequest, request_id: UUID) -> HttpResponse:
    """Answer a request by `decide`.

    htmx gets the request in its new state, with the status of the outcome. A plain form gets 303 to
    the request on success. Every refusal shows what was typed.
    """
    try:
        row = actions.find(current_user(http), request_id)
    except NotVisible as error:
        return draw(http, None, status=error.status)
    form, edits = form_for(row, http.POST), EditForm(row, http.POST)
    response, changes = form.answer(), edits.changes
    readable = not (form.has_errors or edits.has_errors)
    try:
        outcome = actions.decide(
            current_user(http), request_id, response, source="inbox", readable=readable,
            digest=http.POST.get("_digest", ""), edits=changes, origin=origin_of(http),
        )  # fmt: skip
    except AnswerRefused as error:
        return draw_refusal(http, request_id, error, form, edits, response)
    if not is_fragment(http):
        return redirect_after_post(http, request_id)
    row = actions.find(current_user(http), request_id)
    detail = RequestPage.of(current_user(http), row, accepted=True)
    return draw(http, detail, offers_next=outcome.waits)


def draw_refusal(
    http: HttpRequest, request_id: UUID, error: AnswerRefused, form: UntypedForm | SchemaForm,
    edits: EditForm, response: Any,
) -> HttpResponse:  # fmt: skip
    """Render the present request, with what was typed and the reason of the refusal."""
    if isinstance(error, Invalid):
        form.set_errors(edits.set_errors(error.errors))
    try:
        row = actions.find(current_user(http), request_id)
    except NotVisible:  # it was reassigned meanwhile
        return draw(http, None, status=NotVisible.status)
    late = isinstance(error, Superseded)  # the new version shows its own values
    detail = RequestPage.of(
        current_user(http), row, form=form, edits=EditForm(row) if late else edits, error=error,
        unsent_answer=edits.changes if late else response,
    )  # fmt: skip
    return draw(http, detail, status=error.status)


def redirect_after_post(http: HttpRequest, request_id: UUID) -> HttpResponse:
    """Return 303 to the request, with the filters of its list."""
    response = redirect("approvals:request", request_id)
    response.status_code = 303
    response["Location"] += Filters.of(http.GET).query
    return response


def draw(
    http: HttpRequest, detail: RequestPage | None, *, status: int = 200, offers_next: bool = False
) -> HttpResponse:
    """Render a request (or that there is none): for htmx alone, otherwise beside the list."""
    filters = Filters.of(http.GET)
    context: dict[str, Any] = {
        "detail": detail, "missing": detail is None, "at_detail": True, "filters": filters,
    }  # fmt: skip
    if detail is not None:
        context["opened"] = detail.request
        context["shows"] = Sections(detail)
        if offers_next or not detail.is_open:
            context["next"] = next_after(current_user(http), detail.request, filters)
    if is_fragment(http):
        return render(http, "inbox/page.html#detail", context, status=status)
    row = detail.request if detail is not None else None
    context |= list_context(http, filters, row)
    return render(http, "inbox/page.html", context, status=status)
