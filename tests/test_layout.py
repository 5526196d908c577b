"""The places, names and lengths of files."""

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


def test_there_are_no_other_folders_than_those_of_the_layout() -> None:
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
    assert found == AT_THE_ROOT, "Move the module into the package to which it belongs."


def test_modules_have_specific_names() -> None:
    tests = [".".join(path.relative_to(ROOT).parts) for path in (ROOT / "tests").rglob("*.py")]
    vague = [name for name in (*modules(), *tests) if VAGUE & set(name.split("."))]
    assert not vague, f"Use a name that describes the module: {vague}"


def test_packages_are_small() -> None:
    files = [path for path in modules().values() if path.stem != "__init__"]
    sizes = Counter(path.parent.relative_to(ROOT) for path in files)
    large = {str(folder): size for folder, size in sizes.items() if size > PACKAGE_MODULES}
    assert not large, f"Split packages of more than {PACKAGE_MODULES} modules: {large}"


def test_modules_are_short() -> None:
    sizes = {name: len(path.read_text().splitlines()) for name, path in modules().items()}
    long = {name: size for name, size in sizes.items() if size > MODULE_LINES}
    assert not long, f"Split modules of more than {MODULE_LINES} lines: {long}"


def test_functions_are_short() -> None:
    long = [
        f"{name}.{node.name}: {size} lines"
        for name, path in modules().items()
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (size := (node.end_lineno or 0) - node.lineno + 1) > FUNCTION_LINES
    ]
    assert not long, f"Split functions of more than {FUNCTION_LINES} lines: {long}"


def test_pages_have_no_inline_script_or_style() -> None:
    found = [
        f"{path.relative_to(ROOT)}: {needle}"
        for path in sorted((ROOT / "templates").rglob("*.html"))
        for needle in ("<script>", "<style", " style=", " onclick=", "hx-on", "|safe", "http://")
        if needle in path.read_text()
    ]
    assert not found, f"The content security policy forbids this; use a class or a file: {found}"
