"""The HTML of the rows of the list. A row is drawn once for all to whom it looks the same."""

from __future__ import annotations

import time
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from django.template.loader import get_template
from django.utils.safestring import SafeString
from django.utils.timezone import get_current_timezone_name

from approvals.inbox.rows import row_version, waiting_row
from workflows.models import InputRequest

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MAX_KEPT = 4000
MAX_AGE = 30  # seconds that the words of a time may be behind; the page corrects them meanwhile

_kept: dict[Hashable, SafeString] = {}


def draw_rows(
    requests: Sequence[InputRequest], user: User, query: str, *,
    selectable: bool, opened: InputRequest | None = None,
) -> list[SafeString]:  # fmt: skip
    """Return the list items of these requests for `user`. `query` is added to their links.

    The row of the request `opened` is marked.
    """
    common = (query, selectable, get_current_timezone_name(), int(time.time() // MAX_AGE))
    return [
        _draw(one, user, query, selectable=selectable, is_open=True)
        if one == opened
        else _draw_once(one, user, common)
        for one in requests
    ]


def _draw_once(request: InputRequest, user: User, common: tuple[str, bool, str, int]) -> SafeString:
    holder = request.held_by
    key = (
        request.pk, row_version(request), holder and (str(holder), holder.is_active),
        holder is not None and holder.pk == user.pk,
        request.four_eyes and request.run.has_author(user), *common,
    )  # fmt: skip
    drawn = _kept.get(key)
    if drawn is None:
        if len(_kept) >= MAX_KEPT:
            _kept.clear()
        drawn = _kept[key] = _draw(request, user, common[0], selectable=common[1])
    return drawn


def _draw(
    request: InputRequest, user: User, query: str, *, selectable: bool, is_open: bool = False
) -> SafeString:
    context = {
        "row": waiting_row(request, user, query), "selectable": selectable, "is_open": is_open
    }  # fmt: skip
    return SafeString(get_template("inbox/row.html").render(context))
