"""The settings of the site, all from the environment; the defaults are the embedded mode.

Outside DEBUG everything is strict, and what is missing refuses to start rather than guess.
"""

from pathlib import Path

import django_stubs_ext
from environ import Env

from blazen_site import environment, logs

# Lets classes say what they are of (`ModelForm[Preferences]`) where Django has no generics.
django_stubs_ext.monkeypatch()

env = Env()

BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = env.bool("DEBUG", default=False)
DATA_DIR = Path(env.str("DATA_DIR", default="") or BASE_DIR / "var").resolve()
PORT = int(env.str("PORT", default="") or 8000)

SECRET_KEY = environment.secret_key(env, debug=DEBUG, data_dir=DATA_DIR)
ALLOWED_HOSTS = environment.allowed_hosts(env, debug=DEBUG)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# --- limits ---------------------------------------------------------------------------------
PAYLOAD_MAX_BYTES = env.int("PAYLOAD_MAX_BYTES", default=256 * 1024)
ANSWER_MAX_BYTES = env.int("ANSWER_MAX_BYTES", default=64 * 1024)
JSON_MAX_DEPTH = env.int("JSON_MAX_DEPTH", default=32)
# What the server reads of one request, and how long it may take to come; see docs/operations.md.
REQUEST_MAX_BYTES = env.int("REQUEST_MAX_BYTES", default=4 * 1024 * 1024)
REQUEST_SECONDS = env.float("REQUEST_SECONDS", default=30.0)
# Whose X-Forwarded-For and X-Forwarded-Proto are believed: addresses, networks, or "unix".
TRUSTED_PROXIES = environment.trusted_proxies(env)
# How many live pages one person may have open in each process.
SOCKETS_PER_PERSON = env.int("SOCKETS_PER_PERSON", default=20)
# What one person may do within a minute, over all processes; 0 is without a limit. Decisions are
# not limited.
COMMENTS_PER_MINUTE = env.int("COMMENTS_PER_MINUTE", default=30)
STARTS_PER_MINUTE = env.int("STARTS_PER_MINUTE", default=60)
CLAIMS_PER_MINUTE = env.int("CLAIMS_PER_MINUTE", default=120)
DRAFTS_PER_MINUTE = env.int("DRAFTS_PER_MINUTE", default=240)
# How long a worker that was killed or cut off keeps its runs from the others; at most 30.
WORKER_LEASE_SECONDS = env.float("WORKER_LEASE_SECONDS", default=5.0)
# How long a claim on a request lasts by itself, and how long an answer can be taken back.
CLAIM_SECONDS = env.int("CLAIM_SECONDS", default=900)
UNDO_SECONDS = env.int("UNDO_SECONDS", default=0)
# Entries of a run's journal that are kept while it is open: its recent history.
JOURNAL_KEEP = env.int("JOURNAL_KEEP", default=10_000)

# Connections to PostgreSQL that the steps of a worker share; one that finds none free waits.
STEP_CONNECTIONS = env.int("STEP_CONNECTIONS", default=24)
# How long a step may do nothing in a transaction before PostgreSQL ends its session; 0 is for ever.
STEP_IDLE_IN_TRANSACTION_SECONDS = env.float("STEP_IDLE_IN_TRANSACTION_SECONDS", default=3600.0)
# Keys that sign decisions: the first signs, all verify. Empty: SECRET_KEY and its fallbacks.
DECISION_KEYS = env.list("DECISION_KEYS", default=[])

# --- operations -----------------------------------------------------------------------------
METRICS_TOKEN = environment.metrics_token(env, debug=DEBUG)
METRICS_PORT = int(env.str("METRICS_PORT", default="") or 0)

# --- applications ---------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    # Before channels: our `runworker` replaces the one that ends when Redis is away.
    "workflows",
    "approvals",
    "channels",
    "django_htmx",
    "template_partials",
    "servestatic",
    "csp",
    "axes",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "servestatic.middleware.ServeStaticMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "csp.middleware.CSPMiddleware",
    "workflows.subject.SubjectMiddleware",
    "workflows.unreadable.UnreadableMiddleware",
    "approvals.accounts.middleware.freshness",
    "workflows.outage.OutageMiddleware",  # before whatever reads rows
    "approvals.oversize.OversizeMiddleware",  # before the token is read
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "approvals.accounts.middleware.LoginMiddleware",
    "approvals.accounts.middleware.reader",
    "axes.middleware.AxesMiddleware",
]

ROOT_URLCONF = "blazen_site.urls"
ASGI_APPLICATION = "blazen_site.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            # Its `csrf_token` adds whom the form was drawn for, in the admin's templates too.
            "builtins": ["approvals.templatetags.form_token"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "workflows.context.frame",
                "approvals.context.counts",
            ],
        },
    },
]

# --- rows and bells -------------------------------------------------------------------------
DATABASES = {
    "default": environment.database(env.str("DATABASE_URL", default=""), data_dir=DATA_DIR)
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CHANNEL_LAYERS = {"default": environment.channel_layer(env.str("REDIS_URL", default=""))}

# --- people ---------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    # Only counts failures and locks out; the second one knows passwords and permissions.
    "approvals.accounts.throttle.ThrottleBackend",
    "django.contrib.auth.backends.ModelBackend",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]
LOGIN_URL = "/accounts/login/"
LOGIN_REDIRECT_URL = "/"
LOGOUT_REDIRECT_URL = "/accounts/login/"

# Failures within a quarter of an hour, see approvals/accounts/attempts.py.
LOGIN_FAILURE_LIMIT = env.int("LOGIN_FAILURE_LIMIT", default=5)  # of a name at an address
LOGIN_FAILURES_PER_ADDRESS = env.int("LOGIN_FAILURES_PER_ADDRESS", default=50)
LOGIN_FAILURES_PER_NAME = env.int("LOGIN_FAILURES_PER_NAME", default=100)
AXES_HANDLER = "approvals.accounts.attempts.LimitedAttempts"
AXES_CLIENT_IP_CALLABLE = "approvals.accounts.attempts.counted_address"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = LOGIN_FAILURE_LIMIT
AXES_COOLOFF_TIME = 0.25  # hours
AXES_RESET_ON_SUCCESS = False
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_CALLABLE = "approvals.accounts.throttle.locked_out"
AXES_ENABLE_ACCESS_FAILURE_LOG = False
AXES_VERBOSE = False

# --- the browser ----------------------------------------------------------------------------
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'self'"],
        "object-src": ["'none'"],
        "base-uri": ["'none'"],
        "form-action": ["'self'"],
        "frame-ancestors": ["'none'"],
    },
}
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"
SECURE_SSL_REDIRECT = env.bool("SECURE_SSL_REDIRECT", default=not DEBUG)
# What other programs ask each process for, behind the proxy.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 3600 if SECURE_SSL_REDIRECT else 0
# Subdomains and browsers' preload lists are for the owner of the domain to decide.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SESSION_COOKIE_SECURE = env.bool("SESSION_COOKIE_SECURE", default=not DEBUG)
CSRF_COOKIE_SECURE = env.bool("CSRF_COOKIE_SECURE", default=not DEBUG)
# Scripts read the token at each request: one drawn into the page is stale after another login.
CSRF_COOKIE_HTTPONLY = False
CSRF_FAILURE_VIEW = "approvals.accounts.stale.csrf_failure"

# --- static files, from the app itself ------------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_STORAGE_CLASS = (
    "django.contrib.staticfiles.storage.StaticFilesStorage"
    if DEBUG
    else "servestatic.storage.CompressedManifestStaticFilesStorage"
)
SERVESTATIC_USE_FINDERS = SERVESTATIC_AUTOREFRESH = DEBUG  # a changed file is seen at once
SERVESTATIC_USE_MANIFEST = not DEBUG  # what `collectstatic` hashed, under names that never change
SERVESTATIC_USE_STATIC_ROOT = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},  # nothing is kept
    "staticfiles": {"BACKEND": STATICFILES_STORAGE_CLASS},
}

# --- words, clocks, letters, logs -----------------------------------------------------------
LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

vars().update(env.email_url("EMAIL_URL", default="consolemail://"))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="approvals@localhost")
EMAIL_TIMEOUT = 10  # seconds
SITE_URL = env.str("SITE_URL", default="").rstrip("/")  # what stands before a path in a mail

LOGGING = logs.logging_settings(debug=DEBUG)
