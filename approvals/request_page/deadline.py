"""The text about what happens at the deadline of a request."""

from __future__ import annotations

import json
from typing import Any

from django.utils.text import Truncator

from workflows.models import InputRequest
from workflows.models.requests.deadlines import OnDeadline
from workflows.templatetags.times import clock
from workflows.web.answer_labels import answer_summary
from workflows.web.payload.node import humanised

MAX_LENGTH = 60  # characters of a default that are shown beside a deadline


def deadline_words(request: InputRequest) -> str:
    """Return what happens to a pending request at its deadline; empty if it has none.

    "Rejected automatically at 05:45", "The run fails on 3 December at 05:45", in the reader's zone.
    """
    if request.deadline is None:
        return ""
    moment = clock(request.deadline)
    if request.on_deadline == OnDeadline.FAIL:
        return f"The run fails {moment}"
    if request.on_deadline == OnDeadline.STAY_OPEN:
        return f"Marked as overdue {moment}, and stays open"
    answer = answer_summary(request.default_response)
    word = {"replied": "Answered", "answered": "Answered"}.get(answer.word, answer.word)
    text = answer.text or _fields(answer.rest)
    with_text = f" with “{Truncator(text).chars(MAX_LENGTH)}”" if text else ""
    return f"{word.capitalize()} automatically {moment}{with_text}"


def _fields(rest: Any) -> str:
    """Return the other fields of a typed default: `Amount 0.00, Reason refused`."""
    if not isinstance(rest, dict):
        return "" if rest is None else json.dumps(rest, ensure_ascii=False)
    said = {key: value for key, value in rest.items() if value is not None}
    return ", ".join(f"{humanised(key)} {_scalar(value)}" for key, value in said.items())


def _scalar(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
