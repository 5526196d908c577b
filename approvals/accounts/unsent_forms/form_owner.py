"""Adds the person for whom a form was made to the form.

A browser has one login and many tabs. When another person logs in, tabs may still show forms of the
first person. Without this check their next POST would be one of the second person.
"""

from __future__ import annotations

from django.core.signing import BadSignature, Signer
from django.http import HttpRequest

FIELD = "_form_owner"
HEADER = "X-Form-Owner"
_SIGNER = Signer(salt="approvals.form_owner")
_CACHE = "_signed_form_owner"


def signed_form_owner(request: HttpRequest) -> str:
    """Return the signed id of the logged-in person, or an empty text. It is made only once."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return ""
    if not hasattr(request, _CACHE):
        setattr(request, _CACHE, _SIGNER.sign(str(user.pk)))
    return str(getattr(request, _CACHE))


def form_owner_of(request: HttpRequest) -> str:
    """Return the id of the person of the form; empty if it is missing or its signature is wrong."""
    sent = request.POST.get(FIELD) if request.method == "POST" else None
    try:
        return _SIGNER.unsign(sent or request.headers.get(HEADER, ""))
    except BadSignature:
        return ""
