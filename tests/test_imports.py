"""The import contract: layers, no circles, and an engine without Django."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.imports import PACKAGES, ROOT, Import, all_imports, imports, modules, within
from tests.layers import FOR_TYPES_ALLOWED, FORBIDDEN, LAYERS


def levels(package: str) -> dict[str, int]:
    """Return the line of each part of a package, 0 for the highest."""
    lines = [line.split() for line in LAYERS[package].strip().splitlines()]
    return {part: level for level, parts in enumerate(lines) for part in parts}


def part_of(name: str, package: str) -> str:
    """Return the part of the package to which a module belongs; empty for the package itself."""
    inner = name.removeprefix(f"{package}.") if package else name
    return "" if name == package else inner.partition(".")[0]


def crossing(package: str) -> Iterator[tuple[Import, str, str]]:
    """Yield the imports from one part of a package to another, with both parts."""
    for one in all_imports():
        if one.target in modules() and all(
            not package or within(name, package) for name in (one.module, one.target)
        ):
            source, target = part_of(one.module, package), part_of(one.target, package)
            if source and target and source != target:
                yield one, source, target


@pytest.mark.parametrize("package", LAYERS)
def test_code_imports_only_from_lower_layers(package: str) -> None:
    level = levels(package)
    wrong = [
        str(one) for one, source, target in crossing(package) if level[source] >= level[target]
    ]
    assert not wrong, (
        f"In {package or 'the project'} these point upwards or sideways (tests/layers.py). Move "
        f"what both need to a lower layer, or pass it as an argument: {wrong}"
    )


@pytest.mark.parametrize("package", LAYERS)
def test_every_module_has_a_layer(package: str) -> None:
    parts = {part_of(name, package) for name in modules() if not package or within(name, package)}
    missing = parts - {""} - set(levels(package))
    assert not missing, f"Add these to a layer in tests/layers.py: {sorted(missing)}"


def test_no_modules_import_each_other_in_a_circle() -> None:
    circles = list(find_circles())
    assert not circles, f"Move what both need to a module below both: {circles}"


def find_circles() -> Iterator[str]:
    """Yield each circle of imports that is not allowed, as a chain of modules."""
    edges = {
        module: [
            one.target
            for one in imports(module)
            if one.target in modules()
            and one.target != module
            and not (one.for_types and any(within(module, each) for each in FOR_TYPES_ALLOWED))
        ]
        for module in modules()
    }
    done: set[str] = set()
    for start in edges:
        yield from _follow(start, edges, done, [])


def _follow(
    module: str, edges: dict[str, list[str]], done: set[str], chain: list[str]
) -> Iterator[str]:
    if module in chain:
        yield " -> ".join([*chain[chain.index(module) :], module])
    elif module not in done:
        for target in edges[module]:
            yield from _follow(target, edges, done, [*chain, module])
        done.add(module)


@pytest.mark.parametrize("package", FORBIDDEN)
def test_the_engine_and_its_examples_do_not_import_django(package: str) -> None:
    wrong = [
        str(one)
        for one in all_imports()
        if within(one.module, package)
        for forbidden in FORBIDDEN[package]
        if within(one.target, forbidden)
    ]
    assert not wrong, f"{package} may not import {FORBIDDEN[package]}: {wrong}"


def test_importing_the_engine_does_not_import_django() -> None:
    code = (
        "import sys, workflows.engine; "
        "print([m for m in ('django', 'channels', 'asgiref') if m in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_the_packages_that_are_imported_first_stay_empty() -> None:
    text = (ROOT / "workflows" / "__init__.py").read_text()
    assert text == "", "Importing workflows.engine runs workflows/__init__.py: keep it empty."


def test_stored_data_is_never_executed() -> None:
    dangerous = {"pickle", "marshal", "shelve", "dill", "cloudpickle"}
    wrong = [str(one) for one in all_imports() if one.target.split(".")[0] in dangerous]
    assert not wrong, f"What is stored is data: {wrong}"


def test_every_package_is_read() -> None:
    assert {name.split(".")[0] for name in modules()} == set(PACKAGES)
