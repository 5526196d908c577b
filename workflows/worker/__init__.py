"""The durable shell of the engine: the one place where decisions, rows and the clock meet."""

from workflows.worker.loading.replay import snapshot_of
from workflows.worker.worker import Driver

__all__ = ["Driver", "snapshot_of"]
