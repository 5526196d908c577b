"""Noticing in DEBUG that the code changed, and that the new code can start."""

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
    """Return the folders of the code that this server runs: its settings' and its applications'.

    Installed packages are left out: they change when the server is stopped.
    """
    wiring = find_spec(settings.ROOT_URLCONF.partition(".")[0])
    places = wiring.submodule_search_locations if wiring else None
    folders = {Path(config.path) for config in apps.get_app_configs()}
    folders |= {Path(place) for place in places or ()}
    return sorted(path for path in folders if "site-packages" not in path.parts)


class CodeWatcher(threading.Thread):
    """Calls `reload` once, from its own thread, when changed code passes the system checks.

    Code that fails them is reported and the old code goes on serving, so that a half-typed line
    does not take the pages away.
    """

    def __init__(self, folders: Iterable[Path], *, reload: Callable[[], None], say: Say) -> None:
        super().__init__(name="code watcher", daemon=True)
        self._folders = list(folders)
        self._reload = reload
        self._say = say
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Let the thread end."""
        self._stopped.set()

    def run(self) -> None:
        """Wait for changes until stopped or one of them is good."""
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
            self._say("The old code goes on serving until the next change.")

    def _problem(self) -> str:
        """Return what the system checks say against the code on disk, or nothing."""
        command = [sys.executable, sys.argv[0], "check"]
        try:
            check = subprocess.run(
                command, capture_output=True, text=True, timeout=CHECK_SECONDS, check=False
            )
        except subprocess.TimeoutExpired:
            return f"`manage.py check` took longer than {CHECK_SECONDS} seconds."
        return "" if check.returncode == 0 else check.stderr.strip() or check.stdout.strip()
