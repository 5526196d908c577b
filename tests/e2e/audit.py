"""The checks of all rows after a test that killed servers: each fault is an error message."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from tests.e2e.load_reviewer import Answer
from workflows.flows.expenses.csv_reader import parse_claims

Facts = dict[str, Any]


def faults(facts: Facts, answers: Iterable[Answer]) -> list[str]:
    """Return all faults of the rows, given the answers that people sent and their responses."""
    return [
        *_runs(facts),
        *_replies(answers),
        *_acknowledged(facts, answers),
        *_requests(facts, answers),
        *_ledgers(facts),
    ]


def _runs(facts: Facts) -> Iterator[str]:
    for key, run in facts["runs"].items():
        if run["status"] != "completed":
            yield f"run {key} is {run['status']}: {run['error']}"
        if [entry["seq"] for entry in run["journal"]] != list(range(1, run["seq"] + 1)):
            yield f"the journal of run {key} is not 1 to {run['seq']}"
        kinds = Counter(entry["kind"] for entry in run["journal"])
        if kinds["started"] != 1 or kinds["completed"] != 1 or kinds["discarded"]:
            yield f"the journal of run {key} holds {dict(kinds)}"
        yield from (f"run {key}: {fault}" for fault in run["folds"])


def _replies(answers: Iterable[Answer]) -> Iterator[str]:
    """An answer is accepted, refused because another was first, or lost with the server."""
    for answer in answers:
        if answer.status not in (None, 200, 303, 409):
            yield f"{answer} got {answer.status}"


def _acknowledged(facts: Facts, answers: Iterable[Answer]) -> Iterator[str]:
    """Each acknowledged answer is the decision of its request; a person sent each decision."""
    decisions: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    for one in facts["decisions"]:
        decisions[one["request"]].append((one["by"], one["said"]))
    sent: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    for answer in answers:
        found, mine = decisions[answer.request], (answer.by, answer.said)
        sent[answer.request].append(mine)
        if answer.acknowledged and found != [mine]:
            yield f"{answer} was acknowledged, but the decisions are {found}"
        if answer.status == 409 and mine in found:
            yield f"{answer} got 409, but was stored"
        if answer.status == 409 and found and not _names(answer.page, found[0][0]):
            yield f"{answer} got 409, but was not informed that {found[0][0]} had answered"
    for request, found in decisions.items():
        if len(found) > 1 or any(one not in sent[request] for one in found):
            yield f"request {request} has the decisions {found}, sent were {sent[request]}"


def _names(page: str, winner: str) -> bool:
    return f"already answered by {winner}" in page


def _requests(facts: Facts, answers: Iterable[Answer]) -> Iterator[str]:
    """Each request has one decision, one applied delivery, and one journal entry."""
    decided = {one["request"]: (one["by"], one["said"]) for one in facts["decisions"]}
    delivered = defaultdict(list)
    for one in facts["deliveries"]:
        delivered[one["run"], one["request_id"]].append((one["kind"], one["by"], one["response"]))
        if one["seq"] is None:
            yield f"the delivery of {one['request_id']} to run {one['run']} was not applied"
    journaled = defaultdict(list)
    for key, run in facts["runs"].items():
        for entry in run["journal"]:
            if entry["kind"] == "answered":
                data = entry["data"]
                journaled[key, data["request_id"]].append((data["by"], data["response"]))
    for request, row in facts["requests"].items():
        by, said = decided.get(request, ("nobody", None))
        place = (row["run"], row["key"])
        if (row["status"], row["by"], row["said"]) != ("answered", by, said):
            yield f"request {request} is {row['status']}, not decided by {by} with {said}"
        if delivered.pop(place, []) != [("answer", by, said)]:
            yield f"request {request} was not delivered once as it was decided"
        if journaled.pop(place, []) != [(by, said)]:
            yield f"request {request} was not journaled once as it was decided"
    yield from (f"something was delivered to {place}" for place in delivered)
    yield from (f"something was journaled for {place}" for place in journaled)


def _ledgers(facts: Facts) -> Iterator[str]:
    """Each claim is once in the ledger, booked as it was decided, and the totals agree."""
    asked: dict[str, dict[str, Any]] = defaultdict(dict)
    for row in facts["requests"].values():
        if "claim" in (row["payload"] or {}):
            if row["payload"]["claim"] in asked[row["run"]]:
                yield f"run {row['run']} asked twice about {row['payload']['claim']}"
            asked[row["run"]][row["payload"]["claim"]] = row
    for key, run in facts["runs"].items():
        if run["workflow"] == "expenses" and run["result"] is not None:
            yield from (f"run {key}: {fault}" for fault in _ledger(run, asked[key]))


def _ledger(run: dict[str, Any], asked: dict[str, Any]) -> Iterator[str]:
    result = run["result"]
    totals: dict[str, Decimal] = defaultdict(Decimal)
    claims = parse_claims(run["input"]["claims"])
    if [line["claim"] for line in result["ledger"]] != [claim.claim for claim in claims]:
        yield "the ledger does not hold each claim once"
    for line in result["ledger"]:
        totals[line["person"]] += Decimal(line["paid"])
        if _booked(line) != _expected(line, asked.get(line["claim"])):
            yield f"claim {line['claim']} is booked as {_booked(line)}"
    if {name: f"{total:.2f}" for name, total in totals.items()} != result["totals"]:
        yield f"the totals are {result['totals']}"
    if result["paid"] != f"{sum(totals.values()):.2f}":
        yield f"the sum is {result['paid']}"


def _booked(line: dict[str, Any]) -> tuple[Any, ...]:
    names = ("paid", "reason", "approved", "note", "decided_by")
    return tuple(line[name] for name in names)


def _expected(line: dict[str, Any], row: dict[str, Any] | None) -> tuple[Any, ...]:
    if row is None:
        return (line["claimed"], "in policy", None, None, None)
    said = row["said"]
    paid = said["amount"] if said["approved"] else "0.00"
    return (paid, said["reason"], said["approved"], said["note"], row["by"])
