"""The policy: claims that are paid without a request. Amounts are exact decimals in euros."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from workflows.flows.expenses.claim import Claim

CURRENCY: Final = "EUR"

LIMITS: Final[dict[str, Decimal]] = {
    "meals": Decimal("400.00"),
    "hotel": Decimal("900.00"),
    "flight": Decimal("700.00"),
    "train": Decimal("300.00"),
    "taxi": Decimal("80.00"),
    "fuel": Decimal("150.00"),
    "software": Decimal("200.00"),
    "office": Decimal("250.00"),
    "training": Decimal("1500.00"),
    "phone": Decimal("60.00"),
}
"""The categories, and the limit of one claim of each. The limit itself is allowed."""

RECEIPT_ABOVE: Final = Decimal("25.00")
"""Above this a receipt is needed."""

MAX_AGE: Final = timedelta(days=90)
"""The largest age of a claim at the closing date."""


def breaches(claim: Claim, closing: date) -> list[str]:
    """Return the violations of the policy, each as the end of a sentence ("has no receipt").

    The list is empty if there are none.
    """
    return list(_breaches(claim, closing))


def over_limit(claim: Claim) -> Decimal:
    """Return the amount of the claim above the limit of its category, or 0."""
    return max(claim.claimed - LIMITS[claim.category], Decimal("0.00"))


def money(amount: Decimal) -> str:
    """Return an amount for people: "1,120.00 EUR"."""
    return f"{amount:,.2f} {CURRENCY}"


def _breaches(claim: Claim, closing: date) -> Iterator[str]:
    if over_limit(claim):
        yield f"is over the {claim.category} limit of {money(LIMITS[claim.category])}"
    if claim.claimed > RECEIPT_ABOVE and not claim.receipt:
        yield "has no receipt"
    if claim.date > closing:
        yield f"is dated after the closing date, {closing}"
    elif closing - claim.date > MAX_AGE:
        yield f"is {(closing - claim.date).days} days old (we pay up to {MAX_AGE.days})"
