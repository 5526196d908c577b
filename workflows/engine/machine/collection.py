"""Checks the arguments of `collect_events`."""

from __future__ import annotations

from collections.abc import Sequence

from workflows.engine.errors import CollectEventError, UnstorableValue
from workflows.engine.events import Event
from workflows.engine.machine.fan_in import encode_names
from workflows.engine.machine.state import Invocation
from workflows.engine.serialization.codec import check_text

MAX_KEY_LENGTH = 200  # characters


def check_collection(invocation: Invocation, asked: Sequence[type[Event]], key: object) -> str:
    """Return the names of the collected classes in the form of the state.

    Raise `CollectEventError`, which names the step, unless the event of the invocation is one of
    them and the key is a text or None.
    """
    names = encode_names(cls.__name__ for cls in asked)
    where = f"Step {invocation.step!r} collects {names or 'nothing'}"
    if all(cls.__name__ != invocation.event.name for cls in asked):
        raise CollectEventError(f"{where}, but was called with {invocation.event.name}.")
    if key is not None and (fault := _fault_of(key)):
        raise CollectEventError(f"{where}, but its key {fault}.")
    return names


def _fault_of(key: object) -> str:
    if not isinstance(key, str):
        return f"is of type {type(key).__name__}, not a text"
    if not 0 < len(key) <= MAX_KEY_LENGTH:
        return f"has {len(key):,} characters, not 1 to {MAX_KEY_LENGTH}"
    try:
        check_text(key)
    except UnstorableValue as error:
        return f"cannot be stored: {str(error).rstrip('.')}"
    return ""
