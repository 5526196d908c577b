"""`manage.py start_run NAME`: start a run from the command line, and optionally wait for it."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError

from workflows.engine import InvalidInput, UnknownWorkflow, Workflow, registry
from workflows.errors import AuthorMissing, IdempotencyConflict, InvalidIdempotencyKey
from workflows.management.cli.input import read_input
from workflows.management.cli.terminal import plain
from workflows.management.cli.wait import Wait, WaitTimeout, outcome
from workflows.models import WorkflowRun, database_now
from workflows.models.permissions import Perm

STILL_RUNNING = 3  # the exit code after the --timeout
INTERRUPTED = 130


class Command(BaseCommand):
    """Starts one run. All faults of the input are printed before anything is stored."""

    help = (
        "Start a run. With --wait, show its steps and print its result; exit 1 if it failed, "
        "3 if --timeout passed first."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Add the name, the input and the options of waiting."""
        parser.add_argument("name", help="the workflow's name")
        parser.add_argument(
            "--input", default="{}", metavar="'{...}'|@FILE",
            help="the fields as a JSON object, or a file (@- for standard input). A file that is "
            "not a JSON object becomes the one text that the workflow requires.",
        )  # fmt: skip
        parser.add_argument("--key", help="the same key starts the same run only once")
        parser.add_argument(
            "--as",
            dest="username",
            metavar="USER",
            help="who starts it; needed where four eyes are asked for",
        )
        parser.add_argument("--wait", action="store_true", help="until the run has ended")
        parser.add_argument(
            "--timeout", type=float, metavar="SECONDS", help="wait no longer than this"
        )

    def handle(self, *, name: str, username: str | None, wait: bool, **options: Any) -> None:
        """Start the run and print its id. If this fails, raise CommandError; nothing is stored."""
        if options["timeout"] is not None and not wait:
            raise CommandError("--timeout goes with --wait.")
        workflow = self.workflow(name)
        by = self.starter(username) if username is not None else None
        data = read_input(options["input"], workflow)
        run = self.start(workflow, data, by, options["key"])
        if wait:
            self.wait(run, options["timeout"])

    def workflow(self, name: str) -> Workflow:
        """Return the workflow; the error lists the existing ones."""
        try:
            return registry.get(name)
        except UnknownWorkflow as error:
            raise CommandError(str(error)) from None

    def starter(self, username: str) -> User:
        """Return the person who starts the run, and check that they may."""
        user = User.objects.filter(username=username).first()
        if user is None:
            raise CommandError(f"There is no user {username!r}.")
        if not user.has_perm(Perm.START_RUNS):
            raise CommandError(f"{username} may not start runs.")
        return user

    def start(
        self, workflow: Workflow, data: dict[str, Any], by: User | None, key: str | None
    ) -> WorkflowRun:
        """Start the run, or return the run with the same key."""
        before = database_now()
        try:
            run = WorkflowRun.objects.start(workflow, data, by=by, idempotency_key=key)
        except InvalidInput as error:
            raise CommandError(_faults(workflow, error)) from None
        except AuthorMissing as error:
            raise CommandError(f"{error} Add --as USER.") from None
        except (IdempotencyConflict, InvalidIdempotencyKey) as error:
            raise CommandError(str(error)) from None
        if run.created_at < before:
            self.say(f"Run {run.pk} was started with this key before; it is {run.status}.")
        else:
            self.say(f"Started run {run.pk} of {workflow.name}.")
        return run

    def wait(self, run: WorkflowRun, timeout: float | None) -> None:
        """Show what happens until the run has ended, and print its result."""
        waiting = Wait(run, self.say)
        try:
            waiting.until_it_ends(timeout)
        except WaitTimeout:
            text = f"Run {run.pk} is {run.status} after {timeout:g} s; it is not lost."
            raise CommandError(text, returncode=STILL_RUNNING) from None
        except KeyboardInterrupt:
            when = "as soon as a worker runs" if waiting.is_alone else "without you"
            text = f"Run {run.pk} goes on {when}: see `manage.py runs`."
            raise CommandError(text, returncode=INTERRUPTED) from None
        if run.status != WorkflowRun.Status.COMPLETED:
            raise CommandError(outcome(run))
        self.say(outcome(run))

    def say(self, text: str) -> None:
        """Write a line at once, also if the output is a file or a pipe."""
        self.stdout.write(text)
        self.stdout.flush()


def _faults(workflow: Workflow, error: InvalidInput) -> str:
    """Return one line for each fault, with the field that it belongs to."""
    if not error.errors:
        return str(error)
    lines = [f"The input does not fit {workflow.name!r}:"]
    for fault in error.errors:
        place = ".".join(str(part) for part in fault["loc"])
        message = str(fault["msg"]).removeprefix("Value error, ").replace("\n", "\n    ")
        lines.append(f"  {plain(place)}: {message}" if place else f"  {message}")
    return "\n".join(lines)
