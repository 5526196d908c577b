"""Makes the row of a decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from approvals.audit.origin import Origin
from approvals.models import Decision
from workflows.models import InputRequest

if TYPE_CHECKING:
    from django.contrib.auth.models import User


def new_decision(
    user: User, request: InputRequest, answer: Any, edits: dict[str, Any], source: str,
    origin: Origin, kind: Decision.Kind = Decision.Kind.FINAL,
) -> Decision:  # fmt: skip
    """Return the decision of `user` on the present request. It is neither signed nor stored."""
    return Decision(
        request=request, kind=kind, by=user, response=answer, edits=edits,
        revision=request.revision, source=source, name=user.get_username(), seen=request.version,
        address=origin.address, session=origin.session, account=origin.account,
    )  # fmt: skip
