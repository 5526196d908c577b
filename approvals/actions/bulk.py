"""Answers many requests at once, each with an outcome of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from uuid import UUID

from approvals.actions.decide import Outcome, decide, validated_answer
from approvals.actions.preconditions import findable
from approvals.audit.origin import UNKNOWN, Origin
from approvals.errors import AnswerRefused, ContentTooLarge, Invalid, NotVisible, TooMany
from workflows.models import InputRequest

if TYPE_CHECKING:
    from django.contrib.auth.models import User

MAX_REQUESTS = 100  # requests in one batch


@dataclass(frozen=True, slots=True)
class Item:
    """The result of one request of a batch: an outcome or a refusal. No row if not visible."""

    request_id: str
    request: InputRequest | None
    outcome: Outcome | None = None
    refusal: AnswerRefused | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer to one request of a batch, and the digest of what the person saw of it.

    An empty digest belongs to no version: such an answer is refused as `Superseded`.
    """

    response: Any
    digest: str


def load_items(user: User, ids: Sequence[UUID | str]) -> list[Item]:
    """Return the requests of a batch, each once; raise `TooMany`."""
    wanted = list(dict.fromkeys(str(one) for one in ids))
    if len(wanted) > MAX_REQUESTS:
        raise TooMany(
            f"{len(wanted)} requests were selected; at most {MAX_REQUESTS} can be decided at once."
        )
    known = [one for one in wanted if _is_id(one)]
    found = {str(row.pk): row for row in findable(user).filter(pk__in=known)}
    return [
        Item(one, found[one]) if one in found else Item(one, None, refusal=NotVisible(one))
        for one in wanted
    ]


def unfit(request: InputRequest, response: Any) -> Invalid | ContentTooLarge | None:
    """Return why the answer itself would be refused, in any state of the request."""
    try:
        validated_answer(request, response, None)
    except (Invalid, ContentTooLarge) as error:
        return error
    except AnswerRefused:  # the run is blocked, which is no fault of the answer
        return None
    return None


def decide_many(
    user: User, answers: Mapping[str, Answer], *, source: str, origin: Origin = UNKNOWN
) -> list[Item]:
    """Answer many requests, given by id, and return the result of each.

    Each is answered by `decide` separately, so a refusal does not affect the others. Raise
    `TooMany` above `MAX_REQUESTS`. Then nothing was decided.
    """
    done = []
    for item in load_items(user, list(answers)):
        answer = answers[item.request_id]
        try:
            outcome = decide(
                user, item.request_id, answer.response, source=source,
                digest=answer.digest or "none", origin=origin,
            )  # fmt: skip
            done.append(Item(item.request_id, outcome.decision.request, outcome))
        except AnswerRefused as error:
            done.append(Item(item.request_id, item.request, refusal=error))
    return done


def _is_id(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
