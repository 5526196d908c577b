"""With DEBUG the server restarts after a change of the code, unless the new code cannot start."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.e2e.server import ROOT, Person, ServeProcess, eventually

GOOD = 'urlpatterns.append(path("changed", health, name="changed"))\n'


def copy_of_the_project(to: Path) -> Path:
    """Copy the code, so that a test can break it."""
    for folder in ("blazen_site", "workflows", "approvals", "templates", "static"):
        shutil.copytree(ROOT / folder, to / folder, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "manage.py", to)
    return to


def test_bad_code_is_reported_and_good_code_is_served_by_the_same_process(tmp_path: Path) -> None:
    root = copy_of_the_project(tmp_path / "project")
    server = ServeProcess(tmp_path / "var", root=root).wait_until_healthy()
    try:
        port = server.port
        urls = root / "blazen_site" / "urls.py"
        original = urls.read_text()

        urls.write_text(original + "this is no Python\n")
        eventually(lambda: "does not start" in server.output, "the bad change is reported")
        assert "SyntaxError" in server.output
        assert Person(port).get("/healthz")[0] == 200
        assert Person(port).get("/changed")[0] != 200

        urls.write_text(original + GOOD)
        eventually(lambda: server.output.count("Serving http") == 2, "it serves again")
        assert server.port == port
        assert Person(port).get("/changed")[0] == 200
        assert "First start" not in server.output.partition("reloading.")[2]
    finally:
        assert server.terminate() == 0, server.output
