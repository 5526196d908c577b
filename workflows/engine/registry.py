"""The workflows that this process knows, by name."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Generic, TypeVar

from workflows.engine.definition import Definition
from workflows.engine.errors import DuplicateWorkflow, UnknownWorkflow

AnyWorkflow = TypeVar("AnyWorkflow", bound=Definition)


class Registry(Generic[AnyWorkflow]):
    """Finds a workflow by the name in a row or a snapshot."""

    def __init__(self) -> None:
        self._workflows: dict[str, AnyWorkflow] = {}

    def register(self, workflow: AnyWorkflow) -> AnyWorkflow:
        """Add a workflow and return it. Raise `DuplicateWorkflow` if its name is taken."""
        known = self._workflows.setdefault(workflow.name, workflow)
        if known is not workflow:
            raise DuplicateWorkflow(f"A workflow named {workflow.name!r} is registered already.")
        return workflow

    def unregister(self, name: str) -> None:
        """Remove a workflow, if it is registered."""
        self._workflows.pop(name, None)

    def get(self, name: str) -> AnyWorkflow:
        """Return the workflow of this name. Raise `UnknownWorkflow`, naming those that exist."""
        try:
            return self._workflows[name]
        except KeyError:
            known = ", ".join(self.names()) or "none"
            raise UnknownWorkflow(
                f"No workflow named {name!r} is registered. Known: {known}."
            ) from None

    def names(self) -> list[str]:
        """Return the names, sorted."""
        return sorted(self._workflows)

    def __iter__(self) -> Iterator[AnyWorkflow]:
        """Iterate over the workflows by name."""
        return iter([self._workflows[name] for name in self.names()])

    def __contains__(self, name: object) -> bool:
        """Return True if a workflow of this name is registered."""
        return name in self._workflows
