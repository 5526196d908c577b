"""The doors between the rooms, held shut. A failure here says which import to turn around."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("blazen_site", "workflows", "approvals")
FOLDERS = {*ROOMS, "templates", "static", "tests", "docs"}
VAGUE = {"utils", "util", "helpers", "helper", "services", "service", "manager", "managers", "misc"}
LONGEST_MODULE = 300

# Who may not know whom: the first part may import nothing of the second.
CLOSED = [
    ("workflows", "approvals"),
    ("workflows", "blazen_site"),
    ("approvals", "blazen_site"),
    ("workflows.engine", "django"),
    ("workflows.engine", "channels"),
    ("workflows.engine", "asgiref"),
    ("workflows.engine", "workflows.flows"),
    ("workflows.engine", "workflows.models"),
    ("workflows.engine", "workflows.worker"),
    ("workflows.flows", "django"),
    ("workflows.flows", "workflows.models"),
    ("workflows.flows", "workflows.worker"),
    ("workflows.models", "workflows.worker"),
    ("workflows.models", "workflows.consumers"),
    ("workflows.models", "workflows.web.views"),
    ("workflows.worker", "workflows.consumers"),
    ("workflows.worker", "workflows.web.views"),
]


def modules(*folders: str) -> Iterator[tuple[str, Path]]:
    """Yield (dotted name, file) of every module in the folders, migrations left out."""
    for folder in folders:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if "migrations" not in path.parts:
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                yield name.removesuffix(".__init__"), path


def imported(path: Path) -> Iterator[str]:
    """Yield every dotted name that a module imports, wherever in it: types, functions, all."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: imports are absolute here, write the whole name"
            assert node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def within(name: str, room: str) -> bool:
    """Say whether a dotted name is a room or stands in it."""
    return name == room or name.startswith(f"{room}.")


@pytest.mark.parametrize(("room", "closed"), CLOSED)
def test_a_room_does_not_know_what_is_behind_a_closed_door(room: str, closed: str) -> None:
    found = [
        f"{name} imports {target}"
        for name, path in modules(room.split(".")[0])
        if within(name, room)
        for target in imported(path)
        if within(target, closed)
    ]
    assert not found, f"{room} must not know {closed}; turn the import around: {found}"


def test_the_engine_is_imported_without_django() -> None:
    code = (
        "import sys, workflows.engine; "
        "print([m for m in ('django', 'channels', 'asgiref') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_the_package_of_the_machine_stays_empty() -> None:
    text = (ROOT / "workflows" / "__init__.py").read_text()
    assert text == "", "Importing workflows.engine runs workflows/__init__.py: keep it empty."


def test_there_is_no_room_beyond_the_layout() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:  # unpacked from an archive
        names = [str(path.relative_to(ROOT)) for path in ROOT.glob("[!.]*/*")]
        names = [name for name in names if not name.startswith(("var/", "node_modules/"))]
    else:
        names = listed.stdout.splitlines()
    folders = {name.split("/")[0] for name in names if "/" in name}
    strangers = {name for name in folders if not name.startswith(".")} - FOLDERS
    assert not strangers, f"Find a room for these among {sorted(FOLDERS)}: {sorted(strangers)}"


def test_modules_are_called_by_nouns_that_say_something() -> None:
    vague = [name for name, _ in modules(*ROOMS, "tests") if VAGUE & set(name.split("."))]
    assert not vague, f"Name what the module is about: {vague}"


def test_modules_stay_short_enough_to_read_in_one_go() -> None:
    long = {
        name: lines
        for name, path in modules(*ROOMS)
        if (lines := len(path.read_text().splitlines())) > LONGEST_MODULE
    }
    assert not long, f"Past {LONGEST_MODULE} lines a module wants to be two: {long}"


def test_stored_data_is_never_executed() -> None:
    dangerous = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
    found = [
        f"{name} imports {target}"
        for name, path in modules(*ROOMS)
        for target in imported(path)
        if target.split(".")[0] in dangerous
    ]
    assert not found, f"What is stored is data: {found}"


def test_pages_have_no_inline_script_or_style() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {needle}"
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for needle in ("<script>", "<style", " style=", " onclick=", "hx-on", "|safe", "http://")
        if needle in path.read_text()
    ]
    assert not found, f"The policy of the site forbids it, use a class or a file: {found}"
