"""The threads of one process write to SQLite in the order of their requests."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from django.contrib.auth.models import Group
from django.db import connection, transaction
from django.db.utils import OperationalError

from workflows.sqlite3.base import lock_of
from workflows.sqlite3.fair_lock import FairLock

pytestmark = pytest.mark.django_db(transaction=True)


def in_a_thread(work: Callable[[], None]) -> threading.Thread:
    def run() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def lock() -> FairLock:
    return lock_of(str(connection.settings_dict["NAME"]))


def test_threads_write_in_the_order_of_their_requests() -> None:
    names, threads = ["first", "second", "third", "fourth"], []

    def write(name: str) -> None:
        with transaction.atomic():
            Group.objects.create(name=name)

    with transaction.atomic():
        for place, name in enumerate(names, start=1):
            threads.append(in_a_thread(lambda name=name: write(name)))  # type: ignore[misc]
            while len(lock()) < place:
                time.sleep(0.001)
    for thread in threads:
        thread.join()
    made = Group.objects.filter(name__in=names).order_by("pk").values_list("name", flat=True)
    assert list(made) == names


@pytest.mark.parametrize("ending", ["raised", "closed"])
def test_a_failed_transaction_releases_the_lock(ending: str) -> None:
    @transaction.atomic
    def fail() -> None:
        if ending == "closed":
            connection.close()
        raise ZeroDivisionError

    def try_it() -> None:
        with pytest.raises(ZeroDivisionError):
            fail()

    in_a_thread(try_it).join()
    with transaction.atomic():
        Group.objects.create(name="after it")
    assert Group.objects.filter(name="after it").exists()


def test_a_thread_that_waits_too_long_gets_an_error_and_leaves_the_queue() -> None:
    reported = []

    def wait() -> None:
        connection.settings_dict = connection.settings_dict | {
            "OPTIONS": connection.settings_dict["OPTIONS"] | {"timeout": 0.01}
        }
        with pytest.raises(OperationalError) as error, transaction.atomic():
            pass
        reported.append(str(error.value))

    with transaction.atomic():
        in_a_thread(wait).join()
        assert len(lock()) == 0
    assert reported == ["The database is locked by another thread."]
    with transaction.atomic():
        Group.objects.create(name="after it")


def test_placeholders_are_converted_for_sqlite() -> None:
    with connection.cursor() as cursor:
        for given in ("%s", "100 %"):  # the second time from the cache
            cursor.execute("SELECT '100%%', %s", [given])
            assert cursor.fetchone() == ("100%", given)
        cursor.execute("SELECT %(one)s || %(other)s", {"one": "a", "other": "b"})
        assert cursor.fetchone() == ("ab",)
        cursor.execute("SELECT '%s'")
        assert cursor.fetchone() == ("%s",)
