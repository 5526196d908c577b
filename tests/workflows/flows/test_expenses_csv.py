"""A CSV file of claims: how it is read, and the error message for each mistake in it."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from workflows.engine import InvalidInput
from workflows.flows.expenses import workflow
from workflows.flows.expenses.claim import Claim
from workflows.flows.expenses.csv_reader import parse_claims
from workflows.flows.expenses.policy import LIMITS, breaches, over_limit

HEADER = "claim,person,team,date,category,description,amount,receipt\n"
GOOD = "C-1,Ada,Sales,2026-11-18,meals,Dinner,12.50,yes\n"
CLOSING = date(2026, 11, 20)


def row(**changes: str) -> str:
    names = HEADER.strip().split(",")
    cells = dict(zip(names, GOOD.strip().split(","), strict=True)) | {"claim": "C-2"} | changes
    return ",".join(cells[name] for name in names) + "\n"


def faults(claims: object) -> str:
    """Return the error message with which the workflow refuses the file, before any run."""
    with pytest.raises(InvalidInput) as caught:
        workflow.check_input({"claims": claims})
    [fault] = caught.value.errors
    assert tuple(fault["loc"]) == ("claims",)
    return str(fault["msg"])


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"amount": "twelve"}, "amount: 'twelve' is not a number; write it like 1234.50"),
        ({"amount": "1e5"}, "amount: '1e5' is not a number; write it like 1234.50"),
        ({"amount": "NaN"}, "amount: 'NaN' is not a number; write it like 1234.50"),
        ({"amount": "1_000"}, "amount: '1_000' is not a number; write it like 1234.50"),
        ({"amount": "١٢"}, "amount: '١٢' is not a number; write it like 1234.50"),
        ({"amount": '"12,50"'}, "amount: '12,50' is not a number; write it like 1234.50"),
        ({"amount": "-5.00"}, "amount: '-5.00' is negative"),
        ({"amount": "0.00"}, "amount: '0.00' is nothing to claim"),
        ({"amount": "12.345"}, "amount: '12.345' has more than two decimals"),
        ({"amount": "12345678"}, "amount: '12345678' is too large"),
        ({"amount": ""}, "amount: there is nothing in it"),
        ({"date": "18.11.2026"}, "date: '18.11.2026' is not a date; write it like 2026-11-18"),
        ({"date": "20261118"}, "date: '20261118' is not a date; write it like 2026-11-18"),
        ({"date": "2026-02-30"}, "date: '2026-02-30' is not in the calendar"),
        ({"category": "yacht"}, f"category: 'yacht' is none of {', '.join(LIMITS)}"),
        ({"receipt": "maybe"}, "receipt: 'maybe' is neither yes nor no"),
        ({"person": " "}, "person: there is nothing in it"),
        ({"description": "x" * 201}, "description: longer than 200 characters"),
        ({"description": "a\x00b"}, "description: a character that cannot be stored"),
        ({"claim": "C-1"}, "claim: 'C-1' is on line 2 already"),
    ],
)
def test_bad_cell_is_named_by_line_and_column(changes: dict[str, str], expected: str) -> None:
    assert faults(HEADER + GOOD + row(**changes)) == f"line 3, column {expected}"


@pytest.mark.parametrize(
    ("claims", "expected"),
    [
        ("", "line 1: the file is empty"),
        ("\n \n", "line 1: the file is empty"),
        (HEADER, "line 2: there are no claims after the header"),
        (HEADER.replace(",amount", "") + GOOD, "line 1: the column amount is missing"),
        (HEADER.replace("team", "person") + GOOD, "line 1: the column person is there twice"),
        (HEADER.replace(",", ";"), "line 1: one column only; columns are separated by commas"),
        (HEADER + GOOD.replace("Dinner", "Dinner, two"), "line 2: 9 fields where the header has 8"),
        (HEADER + GOOD.replace("Dinner", '"Dinner'), "line 2: not CSV"),
        (HEADER.encode() + GOOD.encode() + row(person="Chloé").encode("latin-1"), "line 3: byte"),
        ((HEADER + GOOD).encode("utf-16"), "line 1: byte 0xFF is not UTF-8"),
    ],
)
def test_bad_file_is_refused_with_the_line(claims: str | bytes, expected: str) -> None:
    assert expected in faults(claims)


def test_all_faulty_lines_are_reported_at_once() -> None:
    reported = faults(HEADER + row(amount="x", date="y") + GOOD + row(claim="C-3", receipt="z"))
    assert [line.split(":")[0] for line in reported.split(";\n")] == [
        "line 2, column date",
        "line 2, column amount",
        "line 4, column receipt",
    ]


def test_a_long_list_of_faults_is_cut_with_a_note() -> None:
    reported = faults(HEADER + "".join(row(claim=f"C-{n}", amount="x") for n in range(15)))
    assert reported.count("is not a number") == 10
    assert reported.endswith("and 5 more")


def test_thousand_claims_are_read_and_one_more_is_refused() -> None:
    lines = [row(claim=f"C-{n}") for n in range(1001)]
    assert len(parse_claims(HEADER + "".join(lines[:1000]))) == 1000
    assert faults(HEADER + "".join(lines)) == "line 1002: more than 1,000 claims; split the file"


def test_line_of_a_fault_is_right_after_a_cell_of_two_lines() -> None:
    claims = HEADER + GOOD.replace("Dinner", '"Dinner\nwith guests"') + "\n" + row(amount="x")
    assert faults(claims).startswith("line 5, column amount")


def test_a_byte_order_mark_and_extra_columns_are_ignored() -> None:
    text = "\ufeff" + (HEADER.upper() + GOOD).replace("\n", ",Cost centre\r\n")
    assert workflow.check_input({"claims": text.encode()})["claims"] == text
    [claim] = parse_claims(text)
    assert (claim.claim, claim.claimed, claim.receipt) == ("C-1", Decimal("12.50"), True)


def test_a_file_that_is_not_text_is_refused() -> None:
    with pytest.raises(InvalidInput):
        workflow.check_input({"claims": 7})
    with pytest.raises(InvalidInput):
        workflow.check_input({"claims": HEADER + GOOD, "clsoing": "2026-11-20"})


@pytest.mark.parametrize(
    ("changes", "broken"),
    [
        ({}, []),
        ({"amount": "400.00"}, []),
        ({"amount": "400.01"}, ["is over the meals limit of 400.00 EUR"]),
        ({"amount": "25.00", "receipt": "no"}, []),
        ({"amount": "25.01", "receipt": "no"}, ["has no receipt"]),
        ({"date": "2026-08-22"}, []),
        ({"date": "2026-08-21"}, ["is 91 days old (we pay up to 90)"]),
        ({"date": "2026-11-21"}, ["is dated after the closing date, 2026-11-20"]),
        ({"category": "taxi", "amount": "80.01", "receipt": "no", "date": "2026-01-01"}, 3),
        *[({"category": name, "amount": str(limit)}, []) for name, limit in LIMITS.items()],
        *[({"category": name, "amount": f"{limit + 1}"}, 1) for name, limit in LIMITS.items()],
    ],
)
def test_policy_is_exact_at_its_limits(changes: dict[str, str], broken: list[str] | int) -> None:
    [claim] = parse_claims(HEADER + row(**changes))
    found = breaches(claim, CLOSING)
    assert (len(found) if isinstance(broken, int) else found) == broken


def test_over_limit_counts_cents() -> None:
    [claim] = parse_claims(HEADER + row(amount="640.1"))
    assert isinstance(claim, Claim)
    assert str(over_limit(claim)) == "240.10"
