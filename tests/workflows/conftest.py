"""Fixtures for tests that run durable workflows."""

from tests.support.fixtures import (  # noqa: F401 - pytest finds them here
    alice,
    answerable,
    bob,
    desk,
    drive,
    known,
    register,
)
