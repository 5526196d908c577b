"""The workflow class for authors: a definition that can run in this process, and its builder."""

from __future__ import annotations

from typing import Any, Self

from workflows.engine.definition import Definition, InputHandler
from workflows.engine.errors import InvalidInput
from workflows.engine.handler import WorkflowHandler
from workflows.engine.registry import Registry
from workflows.engine.snapshot import WorkflowSnapshot
from workflows.engine.step import Step


class Workflow(Definition):
    """Typed steps connected by events. Build it once and run it often; it has no state of runs.

    Raise a `BuildError` that names the step or event if the graph is not valid.
    """

    async def run(self, data: Any = None, /, **fields: Any) -> WorkflowHandler:
        """Start a run in this process and return its handler. Raise `InvalidInput`.

        The input is a dict, a start event, or keyword arguments.
        """
        if data is not None and fields:
            raise InvalidInput(
                f"Workflow {self.name!r}: give the input as one value or as keywords, not both."
            )
        return WorkflowHandler.start(self, self.stored_input(fields if data is None else data))

    @staticmethod
    async def resume(snapshot: WorkflowSnapshot) -> WorkflowHandler:
        """Continue from a snapshot, with the workflow that is registered under its name.

        Raise `UnknownWorkflow`, or `IncompatibleRun` if the state no longer fits the code. A
        snapshot of an ended run gives its result or error; a paused run continues.
        """
        return WorkflowHandler.resume(registry.get(snapshot.workflow), snapshot)


class WorkflowBuilder:
    """Builds a workflow step by step: `WorkflowBuilder(name).step(a).step(b).build()`."""

    def __init__(self, name: str, *, description: str = "") -> None:
        self._name = name
        self._description = description
        self._steps: list[Step] = []
        self._input_handler: InputHandler | None = None

    def step(self, step: Step) -> Self:
        """Add a step."""
        self._steps.append(step)
        return self

    def input_handler(self, handler: InputHandler) -> Self:
        """Call `handler` first for each request of a step."""
        self._input_handler = handler
        return self

    def build(self) -> Workflow:
        """Return the workflow; raise a `BuildError` as `Workflow` does."""
        return Workflow(
            self._name,
            self._steps,
            input_handler=self._input_handler,
            description=self._description,
        )


registry: Registry[Workflow] = Registry()
"""The workflows of this process. It is defined here because `Workflow.resume` uses it."""
