"""Runs workflows durably: the one place where decisions, rows and the clock meet."""

from workflows.worker.loading.replay import snapshot_of
from workflows.worker.worker import Worker

__all__ = ["Worker", "snapshot_of"]
