"""The messages that processes send each other: which rows changed, never what the rows hold.

`Messages` maps the identity of a message to the message. Two messages with the same identity that
wait together become one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

INBOX = "inbox"  # the group of every process with an open inbox
PEOPLE = "people"  # the group of every process with an open page
MAX_CHANGES = 1000  # changed rows in one message; beyond them it says that all may have changed

Message = dict[str, Any]
Messages = dict[str, Message]
Seen = dict[str, Any]
"""Who could see a request before a change: `Audience.as_dict` of the app that checks this."""


def run_group(run_id: UUID | str) -> str:
    """Return the group of the pages that show this run."""
    return f"run.{run_id}"


def run_messages(runs: Iterable[UUID]) -> Messages:
    """Return the messages to the pages of these runs."""
    groups = {run_group(run_id): str(run_id) for run_id in runs}
    return {
        group: {"type": "run.changed", "group": group, "id": key} for group, key in groups.items()
    }


def request_messages(
    *,
    changed: Iterable[UUID] = (),
    added: Iterable[UUID] = (),
    requests_of: Iterable[UUID] = (),
    seen_before: Mapping[UUID, Seen] | None = None,
) -> Messages:
    """Return the message to the open inboxes, none if nothing of theirs changed.

    `added` are requests that became pending, or visible to more people. `changed` are others whose
    rows changed. `requests_of` are runs whose open requests, or those that ended with the run,
    changed. `seen_before` says for a request who could see it until now.
    """
    rows = {str(one): {"added": False, "seen_before": []} for one in changed}
    rows |= {str(one): {"added": True, "seen_before": []} for one in added}
    for one, seen in (seen_before or {}).items():
        rows[str(one)]["seen_before"] = [seen]
    runs = [str(one) for one in requests_of]
    if not rows and not runs:
        return {}
    return {INBOX: {"type": "requests.changed", "group": INBOX, "requests": rows, "runs": runs}}


def merged(older: Message, newer: Message) -> Message:
    """Return one message for two with the same identity."""
    if newer["type"] != "requests.changed":
        return newer
    rows = dict(older["requests"])
    for key, row in newer["requests"].items():
        before = rows.get(key)
        rows[key] = row if before is None else {
            "added": before["added"] or row["added"],
            "seen_before": [*before["seen_before"], *row["seen_before"]],
        }  # fmt: skip
    runs = list(dict.fromkeys([*older["runs"], *newer["runs"]]))
    everything = older.get("everything") or len(rows) + len(runs) > MAX_CHANGES
    if everything:
        rows, runs = {}, []
    return {**newer, "requests": rows, "runs": runs, "everything": bool(everything)}


def people_messages(users: Iterable[Any]) -> Messages:
    """Return the messages which say that the permissions or logins of these people changed."""
    return {
        f"{PEOPLE} {user}": {"type": "person.changed", "group": PEOPLE, "user": str(user)}
        for user in users
    }


def everybody_message() -> Messages:
    """Return the message which says that the permissions of anybody may have changed."""
    return {PEOPLE: {"type": "people.changed", "group": PEOPLE}}
