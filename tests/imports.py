"""The modules of the project and their imports, read from the source text."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ("blazen_site", "workflows", "approvals")


@dataclass(frozen=True, slots=True)
class Import:
    """`module` imports `target` at `line`; `for_types` is True if only a type checker does."""

    module: str
    target: str
    line: int
    for_types: bool

    def __str__(self) -> str:
        return f"{self.module} (line {self.line}) imports {self.target}"


@cache
def modules() -> Mapping[str, Path]:
    """Return the file of each module of the product by its dotted name, without migrations."""
    found = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if "migrations" not in path.parts:
                name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
                found[name.removesuffix(".__init__")] = path
    return found


@cache
def imports(module: str) -> tuple[Import, ...]:
    """Return the imports of a module, including those in functions and for types."""
    return tuple(_imports(module, ast.parse(modules()[module].read_text()), for_types=False))


def all_imports() -> Iterator[Import]:
    """Yield every import of the product."""
    for module in modules():
        yield from imports(module)


def within(name: str, package: str) -> bool:
    """Return True if a dotted name is the package or a part of it."""
    return name == package or name.startswith(f"{package}.")


def _imports(module: str, node: ast.AST, *, for_types: bool) -> Iterator[Import]:
    for child in ast.iter_child_nodes(node):
        typing = for_types or (isinstance(child, ast.If) and _is_type_checking(child.test))
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(module, alias.name, child.lineno, typing)
        elif isinstance(child, ast.ImportFrom):
            assert child.level == 0, f"{module}: write the whole name of what is imported"
            for alias in child.names:
                name = f"{child.module}.{alias.name}"
                target = name if name in modules() else str(child.module)
                yield Import(module, target, child.lineno, typing)
        yield from _imports(module, child, for_types=typing)


def _is_type_checking(test: ast.expr) -> bool:
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"
