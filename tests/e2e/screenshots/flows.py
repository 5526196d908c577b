"""Workflows as a team would have them, one for each state of a run."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import ClassVar, Literal

from pydantic import BaseModel, Field

from workflows.engine import (
    Context,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    registry,
    step,
)

CHANGES = [
    {"area": "checkout", "change": "VAT is computed per line", "risk": "medium", "tickets": 4},
    {"area": "search", "change": "Typos no longer find nothing", "risk": "low", "tickets": 2},
    {"area": "accounts", "change": "Passkeys beside passwords", "risk": "medium", "tickets": 7},
]
NOTES = """It fixes the rounding that support reported on Tuesday. Rolling back takes four minutes \
and loses nothing: the migration only adds a column."""


class Release(StartEvent):
    """A version that is ready for publication."""

    version: str = Field(description="As it is tagged")
    channel: Literal["stable", "beta"] = "stable"


class Built(Event):
    version: str
    channel: str


@step(retries=2, retry_delay=0)
async def build(event: Release, ctx: Context) -> Built:
    """Build and sign the packages."""
    if ctx.attempt == 1:
        raise TimeoutError("The signing service did not answer within 30 s")
    return Built(version=event.version, channel=event.channel)


@step
async def ask(event: Built, ctx: Context) -> InputRequestEvent:
    """Ask whether to publish it."""
    return InputRequestEvent(
        prompt=f"Release {event.version} to {event.channel}?\n\n{NOTES}",
        payload={
            "version": event.version,
            "build": "https://ci.example.com/builds/20418",
            "tests": {"passed": 4211, "failed": 0, "skipped": 3},
            "changes": CHANGES,
        },
    )


@step
async def publish(event: InputResponseEvent, ctx: Context) -> StopEvent:
    """Publish it, if that was approved."""
    return StopEvent(result={"published": event.approved, "by": ctx.answered_by})


class Contract(BaseModel):
    """A decision with one field of every kind."""

    approved: bool
    term: Literal["12 months", "24 months", "36 months"]
    discount: Decimal = Field(default=Decimal("0"), ge=0, le=30, description="Per cent, 30 at most")
    owner: str = Field(max_length=80, description="Who looks after this customer")
    invoice_by_post: bool = False
    clauses: list[Literal["data protection", "escrow", "service level"]] = []
    remarks: str | None = Field(default=None, json_schema_extra={"contentMediaType": "text/plain"})


class ContractReply(InputResponseEvent):
    response: Contract


class ContractRequest(InputRequestEvent):
    reply: ClassVar[type[InputResponseEvent]] = ContractReply


class Offer(StartEvent):
    customer: str
    minutes: float = 2880
    """The time for the decision."""


@step
async def propose(event: Offer) -> ContractRequest:
    """Ask for the terms."""
    return ContractRequest(
        prompt=f"Which terms do we offer {event.customer}?",
        payload={"customer": event.customer, "seats": 250, "last_year": "18,400.00 EUR"},
        due_in=timedelta(minutes=event.minutes),
    )


@step
async def sign(event: ContractReply, ctx: Context) -> StopEvent:
    """Send it out to be signed."""
    return StopEvent(result={"sent": event.response.approved})


class Rows(Event):
    count: int


@step
async def fetch(event: StartEvent, ctx: Context) -> Rows:
    """Fetch new rows."""
    ctx.progress(0.62, "1,240 of 2,000 rows imported")
    return Rows(count=2000)


@step(retries=5, retry_delay=36_000)
async def load(event: Rows) -> StopEvent:
    """Load them into the warehouse."""
    raise ConnectionError("The warehouse refused the connection")


@step
async def pay(event: StartEvent) -> StopEvent:
    """Hand the payments to the bank."""
    raise ConnectionError("The bank answered 503: outside of business hours")


class Newsletter(StartEvent):
    issue: str


@step
async def propose_issue(event: Newsletter) -> list[InputRequestEvent]:
    """Ask the editor, and the person who maintains the readers' addresses."""
    payload = {"subject": f"What is new in {event.issue}", "readers": 12480}
    return [
        InputRequestEvent(prompt=prompt, payload=payload, allow={"approve", "reject"})
        for prompt in (
            f"Is the text of the {event.issue} newsletter final?",
            f"Send the {event.issue} newsletter to 12,480 readers?",
        )
    ]


@step
async def send(event: InputResponseEvent, ctx: Context) -> StopEvent:
    """Hand it to the mail service."""
    return StopEvent(result={"sent": event.approved})


class PaymentRequest(InputRequestEvent):
    """A request that uses all options."""

    quorum: int = 2


class Payment(StartEvent):
    supplier: str


@step
async def ask_to_pay(event: Payment) -> PaymentRequest:
    """Ask two people, one of whom may correct the amount."""
    return PaymentRequest(
        prompt=f"Pay the invoice of {event.supplier}?\n\n"
        "It is **higher than agreed** in two places:\n\n"
        "- the rate of the night shift\n- a second inspection, see <https://example.com/i/77>\n",
        payload={
            "invoice": "2026-1177",
            "amount": "6,480.00",
            "terms": {
                "before": {"rate": "84.00", "inspections": 1, "payment": "30 days"},
                "after": {"rate": "92.00", "inspections": 2, "payment": "30 days"},
            },
        },
        allow={"approve", "reject"},
        assign_to=("alice", "bob"),
        priority="urgent",
        tags=("money", "supplier"),
        if_approved=f"6,480.00 EUR go to {event.supplier} tonight.",
        editable=("amount",),
        due_in=timedelta(minutes=40),
        remind_in=timedelta(minutes=10),
    )


@step
async def order_payment(event: InputResponseEvent, ctx: Context) -> StopEvent:
    """Order it from the bank."""
    return StopEvent(result={"paid": event.approved})


PAYMENT = Workflow("payment", steps=[ask_to_pay, order_payment], description="Pays suppliers.")
RELEASE = Workflow("release", steps=[build, ask, publish], description="Ships a version.")
CONTRACT = Workflow("contract", steps=[propose, sign], description="Agrees on an offer's terms.")
IMPORT = Workflow("nightly-import", steps=[fetch, load], description="Fills the warehouse.")
PAYOUT = Workflow("payout", steps=[pay], description="Pays what was approved.")
NEWSLETTER = Workflow("newsletter", steps=[propose_issue, send], description="Mails the readers.")

LASTING = (RELEASE, CONTRACT, IMPORT, PAYOUT, PAYMENT)
for workflow in LASTING:
    registry.register(workflow)
# NEWSLETTER is registered only while its runs begin, so they are blocked afterwards.
