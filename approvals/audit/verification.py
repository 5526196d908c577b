"""Finds decisions that were changed, removed or inserted outside the application."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from typing import Any

from django.db import connection, transaction
from django.db.models import OuterRef, Subquery

from approvals.audit.contradictions import wrong_requests
from approvals.audit.readable_rows import in_pages
from approvals.audit.seals import seal_content, superseded_content
from approvals.models import Decision, DecisionChain, DecisionSeal
from approvals.models.signatures import content_of, verify

PAGE_SIZE = 1000
Kind = DecisionSeal.Kind
Seals = dict[str, DecisionSeal]  # of one decision, by kind


@contextmanager
def one_moment() -> Iterator[None]:
    """Read a consistent state of the database in the block, while other people decide.

    Within a transaction of the caller, that transaction is used.
    """
    if connection.in_atomic_block:
        yield
    elif connection.vendor == "postgresql":
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            yield
    else:  # `atomic` would block all writers
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK")


def findings() -> Iterator[str]:
    """Yield a sentence for each fault, with the key of the row."""
    yield from _wrong_seals()
    yield from _wrong_decisions()
    yield from _removed()
    yield from wrong_requests()


def has_seal(number: int, signature: str) -> bool:
    """Return True if the chain has this seal, which was recorded outside the database."""
    return DecisionSeal.objects.filter(pk=number, signature=signature).exists()


def _wrong_seals() -> Iterator[str]:
    """Follow the chain from its first seal to its end."""
    number, before = 0, ""
    for key, seal in chain.from_iterable(in_pages(DecisionSeal.objects.all(), PAGE_SIZE)):
        if key != number + 1:
            yield f"Seal {number + 1} was removed" + _upto(number + 1, key - 1)
        elif seal is None or not verify(seal_content(_columns(seal), before), seal.signature):
            yield f"Seal {key} was changed, or one before it was put in or removed."
        number, before = key, seal.signature if seal else _signature_of(key)
    end = DecisionChain.objects.filter(pk=1).first() or DecisionChain()
    if (end.number, end.signature) != (number, before):
        yield f"The chain was made to end at seal {number}; its end was {end.number}."


def _columns(seal: DecisionSeal) -> dict[str, Any]:
    return {field.name: getattr(seal, field.name) for field in seal._meta.concrete_fields}


def _signature_of(number: int) -> str:
    """Return the signature of a seal that has other unreadable columns."""
    return DecisionSeal.objects.values_list("signature", flat=True).get(pk=number)


def _upto(first: int, last: int) -> str:
    return "." if first == last else f", and all up to {last}."


def _wrong_decisions() -> Iterator[str]:
    """Compare each decision with its signature and with its seals."""
    seen = set[str]()
    for page in in_pages(Decision.objects.all(), PAGE_SIZE):
        seals: dict[int, Seals] = defaultdict(dict)
        named = DecisionSeal.objects.filter(decision__in=[key for key, _ in page])
        for seal in named.only("decision", "kind", "content"):
            seals[seal.decision][seal.kind] = seal
        for key, row in page:
            if row is None:
                yield f"Decision {key} was changed: it cannot be read."
                continue
            faults = [_origin_fault(row, seals[row.pk], seen), _void_fault(row, seals[row.pk])]
            seen.add(row.signature)
            yield from (f"{_named(row)} {fault}." for fault in faults if fault)


def _origin_fault(row: Decision, seals: Seals, seen: set[str]) -> str:
    accepted, made = seals.get(Kind.ACCEPTED), seals.get(Kind.MADE)
    if not row.signature:
        if accepted is None:
            return "has no signature: SQL put it in, or a process with code of before did"
        return "" if verify(content_of(row), accepted.content) else "was changed"
    if row.signature in seen:
        return "was put in: it repeats the signature of another"
    if not verify(content_of(row), row.signature):
        return "was changed, or put in, or signed with a key that is not in DECISION_KEYS"
    if made is not None and made.content != row.signature:
        return "was replaced by another"
    return ""


def _void_fault(row: Decision, seals: Seals) -> str:
    seal = seals.get(Kind.SUPERSEDED)
    if row.superseded_at is None:
        return "" if seal is None else "ceased to count, and was made to count again"
    if seal is None:
        return "was made to count no more by SQL, or by a process with code of before"
    right = verify(superseded_content(row, row.superseded_at), seal.content)
    return "" if right else "has another time at which it ceased to count than was sealed"


def _named(row: Decision) -> str:
    return f"Decision {row.pk} ({row.kind} of {row.name or row.by_id} on request {row.request_id})"


def _removed() -> Iterator[str]:
    """Find the seals whose decision does not exist."""
    there = Decision.objects.filter(pk=OuterRef("decision")).values("pk")
    seals = DecisionSeal.objects.annotate(row=Subquery(there)).filter(row=None)
    gone = seals.exclude(kind=Kind.SUPERSEDED).order_by("number").values_list("number", "decision")
    for number, decision in gone.iterator(PAGE_SIZE):
        yield f"Decision {decision} was removed (seal {number})."
