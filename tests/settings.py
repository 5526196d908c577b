"""The settings of the tests: those of the site, with a database that the tests may delete.

Without TEST_DATABASE_URL this is an SQLite file, because the threads of a worker use it, too, and
a database in memory belongs to one connection. TEST_REDIS_URL sets a Redis for the wake-ups.
"""

import atexit
import os
import shutil
import tempfile

from tests.support import external_services

_scratch = tempfile.mkdtemp(prefix="blazen-tests-")
atexit.register(shutil.rmtree, _scratch, ignore_errors=True)

# Variables of the developer's environment must not change what is tested.
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

# The data of tests need not survive a power cut.
if DATABASES["default"]["ENGINE"].endswith("sqlite3"):
    DATABASES["default"]["TEST"] = {"NAME": str(DATA_DIR / "test.sqlite3")}
    DATABASES["default"]["OPTIONS"]["init_command"] += "; PRAGMA synchronous=OFF"
else:
    DATABASES["default"]["OPTIONS"]["options"] += " -c synchronous_commit=off"
    # A unique name, so that two test runs on one server do not disturb each other.
    DATABASES["default"]["TEST"] = {"NAME": f"blazen_test_{os.getpid()}"}

# The password hasher of production is slow on purpose.
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]

# Each test client makes its own middleware, and this one reads all static files when it is made.
# Tests with real servers check that they are served.
SERVESTATIC_USE_FINDERS = SERVESTATIC_AUTOREFRESH = False
