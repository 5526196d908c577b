"""The commands: they start and list runs, or refuse wrong arguments with an error message."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.core.management import call_command
from django.core.management.base import CommandError
from pydantic import Field

from tests.support.factories import make_user
from workflows.engine import StartEvent, StopEvent, Workflow, registry, step
from workflows.errors import IdempotencyConflict, InvalidIdempotencyKey
from workflows.management.cli.terminal import plain, table
from workflows.models import WorkflowRun

pytestmark = pytest.mark.django_db


NO_KEYS = [
    ("", "is empty"),
    (" \t\n", "is empty"),
    ("x" * 201, "has 201 characters, more than 200"),
    ("x" * 300, "has 300 characters, more than 200"),
    ("a\x00b", "holds a NUL character, which no database keeps"),
    ("a\ud800b", "holds half of a surrogate pair, which no database keeps"),
]


class Amounts(StartEvent):
    amount: Decimal = Decimal(0)
    amounts: dict[str, Decimal] = {}
    rows: list[tuple[str, Decimal | None]] = []
    rate: float = 0.0
    count: int = 0
    text: str = ""
    named: Decimal = Field(default=Decimal(0), alias="Named")
    anything: Any = None


@step
async def amounts(event: Amounts) -> StopEvent:
    return StopEvent()


@step
async def anything(event: StartEvent) -> StopEvent:
    return StopEvent()


@pytest.fixture(autouse=True)
def own_flows() -> Iterator[None]:
    own = (Workflow("t-amounts", steps=[amounts]), Workflow("t-any", steps=[anything]))
    for workflow in own:
        registry.register(workflow)
    yield
    for workflow in own:
        registry.unregister(workflow.name)


def command(name: str, *arguments: str) -> str:
    out = io.StringIO()
    call_command(name, *arguments, stdout=out, no_color=True)
    return out.getvalue()


def refusal(*arguments: str) -> str:
    """Return the error of `start_run`, after a check that it stored nothing."""
    before = WorkflowRun.objects.count()
    with pytest.raises(CommandError) as refused:
        command("start_run", *arguments)
    assert WorkflowRun.objects.count() == before
    return str(refused.value)


def file_of(tmp_path: Path, content: bytes, name: str = "input.txt") -> str:
    path = tmp_path / name
    path.write_bytes(content)
    return f"@{path}"


def test_json_on_the_command_line_starts_a_run_and_prints_its_id() -> None:
    said = command("start_run", "assistant", "--input", '{"text": "A good text."}')
    run = WorkflowRun.objects.get()
    assert said == f"Started run {run.pk} of assistant.\n"
    assert run.input == {"text": "A good text."}
    assert run.started_by is None


@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_a_file_that_is_not_json_is_the_value_of_the_one_required_text(
    start: bytes, tmp_path: Path
) -> None:
    file = file_of(tmp_path, start + "Grüße, in two\nlines.".encode())
    command("start_run", "assistant", "--input", file)
    assert WorkflowRun.objects.get().input == {"text": "Grüße, in two\nlines."}


def test_a_csv_file_starts_expenses(tmp_path: Path) -> None:
    make_user("carol", "workflows.add_workflowrun")
    sample = Path(sys.modules["workflows.flows"].__file__ or "").parent / "expenses/sample.csv"
    command("start_run", "expenses", "--input", f"@{sample}", "--as", "carol")
    assert WorkflowRun.objects.get().input["claims"].startswith("claim,")


def test_a_workflow_with_four_eyes_needs_a_person_who_starts_it() -> None:
    sample = Path(sys.modules["workflows.flows"].__file__ or "").parent / "expenses/sample.csv"
    with pytest.raises(CommandError, match=r"'expenses' asks ExpenseRequest .* Add --as USER"):
        command("start_run", "expenses", "--input", f"@{sample}")
    assert not WorkflowRun.objects.exists()


def test_a_file_with_a_json_object_gives_the_fields(tmp_path: Path) -> None:
    file = file_of(tmp_path, b'{"text": "From a file."}', "input.json")
    command("start_run", "assistant", "--input", file)
    assert WorkflowRun.objects.get().input == {"text": "From a file."}


def test_the_file_may_be_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    stdin = io.TextIOWrapper(io.BytesIO(b"Piped in."), encoding="utf-8")
    monkeypatch.setattr(sys, "stdin", stdin)
    command("start_run", "assistant", "--input", "@-")
    assert WorkflowRun.objects.get().input == {"text": "Piped in."}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"text": ', "The input is not JSON: Expecting value, line 1, column 10."),
        ('{"text": NaN}', "NaN"),
        ('{"text": 1e999}', "Infinity"),
        ('{"text": "\\u0000"}', "NUL character"),
        ('{"text": "\\ud800"}', "surrogate"),
        ('{"text": ' + "[" * 40 + "]" * 40 + "}", "more than 32 levels"),
        ('["a list"]', "is not a JSON object"),
        ('"text"', "is not a JSON object"),
        ("{}", "text: Field required"),
        ('{"text": 3}', "text: Input should be a valid string"),
        ('{"text": "a", "other": 1}', "other: "),
        ('{"text": "' + "x" * 300_000 + '"}', "more than the 262,144 allowed"),
    ],
)
def test_bad_input_is_refused_with_an_error_message(text: str, words: str) -> None:
    assert words in refusal("assistant", "--input", text)


def test_every_fault_of_the_input_is_reported() -> None:
    said = refusal("assistant", "--input", '{"text": 3, "other": 1}')
    assert "text: " in said
    assert "other: " in said


def test_a_bad_file_is_refused_with_its_name_and_line(tmp_path: Path) -> None:
    missing = tmp_path / "missing.txt"
    assert f"'{missing}' cannot be read: No such file" in (
        refusal("assistant", "--input", f"@{missing}")
    )
    assert "cannot be read: Is a directory" in refusal("assistant", "--input", f"@{tmp_path}")
    latin = file_of(tmp_path, "fine\ncaf\xe9\n".encode("latin-1"))
    assert "is not UTF-8: line 2 has the byte 0xE9" in refusal("assistant", "--input", latin)
    broken = file_of(tmp_path, b'{"text":\n "a",}', "broken.json")
    said = refusal("assistant", "--input", broken)
    assert "broken.json is not JSON" in said
    assert "line 2, column" in said
    null = file_of(tmp_path, b"a\x00b", "null.txt")
    assert "NUL character (at $.text)" in refusal("assistant", "--input", null)
    large = file_of(tmp_path, b"x" * 300_000, "large.txt")
    assert "more than the 262,144 bytes allowed" in refusal("assistant", "--input", large)


def test_a_bad_claim_is_refused_with_its_line(tmp_path: Path) -> None:
    file = file_of(tmp_path, b"claim,person\n", "claims.csv")
    assert "line 1" in refusal("expenses", "--input", file)


def test_the_error_of_an_unknown_workflow_lists_the_known_ones() -> None:
    said = refusal("nonesuch")
    assert "'nonesuch'" in said
    assert "assistant, expenses" in said


def test_the_same_key_starts_one_run_and_another_input_is_refused() -> None:
    first = ("assistant", "--input", '{"text": "One."}', "--key", "k1")
    command("start_run", *first)
    run = WorkflowRun.objects.get()
    assert command("start_run", *first) == (
        f"Run {run.pk} was started with this key before; it is queued.\n"
    )
    assert "'k1'" in refusal("assistant", "--input", '{"text": "Two."}', "--key", "k1")


@pytest.mark.parametrize(("key", "reported"), NO_KEYS)
def test_an_invalid_key_is_refused_by_the_command(key: str, reported: str) -> None:
    said = refusal("assistant", "--input", '{"text": "One."}', "--key", key)
    assert said == f"The idempotency key {reported}."


@pytest.mark.parametrize(("key", "reported"), [*NO_KEYS, (7, "is of type int, not a text")])
def test_an_invalid_key_is_refused_in_code(key: Any, reported: str) -> None:
    with pytest.raises(InvalidIdempotencyKey) as refused:
        WorkflowRun.objects.start("assistant", {"text": "One."}, idempotency_key=key)
    assert str(refused.value) == f"The idempotency key {reported}."
    assert WorkflowRun.objects.count() == 0


def test_a_key_may_have_200_characters_of_any_script() -> None:
    run = WorkflowRun.objects.start("assistant", {"text": "One."}, idempotency_key="ключ" * 50)
    again = WorkflowRun.objects.start("assistant", {"text": "One."}, idempotency_key="ключ" * 50)
    assert again.pk == run.pk


def test_true_and_one_are_different_inputs_for_the_same_key() -> None:
    WorkflowRun.objects.start("t-any", {"n": 1}, idempotency_key="k")
    with pytest.raises(IdempotencyConflict):
        WorkflowRun.objects.start("t-any", {"n": True}, idempotency_key="k")


def test_a_person_needs_the_permission_to_start_runs() -> None:
    given = ("assistant", "--input", '{"text": "One."}', "--as")
    carol = User.objects.create_user("carol")
    assert refusal(*given, "nobody") == "There is no user 'nobody'."
    assert refusal(*given, "carol") == "carol may not start runs."
    carol.user_permissions.add(Permission.objects.get(codename="add_workflowrun"))
    command("start_run", *given, "carol")
    assert WorkflowRun.objects.get().started_by == carol
    carol.is_active = False
    carol.save()
    assert refusal(*given, "carol") == "carol may not start runs."


def test_runs_lists_the_newest_first_and_filters() -> None:
    assert command("runs") == "No runs.\n"
    bob = User.objects.create_user("bob")
    old = WorkflowRun.objects.start("assistant", {"text": "One."}, by=bob)
    new = WorkflowRun.objects.start("assistant", {"text": "Two."})
    old.cancel()
    lines = command("runs").splitlines()
    assert lines[0].split() == ["RUN", "WORKFLOW", "STATUS", "OPEN", "STARTED", "BY"]
    assert [line.split()[0] for line in lines[1:]] == [str(new.pk), str(old.pk)]
    assert lines[2].split()[1:] == ["assistant", "cancelled", "0", "minutes", "ago", "bob"]
    assert str(old.pk) not in command("runs", "--status", "queued")
    assert str(old.pk) not in command("runs", "--limit", "1")
    assert command("runs", "--workflow", "other") == "No runs.\n"
    listed: list[dict[str, Any]] = json.loads(command("runs", "--json"))
    assert listed[1]["id"] == str(old.pk)
    assert listed[1]["status"] == "cancelled"
    assert listed[1]["started_by"] == "bob"
    assert listed[1]["open_requests"] == 0


def test_runs_refuses_an_invalid_limit() -> None:
    with pytest.raises(CommandError, match="at least 1"):
        command("runs", "--limit", "0")


def test_untrusted_text_contains_no_control_sequences_for_a_terminal() -> None:
    assert plain("a\x1b[2J\nb\u202e c") == "a\ufffd[2J b\ufffd c"
    assert plain("word " * 20, 10) == "word word…"
    assert table(("A", "BB"), [("1\x1b", "2"), ("333", "")]) == "A    BB\n1\ufffd   2\n333"


@pytest.mark.django_db(transaction=True)
class TestWaiting:
    """`start_run --wait` without a worker: the command runs the workflow itself."""

    def test_a_run_without_requests_ends_with_its_result(self) -> None:
        said = self.wait_for(lambda: {"figures": [1, 2]})
        assert "no worker was seen for 5 s" in said
        assert "  work completed" in said
        assert json.loads(said[said.index("{") :]) == {"figures": [1, 2]}

    def test_a_failed_run_is_an_error_that_names_the_step(self) -> None:
        def fail() -> None:
            raise ValueError("no figures\x1b[2J")

        with pytest.raises(CommandError, match="failed in step 'work': .*no figures") as failed:
            self.wait_for(fail)
        assert failed.value.returncode == 1
        assert "\x1b" not in str(failed.value)

    def test_a_request_is_shown_with_the_command_that_answers_it(self) -> None:
        class Terminal(io.StringIO):
            """A terminal: when the prompt is written, somebody answers the request elsewhere."""

            def write(self, text: str) -> int:
                if "waits for a person" in text:
                    request = WorkflowRun.objects.get().requests.get()
                    assert "Approve analysis for 'A text.'?" in text
                    assert f"manage.py answer {request.pk} --approve --as USER" in text
                    request.answer({"approved": True}, by=None, source="handler")
                return super().write(text)

        terminal = Terminal()
        arguments = ("assistant", "--input", '{"text": "A text."}', "--wait", "--timeout", "30")
        call_command("start_run", *arguments, stdout=terminal, no_color=True)
        assert terminal.getvalue().count("waits for a person") == 1
        assert "  a request was answered" in terminal.getvalue()
        assert '"outcome": "published"' in terminal.getvalue()

    def test_after_the_timeout_of_a_wait_the_run_continues(self) -> None:
        arguments = ("assistant", "--input", '{"text": "A text."}', "--wait", "--timeout", "0")
        with pytest.raises(CommandError, match="is queued after 0 s; it is not lost") as late:
            command("start_run", *arguments)
        assert late.value.returncode == 3

    def test_a_timeout_without_waiting_is_refused(self) -> None:
        assert refusal("assistant", "--timeout", "3") == "--timeout goes with --wait."

    def wait_for(self, result: Any) -> str:
        @step
        def work(event: StartEvent) -> StopEvent:
            return StopEvent(result=result())

        registry.register(Workflow("alone", steps=[work]))
        try:
            return command("start_run", "alone", "--wait", "--timeout", "20")
        finally:
            registry.unregister("alone")


def test_demo_reviewers_may_do_what_reviewers_do() -> None:
    from approvals.accounts import demo

    assert demo.is_first_start()
    started = demo.create_demo_data()
    assert not demo.is_first_start()
    assert WorkflowRun.objects.filter(started_by__username=demo.ADMIN).count() == started
    alice = User.objects.get(username="alice")
    assert alice.check_password("demo")
    assert alice.has_perm("approvals.add_decision")
    assert alice.has_perm("workflows.add_workflowrun")
    assert not alice.has_perm("workflows.change_workflowrun")
    assert Group.objects.get(name="reviewers").user_set.count() == len(demo.REVIEWERS)
    assert User.objects.get(username="admin").is_superuser


# Numbers keep their digits

LONG = "0.10000000000000000555"


@pytest.mark.parametrize(
    "written", [LONG, "1.10", "1e2", "12345678901234567890.5", "-0.50", "1E-7"]
)
@pytest.mark.parametrize("way", ["typed in", "file", "standard input"])
def test_a_decimal_keeps_its_digits(
    written: str, way: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f"""{{"amount": {written}, "amounts": {{"a": {written}}}, "Named": {written},
        "rows": [["x", {written}], ["y", null]]}}"""
    if way == "file":
        text = file_of(tmp_path, text.encode(), "input.json")
    elif way == "standard input":
        stdin = io.TextIOWrapper(io.BytesIO(text.encode()), encoding="utf-8")
        monkeypatch.setattr(sys, "stdin", stdin)
        text = "@-"
    command("start_run", "t-amounts", "--input", text)
    event = registry.get("t-amounts").start_event(WorkflowRun.objects.get().input)
    assert isinstance(event, Amounts)
    exact = Decimal(written)
    found = [event.amount, event.amounts["a"], event.named, event.rows[0][1]]
    assert [one.as_tuple() for one in found if one is not None] == [exact.as_tuple()] * 4


def test_a_field_that_is_given_by_its_name_keeps_its_digits_too() -> None:
    command("start_run", "t-amounts", "--input", f'{{"named": {LONG}}}')
    assert WorkflowRun.objects.get().input["named"] == LONG


def test_a_number_in_a_float_field_is_rounded_and_in_a_text_field_refused() -> None:
    command("start_run", "t-amounts", "--input", f'{{"rate": {LONG}}}')
    assert WorkflowRun.objects.get().input["rate"] == 0.1
    said = refusal("t-amounts", "--input", f'{{"text": {LONG}}}')
    assert "text: Input should be a valid string" in said


def test_an_integer_of_any_length_keeps_all_digits() -> None:
    digits = "9" * 60
    data = f'{{"count": {digits}, "amount": {digits}, "anything": {digits}}}'
    command("start_run", "t-amounts", "--input", data)
    run = WorkflowRun.objects.get()
    assert run.input["count"] == run.input["anything"] == int(digits)
    assert run.input["amount"] == digits


@pytest.mark.parametrize("name", ["t-any", "t-amounts"])
def test_a_number_of_unknown_type_has_to_fit_into_a_float(name: str) -> None:
    said = refusal(name, "--input", f'{{"anything": [1, {{"n": {LONG}}}]}}')
    assert said == (
        f"The input has the number {LONG}, of which a float keeps 0.1; "
        "write it in quotes to keep all of it as a text (at $.anything[1].n)."
    )
    command("start_run", name, "--input", '{"anything": [1.10, 1e2, 0.1]}')
    assert WorkflowRun.objects.get().input["anything"] == [1.1, 100.0, 0.1]


def test_the_same_key_with_the_same_digits_is_the_same_run() -> None:
    first = ("t-amounts", "--input", f'{{"amount": {LONG}}}', "--key", "k")
    command("start_run", *first)
    assert "before" in command("start_run", *first)
    other = f'{{"amount": {LONG}0}}'
    assert "'k'" in refusal("t-amounts", "--input", other, "--key", "k")
