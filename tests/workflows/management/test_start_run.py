"""`manage.py start_run` starts a run, or refuses its input with an error message."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management.base import CommandError

from tests.support.factories import make_user
from tests.workflows.management.commands import (
    command,
    file_of,
    refusal,
)
from workflows.models import WorkflowRun

pytestmark = pytest.mark.django_db


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
