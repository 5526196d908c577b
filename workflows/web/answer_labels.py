"""An answer as people say it: approved, rejected, replied; and who gave it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class AnswerSummary:
    """What an answer comes down to.

    `word` reads on after a name ("bob approved"), `tone` is the class of its colour. `text` is
    what was written (a reply, or the comment on a verdict), `rest` all other fields.
    """

    word: str
    tone: str = ""
    text: str = ""
    rest: Any = None


def by_whom(name: str, source: str) -> str:
    """Return who answered, as it follows a verb: "by alice", "automatically at the deadline".

    `name` is empty where no person answered, and where the account of the one who did is gone.
    """
    if name:
        return f"by {name}"
    system = {"deadline": "automatically at the deadline", "handler": "by the workflow itself"}
    return system.get(source, "by a deleted account")


def answer_summary(response: Any) -> AnswerSummary:
    """Read any accepted response, typed or not."""
    if isinstance(response, str):
        return AnswerSummary("replied", text=response)
    if not isinstance(response, dict):
        return AnswerSummary("answered", rest=response)
    word, tone = {True: ("approved", "go"), False: ("rejected", "stop")}.get(
        response.get("approved", ...), ("answered", "")
    )
    spoken = {"comment"} | ({"approved"} if tone else set())
    comment = response.get("comment")
    if not isinstance(comment, str):
        spoken.discard("comment")
    rest = {key: value for key, value in response.items() if key not in spoken}
    return AnswerSummary(word, tone, comment if isinstance(comment, str) else "", rest or None)
