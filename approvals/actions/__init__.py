"""The actions on requests. Every page and every command calls these functions.

`decide` answers a request. The other actions are: claim, release, reassign, comment, save a draft,
withdraw an answer, decide many at once, ask again. Each checks first whether the person may see the
request, then whether they may do this, then the state of the request.
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
