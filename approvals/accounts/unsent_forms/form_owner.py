"""Whom a form was drawn for, so that nothing is sent under the name of somebody else.

A browser has one login and many tabs. When another person logs in, the pages of the first one
still stand in their tabs, with what was typed; their next POST would count as the second one's.
"""

from __future__ import annotations

from django.core.signing import BadSignature, Signer
from django.http import HttpRequest

FIELD = "_as"
HEADER = "X-Form-Owner"
_SIGNER = Signer(salt="approvals.form.writer")
_CACHE = "_signed_writer"


def signed_writer(request: HttpRequest) -> str:
    """Return the id of the person who is logged in, signed; empty if nobody is. Made once."""
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated:
        return ""
    if not hasattr(request, _CACHE):
        setattr(request, _CACHE, _SIGNER.sign(str(user.pk)))
    return str(getattr(request, _CACHE))


def writer_of(request: HttpRequest) -> str:
    """Return the id of the person whose page sends this; empty if it does not say, or lies."""
    sent = request.POST.get(FIELD) if request.method == "POST" else None
    try:
        return _SIGNER.unsign(sent or request.headers.get(HEADER, ""))
    except BadSignature:
        return ""
