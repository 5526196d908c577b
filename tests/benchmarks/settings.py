"""The settings of the benchmarks: those of production, with a database that they may change."""

import os
from pathlib import Path

FOLDER = Path(os.environ.get("BENCH_FOLDER", "var/bench")).resolve()
FOLDER.mkdir(parents=True, exist_ok=True)

os.environ["DEBUG"] = "0"
os.environ["SECRET_KEY"] = "only-for-benchmarks-which-nobody-signs-in-to-from-outside"
os.environ["ALLOWED_HOSTS"] = "testserver,127.0.0.1,localhost"
os.environ["DATA_DIR"] = str(FOLDER)
os.environ["DATABASE_URL"] = os.environ.get("BENCH_STORE_URL", "")
os.environ["REDIS_URL"] = ""
os.environ["SECURE_SSL_REDIRECT"] = "0"

from blazen_site.settings import *  # noqa: E402, F403
from blazen_site.settings import INSTALLED_APPS, SILENCED_SYSTEM_CHECKS  # noqa: E402

INSTALLED_APPS = [
    *INSTALLED_APPS,
    "tests.benchmarks",
]  # its `flows` are found like those of any application

LOGGING_CONFIG = None  # the benchmark handles the log lines itself
SILENCED_SYSTEM_CHECKS = [*SILENCED_SYSTEM_CHECKS, "workflows.W001"]  # everything is in one process
