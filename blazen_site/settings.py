"""The settings of the site, all from the environment. The defaults are the embedded mode.

Outside DEBUG, a missing or invalid setting stops the start.
"""

from pathlib import Path

import django_stubs_ext
from environ import Env

from blazen_site import environment, logs
from blazen_site.variables import flag, seconds, whole

# Adds generics to classes of Django that have none (`ModelForm[Preferences]`).
django_stubs_ext.monkeypatch()

env = Env()

BASE_DIR = Path(__file__).resolve().parent.parent
DEBUG = flag(env, "DEBUG", default=False)
DATA_DIR = Path(env.str("DATA_DIR", default="") or BASE_DIR / "var").resolve()
PORT = whole(env, "PORT", 8000, 0, 65535)

SECRET_KEY = environment.secret_key(env, debug=DEBUG, data_dir=DATA_DIR)
ALLOWED_HOSTS = environment.allowed_hosts(env, debug=DEBUG)
CSRF_TRUSTED_ORIGINS = env.list("CSRF_TRUSTED_ORIGINS", default=[])

# --- limits ---------------------------------------------------------------------------------
PAYLOAD_MAX_BYTES = whole(env, "PAYLOAD_MAX_BYTES", 256 * 1024, 1)
ANSWER_MAX_BYTES = whole(env, "ANSWER_MAX_BYTES", 64 * 1024, 1)
JSON_MAX_DEPTH = whole(env, "JSON_MAX_DEPTH", 32, 1, 200)
# The largest HTTP request, and the time in which it has to arrive; see docs/operations.md.
REQUEST_MAX_BYTES = whole(env, "REQUEST_MAX_BYTES", 4 * 1024 * 1024, 1)
REQUEST_SECONDS = seconds(env, "REQUEST_SECONDS", 30.0, 0.1, 3600)
# Proxies whose X-Forwarded-For and X-Forwarded-Proto are used: addresses, networks, or "unix".
TRUSTED_PROXIES = environment.trusted_proxies(env)
# Open sockets of one person in each process.
SOCKETS_PER_PERSON = whole(env, "SOCKETS_PER_PERSON", 20, 1)
# Limits of one person per minute, over all processes; 0 means no limit. Decisions are not limited.
COMMENTS_PER_MINUTE = whole(env, "COMMENTS_PER_MINUTE", 30, 0)
STARTS_PER_MINUTE = whole(env, "STARTS_PER_MINUTE", 60, 0)
CLAIMS_PER_MINUTE = whole(env, "CLAIMS_PER_MINUTE", 120, 0)
DRAFTS_PER_MINUTE = whole(env, "DRAFTS_PER_MINUTE", 240, 0)
# Seconds after which other workers take over the runs of a killed worker; at most 30.
WORKER_LEASE_SECONDS = seconds(env, "WORKER_LEASE_SECONDS", 5.0, 0.1, 30)
# Seconds that a claim on a request lasts, and seconds in which an answer can be undone.
CLAIM_SECONDS = whole(env, "CLAIM_SECONDS", 900, 1, 365 * 86400)
UNDO_SECONDS = whole(env, "UNDO_SECONDS", 0, 0, 86400)
# Entries of the journal of an open run that are kept.
JOURNAL_KEEP = whole(env, "JOURNAL_KEEP", 10_000, 1)

# Connections to PostgreSQL that the steps of a worker share; if none is free, a step waits.
STEP_CONNECTIONS = whole(env, "STEP_CONNECTIONS", 24, 1)
# Seconds that a step may be idle in a transaction before PostgreSQL ends it; 0 means no limit.
STEP_IDLE_IN_TRANSACTION_SECONDS = seconds(env, "STEP_IDLE_IN_TRANSACTION_SECONDS", 3600.0, 0)
# Keys that sign decisions: the first signs, all verify. If empty, SECRET_KEY and its fallbacks.
DECISION_KEYS = environment.decision_keys(env, debug=DEBUG)

# --- operations -----------------------------------------------------------------------------
METRICS_TOKEN = environment.metrics_token(env, debug=DEBUG)
METRICS_PORT = whole(env, "METRICS_PORT", 0, 0, 65535)

# --- applications ---------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    # Before channels: the `runworker` of this app does not end when Redis is unavailable.
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
    "django_htmx.middleware.HtmxMiddleware",  # before whatever answers in place of a view
    "workflows.web.middleware.log_context.LogContextMiddleware",
    "workflows.web.middleware.invalid_characters.InvalidCharactersMiddleware",
    "approvals.accounts.middleware.freshness",
    # Before any row is read.
    "workflows.web.middleware.database_unavailable.DatabaseUnavailableMiddleware",
    "approvals.middleware.RequestSizeMiddleware",  # before the token is read
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
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
            # Its `csrf_token` adds the person of the form, also in the admin's templates.
            "builtins": ["approvals.templatetags.form_token"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "workflows.web.context_processors.frame",
                "approvals.context_processors.counts",
                "approvals.context_processors.navigation",
            ],
        },
    },
]

# --- database and channel layer -------------------------------------------------------------
DATABASES = {
    "default": environment.database(env.str("DATABASE_URL", default=""), data_dir=DATA_DIR)
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
CHANNEL_LAYERS = {"default": environment.channel_layer(env.str("REDIS_URL", default=""))}

# --- accounts -------------------------------------------------------------------------------
AUTHENTICATION_BACKENDS = [
    # The first only checks the limits of failed log-ins, the second passwords and permissions.
    "approvals.accounts.logins.lockout.LockoutBackend",
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

# Failures within a quarter of an hour, see approvals/accounts/logins/login_limits.py.
LOGIN_FAILURE_LIMIT = whole(env, "LOGIN_FAILURE_LIMIT", 5, 1)  # of a name at an address
LOGIN_FAILURES_PER_ADDRESS = whole(env, "LOGIN_FAILURES_PER_ADDRESS", 50, 1)
LOGIN_FAILURES_PER_NAME = whole(env, "LOGIN_FAILURES_PER_NAME", 100, 1)
AXES_HANDLER = "approvals.accounts.logins.login_limits.LimitedAttempts"
AXES_CLIENT_IP_CALLABLE = "approvals.accounts.logins.login_limits.counted_address"
AXES_LOCKOUT_PARAMETERS = [["username", "ip_address"]]
AXES_FAILURE_LIMIT = LOGIN_FAILURE_LIMIT
AXES_COOLOFF_TIME = 0.25  # hours
AXES_RESET_ON_SUCCESS = False
AXES_RESET_COOL_OFF_ON_FAILURE_DURING_LOCKOUT = False
AXES_LOCKOUT_CALLABLE = "approvals.accounts.logins.lockout.locked_out"
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
SECURE_SSL_REDIRECT = flag(env, "SECURE_SSL_REDIRECT", default=not DEBUG)
# Addresses that other programs request from each process directly.
SECURE_REDIRECT_EXEMPT = [r"^healthz$", r"^readyz$", r"^metrics$"]
SECURE_HSTS_SECONDS = 3600 if SECURE_SSL_REDIRECT else 0
# The owner of the domain decides about subdomains and browsers' preload lists.
SILENCED_SYSTEM_CHECKS = ["security.W005", "security.W021"]
SESSION_COOKIE_SECURE = flag(env, "SESSION_COOKIE_SECURE", default=not DEBUG)
CSRF_COOKIE_SECURE = flag(env, "CSRF_COOKIE_SECURE", default=not DEBUG)
# Scripts read the token at each request, because a token in the page is stale after a new login.
CSRF_COOKIE_HTTPONLY = False
CSRF_FAILURE_VIEW = "approvals.accounts.unsent_forms.csrf_failure.csrf_failure"

# --- static files, served by the application ------------------------------------------------
STATIC_URL = "/static/"
STATIC_ROOT = DATA_DIR / "static"
STATICFILES_DIRS = [BASE_DIR / "static"]
STATICFILES_STORAGE_CLASS = (
    "django.contrib.staticfiles.storage.StaticFilesStorage"
    if DEBUG
    else "blazen_site.static_storage.HashedModuleStorage"
)
SERVESTATIC_USE_FINDERS = SERVESTATIC_AUTOREFRESH = DEBUG  # a changed file is seen at once
SERVESTATIC_USE_MANIFEST = not DEBUG  # what `collectstatic` hashed, under names that never change
SERVESTATIC_USE_STATIC_ROOT = False
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},  # nothing is kept
    "staticfiles": {"BACKEND": STATICFILES_STORAGE_CLASS},
}

# --- language, time, mail, logs -------------------------------------------------------------
LANGUAGE_CODE = "en-gb"
USE_I18N = False
USE_TZ = True
TIME_ZONE = "UTC"

vars().update(environment.email(env))
DEFAULT_FROM_EMAIL = env.str("DEFAULT_FROM_EMAIL", default="approvals@localhost")
EMAIL_TIMEOUT = 10  # seconds
SITE_URL = environment.site_url(env)  # the beginning of links in mails

LOGGING = logs.logging_settings(debug=DEBUG)
