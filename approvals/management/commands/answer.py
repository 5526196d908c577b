"""`manage.py answer REQUEST_ID`: answer a request from the command line, as a person."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.conf import settings
from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from approvals.actions import Outcome, decide
from approvals.audit.origin import command_origin
from approvals.errors import AnswerRefused
from workflows.engine.serialization.json_limits import InputRefused, parse_json
from workflows.models import InputRequest
from workflows.web.answer_labels import answer_summary
from workflows.web.forms.inputs.json_numbers import keep_digits

DECIMAL = {"anyOf": [{"type": "number"}, {"type": "string"}]}  # all digits of a decimal


class Command(BaseCommand):
    """Calls the same action as the pages, so the same rules apply."""

    help = "Answer a request as a person: approve, reject, reply with text, or give JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the request, the four kinds of answers, and the person."""
        parser.add_argument("request_id", help="the id in the request's address")
        ways = parser.add_mutually_exclusive_group(required=True)
        ways.add_argument("--approve", action="store_true")
        ways.add_argument("--reject", action="store_true")
        ways.add_argument("--reply", metavar="TEXT", help="an answer in free text")
        ways.add_argument("--json", metavar="'{...}'", help="the whole answer, for a typed request")
        parser.add_argument("--comment", metavar="TEXT", help="goes with --approve or --reject")
        parser.add_argument(
            "--edit", metavar="KEY=JSON", action="append", default=[],
            help="change a key of the payload before it is approved; may be repeated",
        )  # fmt: skip
        parser.add_argument("--as", dest="username", metavar="USER", required=True)

    def handle(self, *, request_id: str, username: str, **options: Any) -> None:
        """Answer and print the result. If it was refused, raise CommandError without a change."""
        response = self.response(self.row(request_id, "schema"), **options)
        types = self.row(request_id, "editable_types")
        edits = dict(self.edit(pair, types) for pair in options["edit"])
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username!r}.")
        try:
            outcome = decide(
                user, request_id, response, source="command", edits=edits, origin=command_origin()
            )
        except AnswerRefused as error:
            raise CommandError(str(error)) from None
        self.stdout.write(self.sentence(outcome))

    def row(self, request_id: str, column: str) -> dict[str, Any]:
        """Return a column of the request, or an empty dict without a value or without a request."""
        try:
            found = InputRequest.objects.filter(pk=UUID(request_id)).values_list(column).first()
        except ValueError:
            return {}
        return (found and found[0]) or {}

    def response(
        self,
        schema: dict[str, Any],
        *,
        approve: bool,
        reject: bool,
        reply: str | None,
        json: str | None,
        comment: str | None,
        **_: Any,
    ) -> Any:
        """Return the answer of the options; raise CommandError if it is no JSON."""
        if approve or reject:
            return {"approved": approve} | ({} if comment is None else {"comment": comment})
        if comment is not None:
            raise CommandError("--comment goes with --approve or --reject.")
        if json is None:
            return reply
        try:
            return self.parse(json, schema, "The answer")
        except InputRefused as error:
            raise CommandError(str(error)) from None

    def edit(self, pair: str, types: Mapping[str, str]) -> tuple[str, Any]:
        """Return the key and the value of one `--edit`; raise CommandError if it is malformed."""
        key, sign, value = pair.partition("=")
        if not sign:
            raise CommandError(f"--edit {pair!r} is not KEY=JSON.")
        schema = DECIMAL if types.get(key) == "decimal" else {}
        try:
            return key, self.parse(value, schema, "The value")
        except InputRefused as error:
            if key in types:  # a date needs no quotes; other texts are refused later
                return key, value
            raise CommandError(f"--edit {key}: {error}") from None

    def parse(self, text: str, schema: dict[str, Any], what: str) -> Any:
        """Read `text` as JSON, with all digits of its numbers; raise `InputRefused`."""
        value = parse_json(
            text, what=what, max_bytes=settings.ANSWER_MAX_BYTES,
            max_depth=settings.JSON_MAX_DEPTH, digits=True,
        )  # fmt: skip
        return keep_digits(value, schema, what=what)

    def sentence(self, outcome: Outcome) -> str:
        """Return a sentence about the result, and the run that gets the answer."""
        decision = outcome.decision
        run = decision.request.run
        said = f"{decision.by} {answer_summary(decision.response).word}"
        if outcome.again:
            return f"Request {decision.request_id}: {said} before, the same. Nothing changed."
        if outcome.waits:
            far = f"{outcome.votes} of {outcome.quorum} approvals"
            return f"Request {decision.request_id}: {said}. It has {far} and waits for more."
        return f"Request {decision.request_id}: {said}. The answer goes to run {run.id}."
