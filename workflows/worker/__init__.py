"""Runs workflows durably: it connects the engine, the database rows and the clock."""

from workflows.worker.loading.replay import snapshot_of
from workflows.worker.worker import Worker

__all__ = ["Worker", "snapshot_of"]
