"""SQLite's write-ahead log stays small. If a query prevents this, a warning names its thread."""

from __future__ import annotations

import contextlib
import logging
import threading
from collections.abc import Iterator

import pytest
from django.contrib.auth.models import User
from django.db import connection, transaction

from tests.support.worker_control import at_work, run_async
from workflows.sqlite3 import base, wal
from workflows.worker import Worker

pytestmark = pytest.mark.django_db(transaction=True)


def write(count: int) -> None:
    """Write rows, so that the write-ahead log grows."""
    for number in range(count):
        with transaction.atomic():
            User.objects.update_or_create(username=f"u{number}", defaults={"first_name": "x" * 100})


@contextlib.contextmanager
def reading(name: str) -> Iterator[None]:
    """Keep a query open in a thread with this name."""
    begun, over = threading.Event(), threading.Event()

    def read() -> None:
        found = User.objects.iterator(chunk_size=1)
        next(found)
        begun.set()
        over.wait(30)
        del found
        connection.close()

    thread = threading.Thread(target=read, name=name)
    thread.start()
    assert begun.wait(20)
    try:
        yield
    finally:
        over.set()
        thread.join()


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Treat every log that is not empty as large."""
    monkeypatch.setattr(wal, "MAX_SIZE", 0)
    monkeypatch.setattr(wal, "CHECK_INTERVAL", 0.0)


def test_a_large_log_is_truncated(small: None) -> None:
    write(20)
    assert wal.size_of_log() > 0
    wal.WriteAheadLog().check()
    assert wal.size_of_log() == 0


def test_the_warning_names_the_reading_thread_and_the_log_is_truncated_afterwards(
    small: None, caplog: pytest.LogCaptureFixture
) -> None:
    write(20)
    log = wal.WriteAheadLog()
    with reading("slow-report"):
        write(20)
        log.check()
        log.check()
    messages = [one.message for one in caplog.records if "write-ahead log" in one.message]
    assert len(messages) == 1, "The warning comes once a minute."
    assert "'slow-report' has a query open" in messages[0]
    log.check()
    assert wal.size_of_log() == 0


def test_a_log_of_the_usual_size_is_not_truncated() -> None:
    write(5)
    size = wal.size_of_log()
    wal.WriteAheadLog().check()
    assert wal.size_of_log() == size > 0


def test_a_worker_that_ends_empties_the_log() -> None:
    write(20)

    async def scenario() -> None:
        async with at_work(Worker()):
            pass

    run_async(scenario())
    assert wal.size_of_log() == 0


def test_a_new_connection_truncates_a_long_log() -> None:
    with connection.cursor() as cursor:
        limit = cursor.execute("PRAGMA journal_size_limit").fetchone()[0]
    assert limit == wal.MAX_SIZE


def test_the_busy_timeout_of_the_connection_is_restored() -> None:
    def busy_timeout() -> int:
        with connection.cursor() as cursor:
            return int(cursor.execute("PRAGMA busy_timeout").fetchone()[0])

    before = busy_timeout()
    assert wal.truncate()
    assert busy_timeout() == before


def test_a_query_that_was_read_to_its_end_is_not_open() -> None:
    write(3)
    list(User.objects.all())
    User.objects.count()
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")
        reader = base.oldest_reader()
        assert reader is not None
        assert reader.thread == threading.current_thread().name
    assert base.oldest_reader() is None


def test_a_long_transaction_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(base, "SLOW_TRANSACTION", 0.0)
    with caplog.at_level(logging.WARNING), transaction.atomic():
        User.objects.create(username="one")
    assert "A transaction of the thread" in caplog.text
