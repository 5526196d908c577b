"""The durable shell of the engine: the one place where decisions, rows and the clock meet."""

from workflows.driver.driver import Driver
from workflows.driver.replay import snapshot_of

__all__ = ["Driver", "snapshot_of"]
