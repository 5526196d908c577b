"""The result of the last POST of a batch, for the page that is shown after the redirect.

The response is always a redirect (303), so that a reload and Back send nothing. Meanwhile what was
typed, and the result of each row, are kept in the session of the person.
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from django.http import HttpRequest, QueryDict

from approvals.actions.bulk import load_items
from approvals.bulk_page.page import CHOSEN, DIGEST, Batch, answers_of
from workflows.models import InputRequest
from workflows.web.http import current_user

KEY = "batch_results"
MAX_RESULTS = 4  # batches, each in a tab of its own
MAX_BYTES = 128 * 1024  # of all batches: the session is read with every page
MAX_AGE = 3600  # seconds


@dataclass(frozen=True, slots=True)
class BatchResult:
    """One POST: its batch (`address`), its person, what was typed, and the results.

    `wrong` is the group and the verdict if values were not valid, so that nothing was decided.
    `rows` has the state of each answered request afterwards, and its refusal or "".
    """

    address: str
    user: str
    fields: dict[str, list[str]]
    rows: dict[str, list[str]]
    wrong: str
    problem: str
    at: float

    @classmethod
    def of(
        cls, request: HttpRequest, address: str, refusals: Mapping[str, str],
        *, wrong: str = "", problem: str = "",
    ) -> Self:  # fmt: skip
        """Read what was posted; `refusals` has the refusal of each row that was answered, or ""."""
        user, post = current_user(request), request.POST
        taken = tuple(f"r.{one}." for one, refusal in refusals.items() if not refusal)
        fields = {
            name: post.getlist(name) for name in post
            if name.startswith(("r.", "g.", DIGEST)) and not name.startswith(taken)
        }  # fmt: skip
        fields[CHOSEN] = [one for one in post.getlist(CHOSEN) if one not in refusals]
        states = {
            item.request_id: state_of(item.request) for item in load_items(user, list(refusals))
        }
        rows = {one: [states[one], refusal] for one, refusal in refusals.items()}
        return cls(address, str(user.pk), fields, rows, wrong, problem, time.time())

    @classmethod
    def kept(cls, request: HttpRequest, address: str) -> Self | None:
        """Return the result of this person's last POST to `address`, if it is not too old."""
        for stored in request.session.get(KEY, []):
            try:
                result = cls(**stored)
            except TypeError:  # written by another version of this code
                continue
            is_own = result.user == str(current_user(request).pk) and result.address == address
            if is_own and time.time() - result.at < MAX_AGE:
                return result
        return None

    def keep(self, request: HttpRequest) -> bool:
        """Store it in the session, instead of the oldest; return False if it is too large."""
        stored: list[dict[str, Any]] = request.session.get(KEY, [])
        kept = [asdict(self), *(one for one in stored if one.get("address") != self.address)][
            :MAX_RESULTS
        ]
        while len(json.dumps(kept)) > MAX_BYTES:
            kept.pop()
        request.session[KEY] = kept
        return bool(kept)

    def data(self) -> QueryDict:
        """Return what was typed, in the form of a POST."""
        found = QueryDict(mutable=True)
        for name, values in self.fields.items():
            found.setlist(name, values)
        return found

    def put_on(self, batch: Batch) -> None:
        """Add its result to each row, if the row has not changed since."""
        for row in batch.rows:
            state, refusal = self.rows.get(row.request_id, ("", ""))
            if state and state == state_of(row.request):
                row.error, row.is_decided = refusal, not refusal
        key, _, verdict = self.wrong.partition(":")
        group = batch.group(key)
        if group is not None and verdict in group.reply_kinds:
            answers_of(group, verdict, self.data())


def state_of(request: InputRequest | None) -> str:
    """Return a text that changes when a request is answered, approved, edited or reopened."""
    if request is None:
        return "hidden"
    return f"{request.status} {request.answered_by_id} {request.votes} {request.version}"
