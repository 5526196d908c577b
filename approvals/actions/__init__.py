"""The one source: whatever a person does to a request, from whichever side, goes through here.

`decide` answers. The other verbs are what people do before and after: claim, release, reassign,
comment, save a draft, take an answer back, decide many at once. Each looks first whether the
person may know of the request, then whether they may do this, then in which state it is.
"""

from approvals.actions.bulk import Answer, Item, decide_many
from approvals.actions.claim import claim, release
from approvals.actions.comment import comment
from approvals.actions.decide import Outcome, decide
from approvals.actions.draft import draft_of, save_draft
from approvals.actions.preconditions import find
from approvals.actions.reask import reask
from approvals.actions.reassign import reassign
from approvals.actions.withdraw import withdraw

__all__ = [
    "Answer",
    "Item",
    "Outcome",
    "claim",
    "comment",
    "decide",
    "decide_many",
    "draft_of",
    "find",
    "reask",
    "reassign",
    "release",
    "save_draft",
    "withdraw",
]
