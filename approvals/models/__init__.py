"""The rows of decisions, comments, drafts, preferences and seals."""

from approvals.models.comment import Comment
from approvals.models.decision import Decision
from approvals.models.draft import Draft
from approvals.models.preferences import Preferences, check_time_zone
from approvals.models.seal import DecisionChain, DecisionSeal

__all__ = [
    "Comment",
    "Decision",
    "DecisionChain",
    "DecisionSeal",
    "Draft",
    "Preferences",
    "check_time_zone",
]
