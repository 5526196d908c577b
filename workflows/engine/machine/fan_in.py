"""Fan-ins: the events that a step waits for, their names, and when a set is complete.

The state, the journal and a snapshot store a fan-in by a name. The name consists of the step, the
event classes that it collects, and the key of the set.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from urllib.parse import quote, unquote

from workflows.engine.serialization.stored_event import StoredEvent

_SAFE = " []'\"()|.&=+$;@!?/\\<>{}^`#~"  # without the separators of `encode_names`: "%,*:"


def encode_names(names: Iterable[str]) -> str:
    """Write names as "A,B*3". The form is short, because each entry of a large fan-in has it.

    The name of a generic class, such as "Two[int, str]", may contain these separators.
    """
    runs = [(quote(name, safe=_SAFE), sum(1 for _ in same)) for name, same in groupby(names)]
    return ",".join(f"{name}*{count}" if count > 1 else name for name, count in runs)


def decode_names(text: str) -> list[str]:
    """Read what `encode_names` wrote."""
    names: list[str] = []
    for run in text.split(","):
        name, _, count = run.partition("*")
        names.extend([unquote(name)] * int(count or 1))
    return names


def fan_in(step: str, names: str, key: str | None) -> str:
    """Return the unique name of a fan-in: "join:A,B*3", or "join:A,B*3#page-2" with a key.

    The key is quoted, so that it contains no ":" or "#". Class names do not contain them.
    """
    return f"{step}:{names}" if key is None else f"{step}:{names}#{quote(key, safe='')}"


def describe_incomplete(buffers: Mapping[str, Sequence[StoredEvent]]) -> Iterator[str]:
    """Describe each incomplete fan-in: "'join' holds A of A,B*3"."""
    for one, buffer in buffers.items():
        step, _, rest = one.rpartition(":")
        asked, _, key = rest.partition("#")
        under = f" under the key {unquote(key)!r}" if key else ""
        holds = unquote(encode_names(event.name for event in buffer))
        yield f"{step!r} holds {holds} of {unquote(asked)}{under}"


def take_matching(buffer: list[StoredEvent], asked: Sequence[str]) -> list[StoredEvent] | None:
    """Take one event of each asked name out of `buffer`, oldest first, in the order asked.

    Return None and take nothing if one is missing.
    """
    if len(buffer) < len(asked):
        return None
    by_name: dict[str, deque[StoredEvent]] = {}
    for event in buffer:
        by_name.setdefault(event.name, deque()).append(event)
    found = []
    for name in asked:
        kept = by_name.get(name)
        if not kept:
            return None
        found.append(kept.popleft())
    taken = {id(event) for event in found}
    buffer[:] = [event for event in buffer if id(event) not in taken]
    return found
