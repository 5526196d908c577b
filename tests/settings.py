"""The settings under test: the site's own, on a database that the tests may throw away.

Without TEST_DATABASE_URL that is an SQLite file, because a worker's threads have to reach it
too; a database in memory belongs to one connection. TEST_REDIS_URL likewise for the wake-ups.
"""

import atexit
import os
import shutil
import tempfile

from tests.support import external_services

_scratch = tempfile.mkdtemp(prefix="blazen-tests-")
atexit.register(shutil.rmtree, _scratch, ignore_errors=True)

# What the developer's environment holds must not change what is tested.
for _name in (
    "SECURE_SSL_REDIRECT",
    "SESSION_COOKIE_SECURE",
    "CSRF_COOKIE_SECURE",
    "CSRF_TRUSTED_ORIGINS",
    "PAYLOAD_MAX_BYTES",
    "ANSWER_MAX_BYTES",
    "JSON_MAX_DEPTH",
    "LOGIN_FAILURE_LIMIT",
    "LOGIN_FAILURES_PER_ADDRESS",
    "LOGIN_FAILURES_PER_NAME",
    "WORKER_LEASE_SECONDS",
    "EMAIL_URL",
    "CLAIM_SECONDS",
    "UNDO_SECONDS",
    "SITE_URL",
    "DECISION_KEYS",
    "COMMENTS_PER_MINUTE",
    "STARTS_PER_MINUTE",
    "CLAIMS_PER_MINUTE",
    "DRAFTS_PER_MINUTE",
    "REQUEST_MAX_BYTES",
    "REQUEST_SECONDS",
    "TRUSTED_PROXIES",
    "SOCKETS_PER_PERSON",
    "JOURNAL_KEEP",
    "STEP_CONNECTIONS",
    "STEP_IDLE_IN_TRANSACTION_SECONDS",
    "METRICS_PORT",
    "METRICS_TOKEN",
):
    os.environ.pop(_name, None)
os.environ["DEBUG"] = "1"
os.environ["SECRET_KEY"] = "only-for-tests"
os.environ["ALLOWED_HOSTS"] = "testserver,127.0.0.1,localhost"
os.environ["DATA_DIR"] = _scratch
os.environ["DATABASE_URL"] = external_services.DATABASE
os.environ["REDIS_URL"] = external_services.REDIS

from blazen_site.settings import *  # noqa: E402, F403
from blazen_site.settings import DATA_DIR, DATABASES, INSTALLED_APPS  # noqa: E402

INSTALLED_APPS = [*INSTALLED_APPS, "tests.fast_flush"]

# What is thrown away need not survive a power cut.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
    DATABASES["default"]["OPTIONS"]["init_command"] += "; PRAGMA synchronous=OFF"
else:
    DATABASES["default"]["OPTIONS"]["options"] += " -c synchronous_commit=off"
    # A name of its own, so that two test runs on one server leave each other alone.
    DATABASES["default"]["TEST"] = {"NAME": f"blazen_test_{os.getpid()}"}

# Production's hasher is slow on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Each test client has middleware of its own, and this one reads all static files when it is made;
# whether they are served is asked of real servers.
SERVESTATIC_USE_FINDERS = SERVESTATIC_AUTOREFRESH = False
