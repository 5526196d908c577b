"""Pruning old history: what is deleted, what is kept, and what the pages show then."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.test import Client
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from approvals import actions
from approvals.models import Decision
from tests.support import flows
from tests.support.factories import make_reviewer
from workflows import retention
from workflows.engine import (
    BadSnapshot,
    Context,
    Event,
    StartEvent,
    StopEvent,
    Workflow,
    WorkflowSnapshot,
    step,
)
from workflows.engine.machine.journal import Transition
from workflows.errors import HistoryPruned
from workflows.models import Delivery, InputRequest, JournalEntry, Snapshot, WorkflowRun
from workflows.retention.compact import superfluous
from workflows.retention.prune import _cut_history, _remove
from workflows.worker import active_run, snapshot_of

Drive = Callable[[], None]
pytestmark = pytest.mark.django_db(transaction=True)

LONG_AGO = timedelta(days=100)


class Turn(Event):
    left: int


@step
async def begin(event: StartEvent) -> Turn:
    return Turn(left=event.turns)  # type: ignore[attr-defined]


@step
async def turn(event: Turn, ctx: Context) -> Turn | StopEvent:
    ctx.update("turns", lambda n: (n or 0) + 1)
    return Turn(left=event.left - 1) if event.left else StopEvent(result=ctx.get("turns"))


@step
async def give_up(event: StartEvent) -> StopEvent:
    raise ValueError("no")


LOOP = Workflow("t-loop", steps=[begin, turn])
FAILS = Workflow("t-fails", steps=[give_up])


@pytest.fixture(autouse=True)
def known(register: Callable[[Workflow], Workflow]) -> None:
    for workflow in (*flows.ALL, LOOP, FAILS):
        register(workflow)


@pytest.fixture
def root(client: Client) -> Client:
    client.force_login(User.objects.create_superuser("root"))
    return client


def prune(*options: str) -> str:
    out = io.StringIO()
    call_command("prune", "--older-than", "90d", *options, stdout=out)
    return out.getvalue()


def ended(drive: Drive, workflow: Workflow = flows.ORM, **input: Any) -> WorkflowRun:
    """Return a run without requests that ended long ago."""
    run = WorkflowRun.objects.start(workflow, input)
    drive()
    return aged(run)


def decided(drive: Drive) -> WorkflowRun:
    """Return a run with a person's decision that ended long ago."""
    run = WorkflowRun.objects.start(flows.ASK, {})
    drive()
    alice = User.objects.filter(username="alice").first() or make_reviewer("alice")
    actions.decide(alice, run.requests.get().pk, {"approved": True}, source="test")
    drive()
    return aged(run)


def aged(run: WorkflowRun) -> WorkflowRun:
    long_ago = timezone.now() - LONG_AGO
    rows = WorkflowRun.objects.filter(pk=run.pk)
    assert rows.update(created_at=long_ago, finished_at=long_ago) == 1
    return rows.get()


def history(run: WorkflowRun) -> list[int]:
    models: Any = (JournalEntry, Snapshot, Delivery)
    return [model.objects.filter(run=run.pk).count() for model in models]


def test_a_run_without_decisions_is_deleted_completely(drive: Drive) -> None:
    run = ended(drive)
    assert "Deleted 1 runs" in prune()
    assert not WorkflowRun.objects.filter(pk=run.pk).exists()
    assert history(run) == [0, 0, 0]


def test_a_run_with_a_decision_keeps_its_row_its_requests_and_the_decision(drive: Drive) -> None:
    run = decided(drive)
    before = Decision.objects.values().get()
    assert min(history(run)) > 0
    assert "the history of 1 more" in prune()
    assert history(run) == [0, 0, 0]
    kept = WorkflowRun.objects.get(pk=run.pk)
    assert kept.result == run.result
    assert InputRequest.objects.get(run=run).response == {"approved": True}
    assert Decision.objects.values().get() == before


def test_a_run_with_a_comment_keeps_its_row_and_the_comment(drive: Drive) -> None:
    run = WorkflowRun.objects.start(flows.ASK, {})
    drive()
    actions.comment(make_reviewer("carol"), run.requests.get().pk, "Is this new?")
    run.refresh_from_db()
    run.cancel()
    aged(run)
    assert "the history of 1 more" in prune()
    assert InputRequest.objects.get(run=run).comments.get().text == "Is this new?"


def test_a_pruned_run_is_not_read_again(drive: Drive) -> None:
    decided(drive)
    prune()
    assert "Deleted 0 runs, and the history of 0 more" in prune()


def test_open_runs_and_runs_that_ended_recently_are_kept(drive: Drive) -> None:
    lately = WorkflowRun.objects.start(flows.ORM, {})
    waiting = WorkflowRun.objects.start(flows.ASK, {})
    drive()
    WorkflowRun.objects.filter(pk=waiting.pk).update(created_at=timezone.now() - LONG_AGO)
    prune()
    assert all(history(run)[0] for run in (lately, waiting))


def test_a_dry_run_prints_the_same_numbers_and_changes_nothing(drive: Drive) -> None:
    runs = [ended(drive), ended(drive), decided(drive)]
    before = [history(run) for run in runs]
    said = prune("--dry-run")
    assert "Would delete 2 runs, and the history of 1 more" in said
    assert [history(run) for run in runs] == before
    assert "Deleted 2 runs, and the history of 1 more" in prune()


def test_it_prunes_in_many_small_batches(drive: Drive, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention.prune, "PAGE_SIZE", 4)
    monkeypatch.setattr(retention.prune, "BATCH_SIZE", 2)
    monkeypatch.setattr(retention.prune, "MAX_ROWS", 2)
    for _ in range(5):
        ended(drive)
    decided(drive)
    said = prune()
    assert said.count("so far") == 3
    assert "Deleted 5 runs, and the history of 1 more" in said
    assert not JournalEntry.objects.exists()


@pytest.mark.parametrize("text", ["", "90", "0d", "-1d", "d", "90y", "1.5d", "999999d"])
def test_an_invalid_age_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(CommandError, match="like 12h, 90d or 52w"):
        call_command("prune", f"--older-than={text}")


def test_a_failed_run_without_history_cannot_be_retried(drive: Drive) -> None:
    run = ended(drive, FAILS)
    cut = _cut_history([run.pk], timezone.now())
    assert cut, "as if the command had been stopped in the middle"
    with pytest.raises(HistoryPruned, match="history was pruned"):
        run.retry()
    assert WorkflowRun.objects.get(pk=run.pk).status == "failed"
    prune()
    assert not WorkflowRun.objects.filter(pk=run.pk).exists()


def test_a_run_that_was_retried_meanwhile_is_not_pruned(drive: Drive) -> None:
    run = ended(drive, FAILS)
    run.retry()
    before = history(run)
    assert not _cut_history([run.pk], timezone.now())
    assert _remove([run.pk], timezone.now()).whole == 0
    assert history(run) == before


def test_the_pages_of_a_pruned_run_show_that_it_was_pruned(drive: Drive, root: Client) -> None:
    run = decided(drive)
    request = run.requests.get()
    prune()
    page = root.get(f"/runs/{run.pk}/")
    assert page.status_code == 200
    assert "The history of this run was pruned." in page.text
    assert "Nothing has happened yet" not in page.text
    assert root.get(f"/runs/{run.pk}/?before=3").status_code == 200
    assert root.get(f"/runs/{run.pk}/snapshot.json").status_code == 404
    assert root.get(f"/requests/{request.pk}/").status_code == 200
    for path in ("", f"{run.pk}/change/"):
        assert root.get(f"/admin/workflows/workflowrun/{path}").status_code == 200
    with pytest.raises(BadSnapshot, match="was pruned"):
        snapshot_of(WorkflowRun.objects.get(pk=run.pk))


def test_a_long_loop_keeps_its_recent_history_and_completes(
    drive: Drive, settings: Any, root: Client
) -> None:
    settings.JOURNAL_KEEP = 120
    run = WorkflowRun.objects.start(LOOP, {"turns": 450})
    drive()
    done = WorkflowRun.objects.get(pk=run.pk)
    assert (done.status, done.result) == ("completed", 451)
    kept = list(done.journal.order_by("seq").values_list("seq", flat=True))
    assert kept == list(range(kept[0], done.seq + 1)), "no gaps, up to the end"
    assert 120 <= len(kept) <= 120 + 2 * 100
    base = done.snapshots.order_by("seq").first()
    assert base is not None
    assert base.seq == kept[0] - 1, "the first snapshot is just before the first kept entry"
    for seq in (base.seq, kept[0], done.seq):
        assert snapshot_of(done, seq).state().seq == seq
    with pytest.raises(BadSnapshot, match="was pruned"):
        snapshot_of(done, base.seq - 1)
    page = root.get(f"/runs/{run.pk}/?before={kept[20]}")
    assert f"Events before #{kept[0]} were pruned." in page.text


def test_a_loop_keeps_few_snapshots_from_which_each_state_can_be_computed(
    drive: Drive, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.JOURNAL_KEEP = 200
    monkeypatch.setattr(active_run, "SNAPSHOT_EVERY", 3)
    run = WorkflowRun.objects.start(LOOP, {"turns": 350})
    drive()
    done = WorkflowRun.objects.get(pk=run.pk)
    assert (done.status, done.result) == ("completed", 351)
    entries = list(done.journal.order_by("seq"))
    seqs = list(done.snapshots.order_by("seq").values_list("seq", flat=True))
    assert 200 <= len(entries) <= 200 + 20 + 3 * 3, (
        "the journal is pruned although few snapshots are left"
    )
    assert len(seqs) <= len(entries) // 20 + 3
    assert seqs[0] == entries[0].seq - 1
    state = snapshot_of(done, seqs[0]).state()
    for entry in entries:
        state.apply(Transition.from_json(entry.kind, entry.step, entry.data))
        step_by_step = WorkflowSnapshot.of(done.workflow, done.signature, str(done.pk), state)
        assert snapshot_of(done, entry.seq).data == step_by_step.data, entry.seq


@given(st.sets(st.integers(0, 3000)), st.integers(1, 500))
def test_after_thinning_each_entry_has_a_snapshot_nearby(seqs: set[int], apart: int) -> None:
    kept = sorted(seqs - superfluous(seqs, apart))
    assert kept[-2:] == sorted(seqs)[-2:], "the newest two stay"
    assert kept[:1] == sorted(seqs)[:1], "and the one just before the journal"
    assert len(kept) <= 3000 // apart + 3
    for seq in seqs:
        assert seq - max(one for one in kept if one <= seq) < apart
    assert not superfluous(kept, apart), "a second time deletes nothing"


def test_the_command_prunes_long_journals_of_open_runs(
    drive: Drive, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = WorkflowRun.objects.start(LOOP, {"turns": 350})
    drive()
    # As if the run were still open: suspended, with its whole history.
    JournalEntry.objects.filter(run=run, kind="completed").prune()
    seq = JournalEntry.objects.filter(run=run).count()
    WorkflowRun.objects.filter(pk=run.pk).update(
        status="paused", finished_at=None, result=None, seq=seq
    )
    settings.JOURNAL_KEEP = 100
    monkeypatch.setattr(retention.compact, "MAX_ROWS", 90)
    assert "Cut 200 entries" in prune()
    assert "Cut 0 entries" in prune()
    left = WorkflowRun.objects.get(pk=run.pk)
    assert left.journal.count() == seq - 200
    assert snapshot_of(left).state().seq == seq
