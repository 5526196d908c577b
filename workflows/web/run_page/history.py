"""A page of a run's journal, the newest first, with the requests that it asked and answered."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from workflows.models import InputRequest
from workflows.models.requests.queryset import InputRequestQuerySet
from workflows.web.answer_labels import AnswerSummary, answer_summary, by_whom
from workflows.web.run_page.journal_rows import JournalRow

PAGE_SIZE = 25
ASKED_WITHIN = timedelta(milliseconds=10)


@dataclass(frozen=True, slots=True)
class HistoryRow:
    """One transition, and the request that it answered, if it did and the reader may see it.

    With `asks` it is a request that the transition asked.
    """

    entry: JournalRow
    request: InputRequest | None = None
    asks: bool = False

    @property
    def answer(self) -> AnswerSummary | None:
        """What was answered."""
        return answer_summary(self.request.response) if self.request and not self.asks else None

    @property
    def who(self) -> str:
        """Who answered, as it follows the answer; empty where that is a person."""
        return "" if self.entry.by else by_whom("", self.entry.source)

    @property
    def duration(self) -> float | None:
        """How many seconds the work took; None for a transition that is no work."""
        return None if self.asks else self.entry.duration


@dataclass(frozen=True, slots=True)
class History:
    """Some rows, the newest first. `is_first`: there are no newer ones.

    `before` is the `seq` before which the history goes on, None at its end.
    """

    rows: list[HistoryRow]
    before: int | None
    is_first: bool

    @property
    def begins(self) -> int:
        """The `seq` of the oldest transition that is listed."""
        return self.rows[-1].entry.seq if self.rows else 0

    @property
    def has_other_pages(self) -> bool:
        """Whether there is a newer or an older page."""
        return self.before is not None or not self.is_first


def read_history(
    journal: Sequence[JournalRow],
    requests: Sequence[InputRequest],
    visible: InputRequestQuerySet,
    *,
    is_first: bool,
) -> History:
    """Return a page that ends with the last entry of `journal`.

    `requests` are those of the run that are at hand. The answered ones that are not among them
    are read from `visible`, in one query.
    """
    entries = journal[-PAGE_SIZE:][::-1]
    answered = {entry.request_id for entry in entries if entry.kind == "answered"}
    known = {one.request_id: one for one in requests if one.request_id in answered}
    if missing := answered - known.keys():  # beyond what the page lists
        rows = visible.filter(request_id__in=missing).defer("payload", "schema")
        known |= {one.request_id: one for one in rows}
    listed: list[HistoryRow] = []
    asked = _asked_by(entries, requests)
    for entry in entries:
        listed += [HistoryRow(entry, one, asks=True) for one in reversed(asked[entry.seq])]
        request = known.get(entry.request_id) if entry.kind == "answered" else None
        listed.append(HistoryRow(entry, request))
    before = entries[-1].seq if len(journal) > PAGE_SIZE else None
    return History(listed, before, is_first)


def _asked_by(
    entries: Sequence[JournalRow], requests: Sequence[InputRequest]
) -> dict[int, list[InputRequest]]:
    """Return what each of these transitions asked, by `seq`, of the requests that are listed.

    What a step asked was made at the moment of its completion, or microseconds later.
    """
    found: dict[int, list[InputRequest]] = defaultdict(list)
    completed = defaultdict(list)
    for entry in entries:
        if entry.kind == "step_completed":
            completed[entry.step].append(entry)
    for request in requests:
        for entry in completed[request.step]:
            if timedelta(0) <= request.created_at - entry.at < ASKED_WITHIN:
                found[entry.seq].append(request)
                break
    return found
