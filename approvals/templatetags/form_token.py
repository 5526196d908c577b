"""`{% csrf_token %}` of this site: the token, and the person for whom the form was made.

It replaces Django's own tag in all templates, also in those of the admin, so that every form has
it.
"""

from __future__ import annotations

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from approvals.accounts.unsent_forms.form_owner import FIELD, signed_form_owner

register = template.Library()


@register.simple_tag(takes_context=True)
def csrf_token(context: dict[str, Any]) -> SafeString:
    """Return the hidden fields of a form with POST."""
    token = context.get("csrf_token")
    if not token or token == "NOTPROVIDED":
        return SafeString("")
    field = '<input type="hidden" name="{}" value="{}">'
    drawn = format_html(field, "csrfmiddlewaretoken", token)
    form_owner = form_owner_token(context)
    return drawn + format_html(field, FIELD, form_owner) if form_owner else drawn


@register.simple_tag(takes_context=True)
def form_owner_token(context: dict[str, Any]) -> str:
    """Return the signed id of the person of the page; empty without a login."""
    request = context.get("request")
    return signed_form_owner(request) if request is not None else ""
