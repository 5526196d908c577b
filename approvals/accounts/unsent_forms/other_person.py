"""The response to a form of a person who is no longer logged in in this browser."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from approvals.accounts.unsent_forms.unsent_form import (
    UnsentForm,
    login_address,
    page_behind,
    sealed,
)
from workflows.web.http import htmx_of
from workflows.web.payload.node import humanised

STATUS = 409


def refuse_other_person(request: HttpRequest, form_owner: str) -> HttpResponse:
    """Return 409: for htmx a message for the top of the page, else a page with what was typed.

    With htmx the page of the form stays. Without it, the content of the form is shown for copying,
    and is kept for the next log-in of the person who wrote it.
    """
    context: dict[str, Any] = {"form_owner": name_of(form_owner)}
    if htmx_of(request):
        response = render(request, "registration/other_person.html#line", context, status=STATUS)
        response["HX-Retarget"], response["HX-Reswap"] = "#login-alert", "innerHTML"
        return response
    context["next"] = login_address(page_behind(request.get_full_path()))
    if request.method == "POST":
        unsent = UnsentForm.of(request)
        context |= {"unsent": unsent, "sealed": sealed(unsent), "typed": shown(unsent)}
    return render(request, "registration/other_person.html", context, status=STATUS)


def shown(unsent: UnsentForm) -> list[tuple[str, str]]:
    """Return the fields that a person filled in, each with its name and text."""
    return [(humanised(name.rpartition(".")[2]), text) for name, text in unsent.written]


def name_of(user_id: str) -> str:
    """Return the name of a person by their id, or a text if the account was deleted."""
    users = get_user_model()
    try:
        found = users._default_manager.filter(pk=user_id).first()
    except (ValueError, ValidationError):
        found = None
    return found.get_username() if found is not None else "somebody else"
