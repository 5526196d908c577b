"""The metrics for Prometheus, and the content of log lines."""

from __future__ import annotations

import json
import logging
import socket
import sys
import urllib.request
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection
from django.test import Client
from django.utils import timezone
from prometheus_client import REGISTRY

from blazen_site.logs import JsonLines, LogContextFilter
from tests.support import flows
from tests.support.factories import make_request, make_run
from workflows.engine import StartEvent, StopEvent, Workflow, step
from workflows.models import WorkerHeartbeat, WorkflowRun
from workflows.observability import log_context, metrics
from workflows.observability.database_metrics import DATABASE_REGISTRY

Drive = Callable[[], None]

logger = logging.getLogger("tests.steps")


@step
async def log_aloud(event: StartEvent) -> StopEvent:
    logger.warning("from the loop")
    return StopEvent()


@step
def log_in_thread(event: StartEvent) -> StopEvent:
    logger.warning("from a thread")
    return StopEvent()


ALOUD = Workflow("t-aloud", steps=[log_aloud])
THREAD = Workflow("t-thread", steps=[log_in_thread])


class Lines(logging.Handler):
    """Collects log lines in the format of production."""

    def __init__(self) -> None:
        super().__init__()
        self.setFormatter(JsonLines())
        self.addFilter(LogContextFilter())
        self.lines: list[dict[str, Any]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(json.loads(self.format(record)))


@pytest.fixture
def lines(caplog: pytest.LogCaptureFixture) -> Iterator[list[dict[str, Any]]]:
    handler = Lines()
    caplog.set_level(logging.INFO, "workflows.worker.commit.telemetry")
    logging.getLogger().addHandler(handler)
    yield handler.lines
    logging.getLogger().removeHandler(handler)


def value(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(name, labels) or 0.0


def of_rows(name: str, **labels: str) -> float | None:
    return DATABASE_REGISTRY.get_sample_value(name, labels)


def broken(*_: object) -> None:
    """Fail like a database that is not reachable."""
    raise OperationalError("the database is away")


# Who may read them


@pytest.mark.django_db
def test_unknown_clients_get_no_metrics(client: Client) -> None:
    response = client.get("/metrics")
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert b"blazen" not in response.content


@pytest.mark.django_db
def test_without_a_token_in_the_settings_every_token_is_refused(
    client: Client, settings: Any
) -> None:
    settings.METRICS_TOKEN = ""
    for given in ("Bearer ", "Bearer", "", "Bearer None"):
        assert client.get("/metrics", headers={"Authorization": given}).status_code == 401


@pytest.mark.django_db
def test_the_right_token_is_accepted_and_a_wrong_one_refused(client: Client, settings: Any) -> None:
    settings.METRICS_TOKEN = "open sesame"
    right = client.get("/metrics", headers={"Authorization": "Bearer open sesame"})
    assert right.status_code == 200
    assert right.headers["Content-Type"].startswith("text/plain")
    assert "blazen_queue_depth" in right.text
    assert "blazen_commit_seconds_bucket" in right.text
    for given in ("Bearer open", "open sesame", "Bearer öpen sesame"):
        assert client.get("/metrics", headers={"Authorization": given}).status_code == 401


@pytest.mark.django_db
def test_staff_may_read_them_and_others_may_not(client: Client) -> None:
    client.force_login(User.objects.create_user("alice"))
    assert client.get("/metrics").status_code == 403
    client.force_login(User.objects.create_user("olga", is_staff=True))
    assert client.get("/metrics").status_code == 200


@pytest.mark.django_db
def test_metrics_are_never_redirected_and_accept_no_post(client: Client, settings: Any) -> None:
    settings.SECURE_SSL_REDIRECT = True
    assert client.get("/metrics").status_code == 401
    assert client.post("/metrics").status_code == 405


# Values


@pytest.mark.django_db
def test_waiting_requests_are_counted_by_waiting_time() -> None:
    now = timezone.now()
    for age in (timedelta(seconds=5), timedelta(minutes=5), timedelta(days=2)):
        make_request(created_at=now - age)
    make_request(created_at=now - timedelta(days=30), status="cancelled")
    found = {
        age: of_rows("blazen_requests_pending", waited=age) for age in ("0s", "1m", "1h", "7d")
    }
    assert found == {"0s": 3, "1m": 2, "1h": 1, "7d": 0}
    assert (of_rows("blazen_request_oldest_seconds") or 0) > timedelta(days=2).total_seconds() - 1


@pytest.mark.django_db
def test_the_queue_counts_the_runs_that_a_worker_could_lease() -> None:
    now = timezone.now()
    make_run(status="queued")
    make_run(status="waiting", wake_at=now + timedelta(hours=1))
    make_run(status="running", wake_at=now - timedelta(seconds=1))  # its worker has ended
    make_run(status="running", wake_at=now + timedelta(seconds=5))
    make_run(status="waiting")
    make_run(status="failed")
    make_run(status="completed")
    WorkerHeartbeat.objects.create(id="here", started_at=now, seen_at=now)
    WorkerHeartbeat.objects.create(id="gone", started_at=now, seen_at=now - timedelta(minutes=5))
    assert of_rows("blazen_queue_depth") == 2
    assert of_rows("blazen_runs", status="running") == 2
    assert of_rows("blazen_runs", status="failed") == 1
    assert of_rows("blazen_runs", status="blocked") == 0
    assert of_rows("blazen_workers") == 1


@pytest.mark.django_db
def test_without_a_database_the_metrics_show_it_and_the_others_remain(
    client: Client, settings: Any
) -> None:
    settings.METRICS_TOKEN = "open"
    with connection.execute_wrapper(broken):
        response = client.get("/metrics", headers={"Authorization": "Bearer open"})
    assert response.status_code == 200
    assert "blazen_database_up 0.0" in response.text
    assert "blazen_sockets" in response.text
    assert "blazen_queue_depth" not in response.text


@pytest.mark.django_db(transaction=True)
def test_a_worker_measures_leases_commits_and_steps(
    drive: Drive, register: Callable[[Workflow], Workflow]
) -> None:
    register(flows.ASK)
    names = ("blazen_lease_seconds_count", "blazen_commit_seconds_count",
             "blazen_runs_leased_total")  # fmt: skip
    before = [value(name) for name in names]
    WorkflowRun.objects.start(flows.ASK, {})
    drive()
    assert all(value(name) > was for name, was in zip(names, before, strict=True))
    step = {"workflow": "t-ask", "step": "ask", "outcome": "completed"}
    assert value("blazen_step_seconds_count", **step) >= 1


@pytest.mark.django_db(transaction=True)
def test_a_takeover_is_counted(drive: Drive, register: Callable[[Workflow], Workflow]) -> None:
    register(flows.ASK)
    before = value("blazen_takeovers_total")
    run = WorkflowRun.objects.start(flows.ASK, {})
    WorkflowRun.objects.filter(pk=run.pk).update(status="running", lease_owner="somebody dead")
    drive()
    assert value("blazen_takeovers_total") == before + 1


def test_a_worker_serves_its_metrics_to_this_machine_only() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    stop = metrics.serve(port)
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as response:
        text = response.read().decode()
    stop()
    assert "blazen_runs_active" in text
    assert "blazen_queue_depth" not in text, "only web processes count rows"


# What is logged


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("workflow", [ALOUD, THREAD], ids=["async", "def"])
def test_log_lines_of_a_step_have_the_id_of_its_run(
    drive: Drive,
    register: Callable[[Workflow], Workflow],
    lines: list[dict[str, Any]],
    workflow: Workflow,
) -> None:
    register(workflow)
    run = WorkflowRun.objects.start(workflow, {})
    drive()
    said = next(line for line in lines if line["logger"] == "tests.steps")
    assert said["message"].startswith("from ")
    assert said["level"] == "WARNING"
    assert said["run_id"] == str(run.pk)
    assert said["step"] == next(iter(workflow.steps))


@pytest.mark.django_db(transaction=True)
def test_all_log_lines_of_a_run_have_its_id(
    drive: Drive, register: Callable[[Workflow], Workflow], lines: list[dict[str, Any]]
) -> None:
    register(flows.ASK)
    run = WorkflowRun.objects.start(flows.ASK, {})
    drive()
    request = run.requests.get()
    request.answer({"approved": True}, by=User.objects.create_user("alice"), source="inbox")
    drive()
    reported = [line for line in lines if line["logger"] == "workflows.worker.commit.telemetry"]
    assert [line["message"] for line in reported] == [
        "A request waits for an answer.", "An answer was applied.", "The run is completed.",
    ]  # fmt: skip
    assert {line["run_id"] for line in reported} == {str(run.pk)}
    assert {line["request_id"] for line in reported[:2]} == {str(request.pk)}
    assert (reported[1]["by"], reported[1]["source"]) == ("alice", "inbox")
    assert "approved" not in json.dumps(reported), "an answer may be confidential"


@pytest.mark.django_db
def test_a_refused_request_is_logged_with_the_ids_of_its_address(
    client: Client, lines: list[dict[str, Any]]
) -> None:
    run = make_run()
    client.force_login(User.objects.create_user("alice"))
    assert client.get(f"/runs/{run.pk}/").status_code == 404
    said = next(line for line in lines if line["logger"] == "django.request")
    assert (said["run_id"], said["status_code"]) == (str(run.pk), 404)
    assert "request" not in said
    assert log_context.current() == {}, "the context of a request must not reach the next one"


def test_a_traceback_is_in_the_log_line_of_its_error() -> None:
    try:
        raise ValueError("bad\nthing")
    except ValueError:
        record = logging.LogRecord(
            "x", logging.ERROR, "file", 1, "It broke: %s", ("why",), sys.exc_info()
        )
    line = JsonLines().format(record)
    assert "\n" not in line
    said = json.loads(line)
    assert said["message"] == "It broke: why"
    assert "ValueError: bad\nthing" in said["exception"]
