"""One server for one data folder."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path


class DataDirLocked(Exception):
    """Another server uses this data folder."""

    def __init__(self, folder: Path, holder: str) -> None:
        who = f"process {holder}" if holder else "another process"
        super().__init__(
            f"A server already runs on {folder} ({who}). Stop it first, or give this one a "
            "folder of its own: DATA_DIR=/some/folder."
        )


class DataDirLock:
    """A file lock that the process holds until it ends.

    The system releases it when the process ends in any way, so a crash leaves no lock behind. A
    process that replaces itself (`execv`) takes it again.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file: int | None = None

    def acquire(self) -> None:
        """Take the lock; raise `DataDirLocked` at once if another process has it."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        file = os.open(self.folder / "serve.lock", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(file, 32, 0).decode(errors="replace").strip()
            os.close(file)
            raise DataDirLocked(self.folder, holder) from None
        os.truncate(file, 0)
        os.pwrite(file, f"{os.getpid()}\n".encode(), 0)
        self._file = file

    def release(self) -> None:
        """Release the lock; do nothing if it is not held."""
        if self._file is not None:
            os.close(self._file)
            self._file = None
