"""`manage.py verify_decisions`: find decisions that were changed outside the application."""

from __future__ import annotations

from argparse import ArgumentParser, ArgumentTypeError
from collections.abc import Iterator
from itertools import chain
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db import DatabaseError

from approvals.audit.origin import command_origin
from approvals.audit.seals import accept, seal_new
from approvals.audit.verification import findings, has_seal, one_moment
from approvals.models import Decision, DecisionChain


def location(text: str) -> tuple[int, str]:
    """Read NUMBER:SIGNATURE; raise `ArgumentTypeError` for anything else."""
    number, _, signature = text.partition(":")
    if not (number.isascii() and number.isdigit() and len(signature) == 64):
        raise ArgumentTypeError(f"{text!r} is no end of a chain as this command prints it.")
    return int(number), signature


def missing(expect: list[tuple[int, str]]) -> Iterator[str]:
    """Yield a sentence for each known end that the chain does not have."""
    for number, signature in expect:
        if not has_seal(number, signature):
            yield f"The chain has no seal {number} with this signature: it was cut or made anew."


def seal() -> Iterator[str]:
    """Seal new decisions; yield a sentence if a changed chain or row makes this impossible."""
    try:
        seal_new()
    except (TypeError, ValueError, DatabaseError) as error:
        yield f"New decisions could not be sealed: {error}".rstrip(".\n") + "."


class Command(BaseCommand):
    """Reads every decision, every seal, and every request that a person answered."""

    help = (
        "Check each decision against its signature and the chain that seals them, and each "
        "answered request against its decision. What SQL changed, removed or put in is named, "
        "and the exit code is 1. Prints the end of the chain: keep it outside of this database, "
        "and give it to --expect the next time."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the known end of the chain, and the decisions to accept."""
        parser.add_argument(
            "--expect", type=location, metavar="NUMBER:SIGNATURE", action="append", default=[],
            help="an end of the chain that was printed before, and has to be part of it",
        )  # fmt: skip
        parser.add_argument(
            "--accept",
            type=int,
            metavar="DECISION",
            nargs="+",
            default=[],
            help="answer for decisions without a signature, which code of before wrote; the "
            "account that runs this is recorded",
        )

    def handle(self, *, expect: list[tuple[int, str]], accept: list[int], **options: Any) -> None:
        """Print all faults, and the end of the chain."""
        for pk in accept:
            self.accept(pk)
        unsealed = list(seal())
        with one_moment():
            faults = chain(unsealed, missing(expect), findings())
            found = sum(self.report(fault) for fault in faults)
            end = DecisionChain.objects.filter(pk=1).first() or DecisionChain()
            self.confirm(expect)
            self.stdout.write(f"{Decision.objects.count()} decisions. The chain ends at {end}")
        if found:
            things = "thing is" if found == 1 else "things are"
            raise CommandError(f"{found} {things} wrong; see above.")

    def confirm(self, expect: list[tuple[int, str]]) -> None:
        """Print for each known end whether the chain still has it; a missing one is a fault."""
        for number, signature in expect:
            if has_seal(number, signature):
                self.stdout.write(f"Seal {number} is part of the chain, as --expect says.")

    def report(self, fault: str) -> int:
        """Write a line at once, and count it."""
        self.stdout.write(fault)
        return 1

    def accept(self, pk: int) -> None:
        """Seal the unsigned parts of a decision, with the account that accepts them."""
        decision = Decision.objects.filter(pk=pk).first()
        note = f"accepted by {command_origin().account}"
        if decision is None or not accept(decision, note):
            raise CommandError(f"There is no decision {pk} of which anything is not signed.")
