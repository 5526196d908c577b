"""Reminder mails: one for each person who may still decide, with one safe line of text."""

from __future__ import annotations

import logging
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group, User
from django.core import mail

from approvals import actions
from tests.support.factories import make_run, make_user
from tests.support.people import asked_of, decide, soon
from tests.support.polling import until
from workflows.models import InputRequest, database_now
from workflows.worker.sweep import deadlines, reminders
from workflows.worker.sweep.mail_subject import subject_line

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("answerable")]

SECRET = "the codename is Heron"


class MailServer(threading.Thread):
    """A small SMTP server. `answers` has, for each mailbox, the refusals that it gives in turn."""

    def __init__(self, answers: dict[str, list[str]]) -> None:
        super().__init__(daemon=True)
        self.answers = answers
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.asked: Counter[str] = Counter()
        self.received: list[tuple[str, str]] = []

    def run(self) -> None:
        """Serve one connection after another until the socket is closed."""
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as stream:
                self.serve(stream)

    def serve(self, stream: Any) -> None:
        """Answer the commands of one connection."""
        to = ""

        def reply(line: str) -> None:
            stream.write(f"{line}\r\n".encode())
            stream.flush()

        reply("220 here")
        for raw in stream:
            line = raw.decode().strip()
            verb = line[:4].upper()
            if verb == "RCPT":
                to = line.partition("<")[2].partition("@")[0]
                self.asked[to] += 1
                left = self.answers.get(to, [])
                said = left.pop(0) if left else "250 ok"
                if said == "hang up":
                    return
                reply(said)
            elif verb == "DATA":
                reply("354 go on")
                text = b"".join(iter(stream.readline, b".\r\n")).decode()
                if to == "lost":
                    return  # the client does not learn whether the mail was accepted
                self.received.append((to, text))
                reply("250 taken")
            elif verb == "QUIT":
                reply("221 bye")
                return
            else:
                reply("250 ok")


@pytest.fixture
def answers() -> dict[str, list[str]]:
    return {}


@pytest.fixture
def server(
    answers: dict[str, list[str]], settings: Any, monkeypatch: pytest.MonkeyPatch
) -> Iterator[MailServer]:
    running = MailServer(answers)
    running.start()
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", running.port
    monkeypatch.setattr(reminders, "RETRY_DELAYS", (0.0, 0.0))
    yield running
    running.socket.close()


def person(name: str, **columns: Any) -> User:
    return make_user(name, "approvals.add_decision", email=f"{name}@example.com", **columns)


def remind(request: InputRequest) -> None:
    """Make the reminder of a request due, and sweep."""
    InputRequest.objects.filter(pk=request.pk).update(
        remind_at=soon(seconds=-1), next_notification_at=soon(seconds=-1), reminded_at=None
    )
    deadlines.sweep(database_now())


def sent_to() -> list[str]:
    """Wait for the mail thread, and return the addresses that got a mail."""
    reminders._mail_thread.submit(lambda: None).result(timeout=30)
    return sorted(one.to[0].partition("@")[0] for one in mail.outbox)


def names(server: MailServer) -> list[str]:
    return sorted(to for to, _ in server.received)


def test_a_refused_address_does_not_stop_the_other_reminders(
    server: MailServer, answers: dict[str, list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    answers |= {"full": ["550 no such mailbox"], "rude": ["hang up"]}
    people = [person(name) for name in ("anna", "full", "mona", "rude", "zoe")]
    remind(asked_of(*people, prompt=SECRET))
    until(lambda: len(server.received) == 3)
    assert names(server) == ["anna", "mona", "zoe"]
    until(lambda: len(caplog.records) == 2)
    assert (server.asked["full"], server.asked["rude"]) == (1, 1)
    assert SECRET not in caplog.text
    assert "example.com" not in caplog.text
    assert f"user {people[1].pk} could not be sent: SMTPRecipientsRefused" in caplog.text


def test_a_busy_mailbox_is_tried_again_and_no_mail_is_sent_twice(
    server: MailServer, answers: dict[str, list[str]]
) -> None:
    answers["busy"] = ["451 later", "451 later"]
    remind(asked_of(*[person(name) for name in ("anna", "busy", "zoe")]))
    until(lambda: len(server.received) == 3)
    assert names(server) == ["anna", "busy", "zoe"]
    assert server.asked == {"anna": 1, "busy": 3, "zoe": 1}


def test_a_mailbox_that_stays_busy_is_given_up(
    server: MailServer, answers: dict[str, list[str]], caplog: pytest.LogCaptureFixture
) -> None:
    answers["busy"] = ["451 later"] * 9
    busy = person("busy")
    remind(asked_of(busy))
    until(lambda: f"user {busy.pk} could not be sent" in caplog.text)
    assert server.asked["busy"] == 3


def test_a_message_that_may_have_been_accepted_is_not_sent_again(
    server: MailServer, caplog: pytest.LogCaptureFixture
) -> None:
    lost = person("lost")
    remind(asked_of(lost, person("zoe")))
    until(lambda: names(server) == ["zoe"])
    until(lambda: f"user {lost.pk} could not be sent" in caplog.text)
    assert server.asked["lost"] == 1


def test_a_mail_server_that_is_away_is_tried_again(
    server: MailServer, settings: Any, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(reminders, "RETRY_DELAYS", (0.05,) * 400)
    with socket.create_server(("127.0.0.1", 0)) as closed:
        settings.EMAIL_PORT = closed.getsockname()[1]
    remind(asked_of(person("anna"), person("zoe"), prompt=SECRET))
    until(lambda: "waits 0.05 s for the mail server" in caplog.text)
    settings.EMAIL_PORT = server.port
    until(lambda: names(server) == ["anna", "zoe"])
    assert SECRET not in caplog.text


@pytest.mark.parametrize(
    "prompt",
    ["Pay it?\rBcc: all@example.com", "Pay it?\r\nBcc: x", "Pay\x01 it?", "Pay\x0b it?\x85now",
     "\u202ePay it?\u2066", "\r\n\r\n Pay it?", "Pay \u2028it?", "P\U000e0041ay it?"],
)  # fmt: skip
def test_a_prompt_with_any_characters_is_one_safe_line(
    alice: User, prompt: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    User.objects.update(email="alice@example.com")
    remind(asked_of(alice, prompt=prompt))
    assert sent_to() == ["alice"]
    subject = mail.outbox[0].subject
    assert subject in ("Reminder: Pay it?", "Reminder: Pay")
    assert mail.outbox[0].message()["Bcc"] is None
    assert "Pay" not in caplog.text


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("", ""),
        ("\u200b\n\u3164\nPay it?", "Pay it?"),
        ("a" * 200, "a" * 99 + "…"),
        ("  many \t spaces\u00a0here ", "many spaces here"),
        ("Grüße an 東京 👍", "Grüße an 東京 👍"),
        ("\ud800half\x00", "half"),
    ],
)
def test_a_line_has_only_visible_characters(text: str, line: str) -> None:
    assert subject_line(text) == line


def test_an_invisible_prompt_is_replaced_by_the_name_of_the_workflow(alice: User) -> None:
    User.objects.update(email="alice@example.com")
    remind(asked_of(alice, prompt="\u200b\r\n"))
    assert sent_to() == ["alice"]
    assert mail.outbox[0].subject == "Reminder: test-bare"


def test_a_malformed_address_does_not_stop_the_other_reminders(
    alice: User, bob: User, caplog: pytest.LogCaptureFixture
) -> None:
    User.objects.filter(pk=alice.pk).update(email="alice@example.com\r\nBcc: x@example.com")
    User.objects.filter(pk=bob.pk).update(email="bob@example.com")
    remind(asked_of(alice, bob))
    assert sent_to() == ["bob"]
    assert f"user {alice.pk} could not be sent" in caplog.text


def test_only_those_who_may_still_decide_are_reminded() -> None:
    finance = Group.objects.create(name="finance")
    starter = person("starter")
    voted, left, gone, member = (person(one) for one in ("voted", "left", "gone", "member"))
    reader = make_user("reader", email="reader@example.com")
    for one in (voted, left, gone, member, reader, starter):
        one.groups.add(finance)
    run = make_run(started_by=starter)
    request = asked_of(finance, run=run, quorum=2, four_eyes=True)
    decide(voted, request)
    left.groups.clear()
    User.objects.filter(pk=gone.pk).update(is_active=False)
    remind(request)
    assert sent_to() == ["member"]


def test_a_person_whose_approval_no_longer_counts_is_reminded_again(alice: User) -> None:
    User.objects.update(email="alice@example.com")
    request = asked_of(alice, quorum=2)
    decide(alice, request)
    remind(request)
    assert sent_to() == []
    actions.withdraw(alice, request.id, source="inbox")
    remind(request)
    assert sent_to() == ["alice"]
