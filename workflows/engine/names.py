"""Which names a workflow, a step and an event may have: those that columns and addresses hold."""

from __future__ import annotations

from workflows.engine.errors import BadName

LONGEST_WORKFLOW = 100
LONGEST_NAME = 200


def check_workflow_name(name: object) -> None:
    """Raise `BadName` for a name that no address of a page can carry."""
    check_name("A workflow", name, LONGEST_WORKFLOW)
    parts = str(name).split("/")
    if any(part in ("", ".", "..") for part in parts):
        raise BadName(f"Workflow {name!r}: no part of its name may be empty, '.' or '..'.")
    if len(parts) > 1 and parts[-1] == "start":
        raise BadName(f"Workflow {name!r}: its name ends as the address of a start page does.")


def check_name(what: str, name: object, longest: int = LONGEST_NAME) -> None:
    """Raise `BadName` for a name that is none, too long, or has characters that cannot be seen."""
    if not isinstance(name, str) or not name.strip() or len(name) > longest:
        raise BadName(f"{what} needs a name of 1 to {longest} characters, not {_short(name)}.")
    if not name.isprintable() or name != name.strip():
        raise BadName(f"{what} cannot be named {_short(name)}: some of it cannot be seen.")


def _short(name: object) -> str:
    return ascii(name) if len(ascii(name)) < 80 else ascii(name)[:77] + "..."
