"""One claim for expenses."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pydantic import BaseModel, ConfigDict


class Claim(BaseModel):
    """One claim. `claimed` is in euros, `receipt` says whether one was handed in."""

    model_config = ConfigDict(frozen=True)

    claim: str
    person: str
    team: str
    date: date
    category: str
    description: str
    claimed: Decimal
    receipt: bool
