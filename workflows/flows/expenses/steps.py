"""The steps of `expenses`: read the file, check each claim, ask, book, close the ledger."""

from __future__ import annotations

from collections import defaultdict
from datetime import date
from decimal import Decimal
from typing import Any, cast

from pydantic import ConfigDict, Field, field_validator
from pydantic_core import PydanticCustomError

from workflows.engine import Context, Event, StartEvent, StopEvent, Workflow, registry, step
from workflows.flows.expenses.claim import Claim
from workflows.flows.expenses.csv_reader import BadClaims, decode_claims, parse_claims
from workflows.flows.expenses.decision import ExpenseReply, ExpenseRequest, ask
from workflows.flows.expenses.policy import CURRENCY, LIMITS, breaches, money

ZERO = Decimal("0.00")


class ExpensesStart(StartEvent):
    """A file of claims. If a line is not valid, the run does not start."""

    model_config = ConfigDict(extra="forbid")

    claims: str = Field(
        title="Claims (CSV)",
        max_length=200_000,
        description=(
            "UTF-8, up to 1,000 claims. The first line names the columns: claim, person, team,"
            " date (2026-11-18), category, description, amount (EUR, 1234.50), receipt (yes or"
            f" no). Categories: {', '.join(LIMITS)}."
        ),
        json_schema_extra={"contentMediaType": "text/csv"},
    )
    closing: date | None = Field(
        default=None,
        title="Closing date",
        description="Claims dated later, or over 90 days before, are asked about."
        " Without it: the date of the latest claim.",
    )

    @field_validator("claims", mode="before")
    @classmethod
    def _decoded(cls, value: Any) -> Any:
        if not isinstance(value, bytes):
            return value
        try:
            return decode_claims(value)
        except BadClaims as error:
            raise _refusal(error) from None

    @field_validator("claims")
    @classmethod
    def _usable(cls, value: str) -> str:
        try:
            parse_claims(value)
        except BadClaims as error:
            raise _refusal(error) from None
        return value


class ClaimEvent(Event):
    """Claim `number` (from 1) `of` those in the file."""

    number: int
    of: int
    claim: Claim


class LedgerLine(Event):
    """A settled claim. `approved` and `decided_by` are None if there was no request."""

    number: int
    claim: Claim
    paid: Decimal
    reason: str
    approved: bool | None = None
    note: str | None = None
    decided_by: str | None = None


@step
def read_claims(event: ExpensesStart, ctx: Context) -> list[ClaimEvent]:
    """Read the file and emit an event for each claim."""
    claims = parse_claims(event.claims)
    ctx.set("claims", len(claims))
    ctx.set("closing", event.closing or max(claim.date for claim in claims))
    return [
        ClaimEvent(number=number, of=len(claims), claim=claim)
        for number, claim in enumerate(claims, start=1)
    ]


@step
async def check_claim(event: ClaimEvent, ctx: Context) -> LedgerLine | ExpenseRequest:
    """Book a claim that is within the policy, ask about one that breaks it."""
    claim = event.claim
    if breaks := breaches(claim, ctx.get("closing")):
        return ask(claim, breaks, {"number": event.number, "of": event.of})
    return LedgerLine(number=event.number, claim=claim, paid=claim.claimed, reason="in policy")


@step
async def settle(event: ExpenseReply, ctx: Context) -> LedgerLine | ExpenseRequest:
    """Book the decision. If the amount is more than was claimed, ask again."""
    payload = cast(ExpenseRequest, ctx.request).payload
    claim = Claim.model_validate(payload)
    decision = event.response
    paid = (decision.amount or ZERO) if decision.approved else ZERO
    if paid > claim.claimed:
        fault = f"{money(paid)} is more than the {money(claim.claimed)} claimed."
        place = {"number": payload["number"], "of": payload["of"]}
        return ask(claim, payload["breaks"], place, fault)
    return LedgerLine(
        number=payload["number"],
        claim=claim,
        paid=paid,
        reason=decision.reason or "refused",
        approved=decision.approved,
        note=decision.note,
        decided_by=ctx.answered_by,
    )


@step
async def close(event: LedgerLine, ctx: Context) -> StopEvent | None:
    """Close the ledger when the last claim is settled."""
    lines = ctx.collect_events(event, [LedgerLine] * ctx.get("claims"))
    if lines is None:
        return None
    return StopEvent(result=_ledger(sorted(cast(list[LedgerLine], lines), key=_number)))


def _number(line: LedgerLine) -> int:
    return line.number


def _ledger(lines: list[LedgerLine]) -> dict[str, Any]:
    totals: defaultdict[str, Decimal] = defaultdict(lambda: ZERO)
    for line in lines:
        totals[line.claim.person] += line.paid
    return {
        "currency": CURRENCY,
        "claimed": _plain(sum((line.claim.claimed for line in lines), ZERO)),
        "paid": _plain(sum((line.paid for line in lines), ZERO)),
        "totals": {person: _plain(totals[person]) for person in sorted(totals)},
        "ledger": [_entry(line) for line in lines],
    }


def _entry(line: LedgerLine) -> dict[str, Any]:
    return {
        **line.claim.model_dump(mode="json"),
        "claimed": _plain(line.claim.claimed),
        "paid": _plain(line.paid),
        "reason": line.reason,
        "approved": line.approved,
        "note": line.note,
        "decided_by": line.decided_by,
    }


def _plain(amount: Decimal) -> str:
    return f"{amount:.2f}"


def _refusal(error: BadClaims) -> PydanticCustomError:
    return PydanticCustomError("claims", "{report}", {"report": str(error)})


workflow = registry.register(
    Workflow(
        "expenses",
        steps=[read_claims, check_claim, settle, close],
        description=(
            "Checks a file of claims against the expense policy, asks about each claim that"
            " breaks it, and returns the ledger."
        ),
    )
)
