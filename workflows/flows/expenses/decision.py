"""The request for a claim that breaks the policy, and the decision about it."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, ClassVar, Literal, Self

from pydantic import BaseModel, Field, model_validator

from workflows.engine import InputRequestEvent, InputResponseEvent
from workflows.flows.expenses.claim import Claim
from workflows.flows.expenses.policy import CURRENCY, LIMITS, money, over_limit


class ExpenseDecision(BaseModel):
    """A reviewer's decision. An approval needs an amount and a reason, a rejection neither.

    A refused claim is booked with nothing, whatever the amount says.
    """

    approved: bool
    amount: Decimal | None = Field(
        default=None, ge=0, decimal_places=2, max_digits=9, description="What we pay"
    )
    reason: Literal["in policy", "exception", "refused"] | None = None
    note: str | None = Field(default=None, max_length=500, description="Goes into the ledger")

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if not self.approved:
            return self
        if self.amount is None or self.reason is None:
            raise ValueError("A claim that is paid needs an amount and a reason")
        if self.reason == "refused":
            raise ValueError("A claim that is paid needs another reason than 'refused'")
        return self


class ExpenseReply(InputResponseEvent):
    """The answer to an `ExpenseRequest`."""

    response: ExpenseDecision


class ExpenseRequest(InputRequestEvent):
    """Asks whether a claim is paid. The person who started the run may not decide it."""

    reply: ClassVar[type[InputResponseEvent]] = ExpenseReply
    four_eyes: bool = True


def ask(claim: Claim, breaks: list[str], place: dict[str, int], fault: str = "") -> ExpenseRequest:
    """Return the request for a claim that breaks the policy in each of `breaks`.

    `place` (`number`, `of`) says which claim of the file it is. `fault` says why it is asked again.
    """
    question = f"{claim.description}, {money(claim.claimed)}, {' and '.join(breaks)}. Pay it?"
    payload: dict[str, Any] = {**place, **claim.model_dump(mode="json"), "currency": CURRENCY}
    payload["limit"] = str(LIMITS[claim.category])
    if over := over_limit(claim):
        payload["over_by"] = str(over)
    payload["breaks"] = breaks
    if fault:
        payload["asked_again"] = fault
    return ExpenseRequest(prompt=f"{fault} {question}".strip(), payload=payload)
