"""Notices in DEBUG that the code has changed, and checks that the new code can start."""

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from importlib.util import find_spec
from pathlib import Path

from django.apps import apps
from django.conf import settings

Say = Callable[[str], None]

CHECK_SECONDS = 60


def source_folders() -> list[Path]:
    """Return the folders of this project's code: those of the settings and the applications.

    Installed packages are not included: they change when the server is stopped.
    """
    wiring = find_spec(settings.ROOT_URLCONF.partition(".")[0])
    places = wiring.submodule_search_locations if wiring else None
    folders = {Path(config.path) for config in apps.get_app_configs()}
    folders |= {Path(place) for place in places or ()}
    return sorted(path for path in folders if "site-packages" not in path.parts)


class CodeWatcher(threading.Thread):
    """Calls `reload` once, from its own thread, when changed code passes the system checks.

    If the code fails the checks, this is reported and the server runs on with the old code. So an
    incomplete change does not stop the site.
    """

    def __init__(self, folders: Iterable[Path], *, reload: Callable[[], None], say: Say) -> None:
        super().__init__(name="code watcher", daemon=True)
        self._folders = list(folders)
        self._reload = reload
        self._say = say
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Tell the thread to end."""
        self._stopped.set()

    def run(self) -> None:
        """Wait for changes until stopped, or until a change passes the checks."""
        from watchfiles import PythonFilter, watch

        changes = watch(
            *self._folders,
            watch_filter=PythonFilter(),
            stop_event=self._stopped,
            rust_timeout=500,
            raise_interrupt=False,
        )
        for batch in changes:
            names = ", ".join(sorted({Path(path).name for _, path in batch}))
            problem = self._problem()
            if not problem:
                self._say(f"{names} changed; reloading.")
                self._reload()
                return
            self._say(f"{names} changed, but the new code does not start:\n{problem}")
            self._say("The server runs on with the old code until the next change.")

    def _problem(self) -> str:
        """Return the errors that the system checks find in the code on disk, or an empty text."""
        command = [sys.executable, sys.argv[0], "check"]
        try:
            check = subprocess.run(
                command, capture_output=True, text=True, timeout=CHECK_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return f"`manage.py check` took longer than {CHECK_SECONDS} seconds."
        return "" if check.returncode == 0 else check.stderr.strip() or check.stdout.strip()
