"""The modules in static/js: their content, and that a deployment never mixes two versions."""

from __future__ import annotations

import json
import os
import posixpath
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = ROOT / "static" / "js"
LONGEST_MODULE = 300
IMPORTED = re.compile(r"""(?:\bfrom|\bimport)\s*\(?\s*["']([^"']+)["']""")
STRICT = {
    "DEBUG": "0",
    "SECRET_KEY": "Zx8-only-these-tests-know-it-4qLw91",
    "ALLOWED_HOSTS": "approvals.example.com",
}


@pytest.fixture(scope="module")
def collected(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder with the output of `collectstatic`, as in a deployment."""
    data = tmp_path_factory.mktemp("collected")
    done = subprocess.run(
        [sys.executable, "manage.py", "collectstatic", "--noinput", "--verbosity", "0"],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(data), **STRICT},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return data / "static"


def served(collected: Path) -> dict[str, str]:
    """Return the hashed name of each file."""
    names: dict[str, str] = json.loads((collected / "staticfiles.json").read_text())["paths"]
    return names


def imports(path: Path) -> Iterator[str]:
    """Yield the imports of a module as they are written, without types in comments."""
    code = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.DOTALL)
    yield from IMPORTED.findall(code)


def sources() -> list[Path]:
    """Return the modules of the repository."""
    return sorted(MODULES.rglob("*.js"))


def test_a_deployment_never_mixes_old_and_new_modules(collected: Path) -> None:
    names = served(collected)
    modules = [names[f"js/{path.relative_to(MODULES).as_posix()}"] for path in sources()]
    assert len(modules) == len(sources()) > 10
    found = 0
    for module in modules:
        for target in imports(collected / module):
            name = posixpath.normpath(posixpath.join(posixpath.dirname(module), target))
            assert name in modules, f"{module} imports {target}, which has no hash of its content"
            assert (collected / name).is_file(), f"{module} imports {target}, which is not a file"
            found += 1
    assert found == sum(len(list(imports(path))) for path in sources()) > 20


def test_scripts_of_other_packages_are_served_as_they_are(collected: Path) -> None:
    names = served(collected)
    for script in ("django_htmx/ext/hx-ws-2.js", "django_htmx/htmx-2.min.js"):
        assert (collected / names[script]).read_bytes() == (collected / script).read_bytes()


def test_every_module_belongs_to_a_page() -> None:
    reached = set(MODULES.glob("entries/*.js"))
    waiting = list(reached)
    while waiting:
        module = waiting.pop()
        for target in imports(module):
            path = (module.parent / target).resolve()
            assert path.is_file(), (
                f"{module.relative_to(ROOT)} imports {target}, which is not a file"
            )
            if path not in reached:
                reached.add(path)
                waiting.append(path)
    unused = [str(path.relative_to(ROOT)) for path in sources() if path not in reached]
    assert not unused, f"No module in static/js/entries imports these: {unused}"


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.relative_to(MODULES).as_posix())
def test_a_module_is_type_checked_has_a_comment_and_is_short(path: Path) -> None:
    lines = path.read_text().splitlines()
    assert lines[0] == "// @ts-check", "Begin with `// @ts-check`: `make check` checks its types."
    assert lines[1].startswith("/* "), "Then describe the module in a comment."
    assert len(lines) <= LONGEST_MODULE, "Split the module."


def test_the_lock_of_the_compiler_names_no_registry() -> None:
    lock = (ROOT / "package-lock.json").read_text()
    assert "://" not in lock, "It has the registry of one machine; .npmrc prevents this."
