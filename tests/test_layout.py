"""Where files belong, what they are called, and how long they may be."""

from __future__ import annotations

import ast
import subprocess
from collections import Counter

from tests.imports import ROOT, modules

FOLDERS = {"blazen_site", "workflows", "approvals", "templates", "static", "tests", "docs"}
VAGUE = {"utils", "util", "helpers", "helper", "services", "service", "manager", "managers", "misc"}
AT_THE_ROOT = {"__init__", "apps", "checks", "consumers", "errors", "urls"}
MODULE_LINES = 300
FUNCTION_LINES = 60
PACKAGE_MODULES = 12


def test_no_folder_beyond_the_layout() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if listed.returncode:  # unpacked from an archive
        names = [str(path.relative_to(ROOT)) for path in ROOT.glob("[!.]*/*")]
        names = [name for name in names if not name.startswith(("var/", "node_modules/"))]
    else:
        names = listed.stdout.splitlines()
    folders = {name.split("/")[0] for name in names if "/" in name}
    others = {name for name in folders if not name.startswith(".")} - FOLDERS
    assert not others, f"Find a place for these among {sorted(FOLDERS)}: {sorted(others)}"


def test_the_root_of_workflows_has_only_what_django_looks_for() -> None:
    found = {path.stem for path in (ROOT / "workflows").glob("*.py")}
    assert found == AT_THE_ROOT, "Put a module into the package that it belongs to."


def test_modules_are_named_by_nouns_that_say_something() -> None:
    tests = [".".join(path.relative_to(ROOT).parts) for path in (ROOT / "tests").rglob("*.py")]
    vague = [name for name in (*modules(), *tests) if VAGUE & set(name.split("."))]
    assert not vague, f"Name what the module is about: {vague}"


def test_packages_stay_small_enough_to_see_at_once() -> None:
    files = [path for path in modules().values() if path.stem != "__init__"]
    sizes = Counter(path.parent.relative_to(ROOT) for path in files)
    large = {str(folder): size for folder, size in sizes.items() if size > PACKAGE_MODULES}
    assert not large, f"Past {PACKAGE_MODULES} modules a package wants to be two: {large}"


def test_modules_stay_short_enough_to_read_in_one_go() -> None:
    sizes = {name: len(path.read_text().splitlines()) for name, path in modules().items()}
    long = {name: size for name, size in sizes.items() if size > MODULE_LINES}
    assert not long, f"Past {MODULE_LINES} lines a module wants to be two: {long}"


def test_functions_stay_short() -> None:
    long = [
        f"{name}.{node.name}: {size} lines"
        for name, path in modules().items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (size := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    ]
    assert not long, f"Past {FUNCTION_LINES} lines a function wants to be two: {long}"


def test_pages_have_no_inline_script_or_style() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {needle}"
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for needle in ("<script>", "<style", " style=", " onclick=", "hx-on", "|safe", "http://")
        if needle in path.read_text()
    ]
    assert not found, f"The policy of the site forbids it, use a class or a file: {found}"
