"""The page of runs that a worker ran: their requests and their progress."""

from __future__ import annotations

import pytest
from django.test import Client

from tests.support.clients import desk_of
from tests.support.journals import body
from tests.support.people import make_operator
from tests.support.worker_control import Drive, Register, fresh
from workflows.engine import (
    Context,
    Event,
    InputRequestEvent,
    InputResponseEvent,
    StartEvent,
    StopEvent,
    Workflow,
    step,
)
from workflows.management.cli.wait import question
from workflows.models import InputRequest, WorkflowRun

pytestmark = pytest.mark.django_db(transaction=True)


class Read(Event):
    pass


@step
async def read(event: StartEvent, ctx: Context) -> Read:
    ctx.progress(0.5, "half of it is read")
    ctx.write_event_to_stream(Read())
    return Read()


@step
async def ask(event: Read) -> list[InputRequestEvent]:
    prompts = ("# The **first**?\n\nIts text", "The second?")
    return [InputRequestEvent(prompt=prompt) for prompt in prompts]


@step
async def end(event: InputResponseEvent) -> StopEvent:
    return StopEvent()


QUESTIONS = Workflow("t-questions", steps=[read, ask, end])


@pytest.fixture
def run(drive: Drive, register: Register) -> WorkflowRun:
    register(QUESTIONS)
    run = WorkflowRun.objects.start(QUESTIONS, {})
    drive()
    return fresh(run)


def test_each_request_has_a_line_in_the_history_above_the_step_that_asked(run: WorkflowRun) -> None:
    page = body(desk_of(make_operator("olga")), run)
    history = page[page.index('<table class="history">') :]
    words = ["The second?", "The first?", "<code>ask</code>", "<code>read</code>"]
    places = [history.index(one) for one in words[:2]] + [history.rindex(one) for one in words[2:]]
    assert places == sorted(places)
    assert history.count("Asked:") == 2


def test_the_progress_of_a_step_is_removed_when_the_step_completes(
    run: WorkflowRun,
) -> None:
    assert run.progress == {"stream": [{"type": "Read", "data": {}}]}
    page = body(desk_of(make_operator("olga")), run)
    assert "half of it is read" not in page
    assert "<progress" not in page


def test_a_prompt_in_markdown_is_plain_text_in_the_command_and_in_the_lists_of_the_admin(
    run: WorkflowRun, admin_client: Client
) -> None:
    first = InputRequest.objects.get(prompt__startswith="#")
    assert "waits for a person: The first?\n" in question(first)
    listed = admin_client.get("/admin/workflows/inputrequest/").content.decode()
    assert ">The first?</a>" in listed
    assert "**first**" not in listed
