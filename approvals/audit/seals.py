"""The chain of seals over all decisions. Each seal is signed together with the one before it.

A decision is signed in the statement that stores it. A worker seals it a few seconds later, many
decisions at a time. If each decision were sealed at once, all decisions would wait for each other.
Adding a seal locks the end of the chain, as the last lock of the transaction.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.db import transaction
from django.db.models import Exists, Max, OuterRef, QuerySet

from approvals.models import Decision, DecisionChain, DecisionSeal
from approvals.models.signatures import content_of, moment, sign, verify
from workflows.models import database_now
from workflows.sql.json_rows import bulk_insert

SEAL_INTERVAL = timedelta(seconds=10)
BATCH_SIZE = 500  # decisions in one transaction
OVERLAP = 1000  # keys before the last seal that are read again: commits may be late
Kind = DecisionSeal.Kind


class Link(NamedTuple):
    """The content of a seal: the decision, what happened to it, and the signature of that."""

    kind: str
    decision: int
    content: str
    note: str = ""


class Sealer:
    """Seals new decisions at intervals, in a worker."""

    def __init__(self) -> None:
        self._due: datetime | None = None

    def __call__(self, now: datetime) -> None:
        """Seal new decisions, if the last time was `SEAL_INTERVAL` seconds ago."""
        if self._due is None or now >= self._due:
            self._due = now + SEAL_INTERVAL
            last = DecisionSeal.objects.aggregate(last=Max("decision"))["last"] or 0
            seal_new(after=last - OVERLAP)


def seal_new(*, after: int = 0) -> int:
    """Seal the decisions with greater keys than this, in their order; return their number.

    A decision without a valid signature, or with a signature that is sealed already, is not sealed.
    `verify_decisions` reports it.
    """
    sealed = 0
    while unsealed(after).exists():
        with transaction.atomic():
            chain = _lock()
            rows = list(unsealed(after)[:BATCH_SIZE])
            sealed += _seal(chain, rows)
        if not rows:
            break
        after = rows[-1].pk
    return sealed


def unsealed(after: int = 0) -> QuerySet[Decision]:
    """Return signed decisions with greater keys than this that have no seal, in order."""
    seals = DecisionSeal.objects.filter(decision=OuterRef("pk"), kind=Kind.MADE)
    rows = Decision.objects.filter(~Exists(seals), pk__gt=after).exclude(signature="")
    return rows.order_by("pk")


def _seal(chain: DecisionChain, decisions: Sequence[Decision]) -> int:
    """Seal the decisions that have a valid signature of the application; return their number."""
    signatures = [one.signature for one in decisions]
    seals = DecisionSeal.objects.filter(content__in=signatures)
    known = set(seals.values_list("content", flat=True))
    links = []
    for decision in decisions:
        if decision.signature not in known and verify(content_of(decision), decision.signature):
            known.add(decision.signature)
            links.append(Link(Kind.MADE, decision.pk, decision.signature))
    _append(chain, links)
    return len(links)


def supersede(decisions: QuerySet[Decision], at: datetime) -> int:
    """Mark decisions as superseded, and seal this in the same transaction; return their number.

    The other columns of the decisions are not changed.
    """
    with transaction.atomic():
        rows = list(decisions.filter(superseded_at=None).select_for_update())
        links = [Link(Kind.SUPERSEDED, one.pk, sign(superseded_content(one, at))) for one in rows]
        # This does not use the append-only query set, because that refuses every update.
        effective: QuerySet[Decision] = QuerySet(Decision).filter(superseded_at=None)
        count = effective.filter(pk__in=[one.pk for one in rows]).update(superseded_at=at)
        if links:
            _append(_lock(), links)
    return count


def accept(decision: Decision, note: str) -> bool:
    """Seal the unsigned parts of a decision that an operator has accepted.

    Return False if no part was unsigned.
    """
    with transaction.atomic():
        chain = _lock()
        kinds = DecisionSeal.objects.filter(decision=decision.pk).values_list("kind", flat=True)
        links = unsigned_links(decision, set(kinds), note)
        _append(chain, links)
    return bool(links)


def unsigned_links(decision: Decision, sealed: Collection[str], note: str) -> list[Link]:
    """Return what to seal of a decision that was stored or superseded without a signature."""
    links = []
    if not decision.signature and Kind.ACCEPTED not in sealed:
        links.append(Link(Kind.ACCEPTED, decision.pk, sign(content_of(decision)), note))
    if decision.superseded_at is not None and Kind.SUPERSEDED not in sealed:
        content = sign(superseded_content(decision, decision.superseded_at))
        links.append(Link(Kind.SUPERSEDED, decision.pk, content, note))
    return links


def _append(chain: DecisionChain, links: Sequence[Link]) -> None:
    """Add seals at the end of the chain, which the caller has locked."""
    seals, now = [], database_now()
    for link in links:
        values = signed_link(chain.number + 1, chain.signature, link, now)
        seals.append(DecisionSeal(**values))
        chain.number, chain.signature = values["number"], values["signature"]
    if seals:
        bulk_insert(DecisionSeal, seals)
        chain.save()


def signed_link(number: int, before: str, link: Link, at: datetime) -> dict[str, Any]:
    """Return the columns of a seal, signed with the signature of the one before it."""
    values = {"number": number, **link._asdict(), "at": at}
    return values | {"signature": sign(seal_content(values, before))}


def seal_content(seal: dict[str, Any], before: str) -> list[Any]:
    """Return the data that a seal signs: its columns, and the signature of the seal before it."""
    own = [seal[name] for name in ("number", "kind", "decision", "content", "note")]
    return [before, moment(seal["at"]), *map(str, own)]


def superseded_content(decision: Decision, at: datetime) -> list[Any]:
    """Return the data that is signed when a decision is superseded."""
    return ["superseded", decision.signature or decision.pk, moment(at)]


def _lock() -> DecisionChain:
    """Return the end of the chain, locked until the transaction ends."""
    DecisionChain.objects.get_or_create(pk=1)
    return DecisionChain.objects.select_for_update().get(pk=1)
