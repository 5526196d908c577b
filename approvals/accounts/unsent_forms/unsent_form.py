"""The content of a form that could not be sent, because the login had ended or was renewed.

It is kept in the session, on the server, only for the person of the form. After the next log-in it
is put into the form again. Nothing is sent automatically. Only a form that this site made for a
person (`form_owner`) is kept, so other sites cannot fill the session.
"""

from __future__ import annotations

import re
import time
from dataclasses import asdict, dataclass
from typing import Any, Self
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib import messages
from django.contrib.auth.views import redirect_to_login
from django.core.signing import BadSignature, dumps, loads
from django.http import HttpRequest, QueryDict
from django.shortcuts import resolve_url
from django.urls import Resolver404, resolve, reverse

from approvals.accounts.unsent_forms.form_owner import FIELD, form_owner_of

KEY = "unsent_form"
SALT = "approvals.unsent_form"
MAX_AGE = 3600  # seconds
# Bytes for names and other fields, in addition to the longest input of a form.
EXTRA_BYTES = 64 * 1024

# The page of each form whose own address accepts only POSTs.
PAGES = {
    **dict.fromkeys(
        (f"approvals:{action}" for action in
         ("decide", "claim", "release", "reassign", "reask", "comments", "draft", "undo")),
        "approvals:request",
    ),
    "workflows:start": "workflows:workflow",
    "workflows:run_action": "workflows:run",
    "accounts:logout": "approvals:inbox",
}  # fmt: skip

# The pages that depend on their query.
BY_QUERY = {"approvals:decide_many"}

# The actions whose pages fill in the form again.
RESTORED = {
    "approvals:decide", "approvals:draft", "approvals:comments", "approvals:reassign",
    "approvals:decide_many", "workflows:start", "accounts:account",
}  # fmt: skip

_CONTROL = re.compile(r"_(id|go|key|digest|repeats)\b")  # fields of a form that nobody types


def page_behind(address: str) -> str:
    """Return the address of the page with the form for `address`, with its query."""
    parts = urlsplit(address)
    try:
        match = resolve(parts.path)
    except Resolver404:
        return address
    page = PAGES.get(match.view_name)
    if page is None:
        return address
    ids = {name: value for name, value in match.kwargs.items() if name != "action"}
    path = reverse(page, kwargs=ids)
    return f"{path}?{parts.query}" if parts.query else path


def action_of(request: HttpRequest) -> str:
    """Return the name of the requested view."""
    return request.resolver_match.view_name if request.resolver_match else ""


def page_of(request: HttpRequest) -> str:
    """Return the address of the requested page, or of the page of the form."""
    if action_of(request) in BY_QUERY:
        return request.get_full_path()
    return urlsplit(page_behind(request.path)).path


@dataclass(frozen=True, slots=True)
class UnsentForm:
    """One form: its person, its view (`action`, the view's name), and its page.

    `page` is an address, with its query if the page depends on it.
    """

    form_owner: str
    action: str
    page: str
    fields: dict[str, list[str]]
    files: list[str]
    too_long: bool
    at: float

    @classmethod
    def of(cls, request: HttpRequest) -> Self:
        """Read a POST. Passwords are left out."""
        post = request.POST
        names = [name for name in post if name not in ("csrfmiddlewaretoken", FIELD)]
        fields = {name: post.getlist(name) for name in names if "password" not in name}
        size = sum(len(text) for name in fields for text in (name, *fields[name]))
        too_long = size > max(settings.PAYLOAD_MAX_BYTES, settings.ANSWER_MAX_BYTES) + EXTRA_BYTES
        return cls(
            form_owner=form_owner_of(request),
            action=action_of(request),
            page=page_of(request),
            fields={} if too_long else fields,
            files=[str(file.name) for group in request.FILES.lists() for file in group[1]],
            too_long=too_long,
            at=time.time(),
        )

    @property
    def is_written(self) -> bool:
        """True if a person filled in something, and did not only press a button."""
        return bool(self.written) or self.too_long or bool(self.files)

    @property
    def written(self) -> list[tuple[str, str]]:
        """The names and texts that a person filled in."""
        pairs = ((name, text) for name, values in self.fields.items() for text in values)
        return [(name, text) for name, text in pairs if text.strip() and not _CONTROL.match(name)]

    @property
    def is_restored(self) -> bool:
        """True if its page fills in the form again."""
        return self.action in RESTORED and not self.too_long

    def data(self) -> QueryDict:
        """Return the fields in the form of a POST."""
        found = QueryDict(mutable=True)
        for name, values in self.fields.items():
            found.setlist(name, values)
        return found


def keep(request: HttpRequest) -> UnsentForm | None:
    """Keep the posted form in the session; return None if the form has no valid person."""
    if request.method != "POST" or not form_owner_of(request):
        return None
    unsent = UnsentForm.of(request)
    request.session[KEY] = asdict(unsent)
    if not request.user.is_authenticated:
        request.session.set_expiry(MAX_AGE)
    return unsent


def kept(request: HttpRequest) -> UnsentForm | None:
    """Return the kept form, if it is of this person and not too old."""
    stored: dict[str, Any] | None = request.session.get(KEY)
    if stored is None:
        return None
    try:
        unsent = UnsentForm(**stored)
    except TypeError:  # written by another version of this code
        return None
    if unsent.form_owner != str(request.user.pk) or time.time() - unsent.at > MAX_AGE:
        return None
    return unsent


def typed_for(request: HttpRequest, actions: tuple[str, ...]) -> QueryDict | None:
    """Return the kept form, if it is for the requested page and one of these actions."""
    unsent = kept(request)
    if unsent is None or unsent.page != page_of(request) or unsent.action not in actions:
        return None
    return unsent.data() if unsent.is_written and unsent.is_restored else None


def forget_sent(request: HttpRequest) -> None:
    """Delete the kept form when it was sent again."""
    unsent = kept(request)
    if unsent is None or unsent.action != action_of(request) or unsent.page != page_of(request):
        return
    del request.session[KEY]


def report_after_login(request: HttpRequest) -> None:
    """Add a message about the kept form after a log-in; delete it if it is of another person."""
    stored = request.session.get(KEY)
    if stored is None:
        return
    unsent = kept(request)
    if unsent is None:
        del request.session[KEY]
        messages.warning(request, "What was typed before belongs to somebody else. It is dropped.")
        return
    warn(request, unsent, "Your login had ended.")


def warn(request: HttpRequest, unsent: UnsentForm, why: str) -> None:
    """Add a message that the form was not sent, and what to do."""
    if not unsent.is_written:
        messages.warning(request, f"{why} Nothing was done. Press the button again.")
    elif unsent.is_restored:
        messages.warning(
            request, f"{why} Nothing was sent. What you typed is in its form again: send it anew."
        )
    else:
        messages.error(request, f"{why} Nothing was sent, and what you typed could not be kept.")
    if unsent.files:
        messages.warning(request, f"Choose the file again: {', '.join(unsent.files)}.")


def sealed(unsent: UnsentForm) -> str:
    """Return the form as a signed text, which a page of another login can contain."""
    return dumps(asdict(unsent), salt=SALT, compress=True)


def unseal(request: HttpRequest, text: str) -> None:
    """Keep the form of a text from `sealed`; do nothing if it was changed or is too old."""
    try:
        request.session[KEY] = loads(text, salt=SALT, max_age=MAX_AGE)
    except BadSignature:
        return
    request.session.set_expiry(MAX_AGE)


def login_address(page: str) -> str:
    """Return the address of the login that then leads to `page`."""
    return redirect_to_login(page, resolve_url(settings.LOGIN_URL)).url
