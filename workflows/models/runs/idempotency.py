"""The rules for idempotency keys, which are the same on every database."""

from __future__ import annotations

from workflows.errors import InvalidIdempotencyKey

MAX_KEY_LENGTH = 200  # characters


def check_key(key: object) -> None:
    """Raise `InvalidIdempotencyKey` unless `key` is None or a text that any database stores."""
    if key is None:
        return
    if not isinstance(key, str):
        raise InvalidIdempotencyKey(f"is of type {type(key).__name__}, not a text")
    if not key.strip():
        raise InvalidIdempotencyKey("is empty")
    if len(key) > MAX_KEY_LENGTH:
        raise InvalidIdempotencyKey(f"has {len(key):,} characters, more than {MAX_KEY_LENGTH}")
    if "\x00" in key:
        raise InvalidIdempotencyKey("holds a NUL character, which no database keeps")
    if any("\ud800" <= one <= "\udfff" for one in key):
        raise InvalidIdempotencyKey("holds half of a surrogate pair, which no database keeps")
