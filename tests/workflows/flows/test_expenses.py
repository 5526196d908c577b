"""The example `expenses`: its requests, and its ledger, whatever the order of answers."""

from __future__ import annotations

import random
from decimal import Decimal
from typing import Any

import pytest

from workflows.engine import (
    InputRequestEvent,
    InvalidReply,
    Workflow,
    WorkflowHandler,
    WorkflowSnapshot,
)
from workflows.flows import DEMO
from workflows.flows.expenses import ExpenseReply, ExpenseRequest, workflow

SAMPLE: str = dict(DEMO)["expenses"]["claims"]
ASKED = ["C-009", "C-017", "C-022", "C-026", "C-030", "C-031", "C-036"]
HEADER = "claim,person,team,date,category,description,amount,receipt\n"
ONE = HEADER + "C-1,Ada,Sales,2026-11-18,meals,Client dinner,640.00,yes\n"


async def waiting(claims: str = SAMPLE, **more: Any) -> WorkflowHandler:
    handler = await workflow.run({"claims": claims, **more})
    await handler.snapshot()
    return handler


async def decide(handler: WorkflowHandler, request: InputRequestEvent, **decision: Any) -> None:
    reply = {"approved": True, "amount": "0.00", "reason": "exception", **decision}
    await handler.send_input(
        ExpenseReply.model_validate({"request_id": request.request_id, "response": reply})
    )


async def test_sample_asks_about_each_breach_at_once() -> None:
    handler = await waiting()
    requests = handler.pending_requests
    assert all(type(request) is ExpenseRequest for request in requests)
    assert sorted(request.payload["claim"] for request in requests) == ASKED
    await handler.cancel()


async def test_request_names_the_violations_and_the_amount() -> None:
    handler = await waiting()
    [request] = [r for r in handler.pending_requests if r.payload["claim"] == "C-017"]
    assert request.prompt == (
        "Client dinner, 640.00 EUR, is over the meals limit of 400.00 EUR. Pay it?"
    )
    assert request.payload == {
        "number": 17,
        "of": 41,
        "claim": "C-017",
        "person": "Grace Okafor",
        "team": "Sales",
        "date": "2026-11-18",
        "category": "meals",
        "description": "Client dinner",
        "claimed": "640.00",
        "receipt": True,
        "currency": "EUR",
        "limit": "400.00",
        "over_by": "240.00",
        "breaks": ["is over the meals limit of 400.00 EUR"],
    }
    await handler.cancel()


@pytest.mark.parametrize("seed", range(5))
async def test_answers_in_any_order_give_the_same_ledger(seed: int) -> None:
    handler = await waiting()
    requests = list(handler.pending_requests)
    random.Random(seed).shuffle(requests)
    for request in requests:
        if request.payload["claim"] == "C-022":
            await decide(handler, request, approved=False, reason="refused", note="private")
        elif request.payload["claim"] == "C-017":
            await decide(handler, request, amount="400.00")
        else:
            await decide(handler, request, amount=request.payload["claimed"])
    result = await handler.result()
    ledger = {line["claim"]: line for line in result["ledger"]}
    assert list(ledger) == [f"C-{number:03}" for number in range(1, 42)]
    assert (ledger["C-022"]["paid"], ledger["C-022"]["note"]) == ("0.00", "private")
    assert (ledger["C-017"]["paid"], ledger["C-017"]["reason"]) == ("400.00", "exception")
    assert (ledger["C-001"]["paid"], ledger["C-001"]["approved"]) == ("86.40", None)
    assert_totals(result)


def assert_totals(result: dict[str, Any]) -> None:
    claimed = sum(Decimal(row.split(",")[-2]) for row in SAMPLE.splitlines()[1:])
    assert Decimal(result["claimed"]) == claimed
    assert Decimal(result["paid"]) == claimed - Decimal("58.20") - Decimal("240.00")
    assert sum(map(Decimal, result["totals"].values())) == Decimal(result["paid"])
    # Added by hand: 312.48 + 31.20 + 286.00 + 74.90 + 400.00 + 96.50, and the taxi is not paid.
    assert result["totals"]["Grace Okafor"] == "1201.08"
    assert result["totals"]["Hanna Weber"] == "126.39"


async def test_more_than_was_claimed_is_asked_again_and_not_cut() -> None:
    handler = await waiting(ONE)
    [first] = handler.pending_requests
    await decide(handler, first, amount="640.01")
    await handler.snapshot()
    [second] = handler.pending_requests
    assert second.request_id != first.request_id
    assert second.prompt.startswith("640.01 EUR is more than the 640.00 EUR claimed. Client dinner")
    assert second.payload["asked_again"] == "640.01 EUR is more than the 640.00 EUR claimed."
    await decide(handler, second, amount="640")
    assert (await handler.result())["paid"] == "640.00"


async def test_ledger_is_the_same_after_a_snapshot() -> None:
    handler = await waiting()
    for request in handler.pending_requests[:3]:
        await decide(handler, request, amount=request.payload["claimed"])
    paper = (await handler.snapshot()).to_json()
    await handler.cancel()
    handler = await Workflow.resume(WorkflowSnapshot.from_json(paper))
    for request in handler.pending_requests:
        await decide(handler, request, amount=request.payload["claimed"])
    result = await handler.result()
    assert result["paid"] == result["claimed"]
    assert len(result["ledger"]) == 41


async def test_a_refused_claim_books_nothing_for_any_amount() -> None:
    handler = await waiting(ONE)
    [request] = handler.pending_requests
    await decide(handler, request, approved=False, amount="9999.99", reason="refused")
    [line] = (await handler.result())["ledger"]
    assert (line["paid"], line["approved"], line["reason"]) == ("0.00", False, "refused")


async def test_file_within_policy_needs_no_request() -> None:
    handler = await workflow.run({"claims": ONE.replace("640.00", "400")})
    assert (await handler.result())["paid"] == "400.00"


async def test_the_closing_date_decides_which_claims_are_too_old_or_too_new() -> None:
    handler = await waiting(ONE.replace("640.00", "40.00"), closing="2027-02-17")
    [request] = handler.pending_requests
    assert request.payload["breaks"] == ["is 91 days old (we pay up to 90)"]
    await handler.cancel()


@pytest.mark.parametrize(
    ("decision", "place"),
    [
        ({"amount": "-0.01"}, "amount"),
        ({"amount": "0.001"}, "amount"),
        ({"amount": "NaN"}, "amount"),
        ({"amount": "ten"}, "amount"),
        ({"reason": "because"}, "reason"),
        ({"approved": "perhaps"}, "approved"),
        ({"approved": True, "reason": "refused"}, "refused"),
        ({"note": "x" * 501}, "note"),
    ],
)
def test_decision_that_makes_no_sense_is_refused(decision: dict[str, Any], place: str) -> None:
    reply = {"approved": False, "amount": "1.00", "reason": "exception", **decision}
    with pytest.raises(InvalidReply) as caught:
        workflow.check_reply("ExpenseRequest", [], reply)
    assert place in str(caught.value.errors)


async def test_a_rejection_needs_neither_an_amount_nor_a_reason() -> None:
    handler = await waiting(ONE)
    [request] = handler.pending_requests
    reply = {"approved": False}
    await handler.send_input(
        ExpenseReply.model_validate({"request_id": request.request_id, "response": reply})
    )
    [line] = (await handler.result())["ledger"]
    assert (line["paid"], line["reason"]) == ("0.00", "refused")


@pytest.mark.parametrize("missing", ["amount", "reason"])
async def test_an_approval_needs_an_amount_and_a_reason(missing: str) -> None:
    handler = await waiting(ONE)
    [request] = handler.pending_requests
    with pytest.raises(ValueError, match="needs an amount and a reason"):
        await decide(handler, request, **{missing: None})
    await handler.cancel()
