"""`manage.py start_run --wait` without a worker."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from tests.workflows.management.commands import (
    command,
    refusal,
)
from workflows.engine import StartEvent, StopEvent, Workflow, registry, step
from workflows.models import WorkflowRun

pytestmark = pytest.mark.django_db


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
