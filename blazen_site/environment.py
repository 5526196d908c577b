"""Reads the environment variables of the settings, and the secret in the data folder.

It is separate from the settings, so that each rule ("outside DEBUG no secret is generated") is one
function with a test, and the settings are a list.
"""

import os
import secrets
import stat
from contextlib import suppress
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from django.core.exceptions import ImproperlyConfigured
from environ import Env

from blazen_site.variables import refusal

CODE = Path(__file__).resolve().parent.parent
MIN_DIFFERENT = 8  # characters of a secret that differ from each other
PLACEHOLDERS = (
    "djangoinsecure", "changeme", "changethis", "replaceme", "yoursecret", "secretkey",
    "mysecret", "notsecret", "password", "0123456789abcdef", "abcdefghij",
)  # fmt: skip

DATABASE_SCHEMES = ("postgres", "postgresql", "psql", "pgsql", "sqlite")

SQLITE_OPTIONS: dict[str, Any] = {
    # Two transactions that both began as readers cannot both write. With the write lock at the
    # beginning the second one waits and does not fail.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    # FULL: an acknowledged answer is kept after a power failure, not only after a crash.
    # The limit cuts a write-ahead log that grew during a slow query, when it begins anew.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
    "PRAGMA journal_size_limit=16777216",
}
# Steps have a second pool like this one (see `workflows.postgresql`).
# A request takes a connection from the pool and gives it back; workers hold few at a time. If the
# database is unavailable, a page gets an error after `timeout` seconds. The default of
# `reconnect_timeout` is five minutes, with pauses that double up to minutes. So the pool would
# notice a restored database late. With a short value the next request makes a new attempt.
POSTGRES_POOL: dict[str, Any] = {
    "min_size": 1, "max_size": 32, "timeout": 4, "reconnect_timeout": 2,
}  # fmt: skip
# Frequent statements are planned once for each connection, which saves half of their time.
POSTGRES_PREPARED: dict[str, Any] = {"server_side_binding": True, "prepare_threshold": 5}
# A machine that fails does not close its connections. Without these a query waits for two hours.
POSTGRES_TIMEOUTS: dict[str, Any] = {
    "connect_timeout": 4, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}  # fmt: skip
# The timeout is for a process that was frozen in a transaction and would keep its rows locked.
# JIT compilation takes a second, and no statement here runs long enough for it. The page cost is
# for data in memory or on solid state disks: with the default, PostgreSQL reads whole small tables
# and old index entries instead of using the index.
POSTGRES_SESSION = "-c idle_in_transaction_session_timeout=10s -c jit=off -c random_page_cost=1.1"


def private_directory(path: Path) -> Path:
    """Return the folder `path`. Make it if it is missing, and close it to other users.

    Raise ImproperlyConfigured, with the command to type, if it belongs to another user, or if other
    users need it: `/tmp`, a home, the code itself.
    """
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = path.stat()
    if not found.st_mode & 0o077:
        return path
    shared = found.st_mode & stat.S_ISVTX or CODE.is_relative_to(path) or path == Path.home()
    try:
        if shared or os.geteuid() not in (0, found.st_uid):
            raise PermissionError("others use it, too")
        path.chmod(0o700)
    except PermissionError as error:
        raise ImproperlyConfigured(
            f"The data folder {path} is open to other users of this machine (mode "
            f"{stat.S_IMODE(found.st_mode):04o}), and was not closed: {error}. Type `chmod 700 "
            f"{path}` if it is for this site alone, else name another one in DATA_DIR."
        ) from None
    return path


def private_file(path: Path) -> Path:
    """Return `path`. Close the existing file, and SQLite's files beside it, to other users.

    The first connection makes a missing file, which only its owner can read.
    """
    private_directory(path.parent)
    for one in path.parent.glob(f"{path.name}*"):
        with suppress(PermissionError, FileNotFoundError):
            if one.stat().st_mode & 0o077:
                one.chmod(0o600)
    return path


def kept_secret(path: Path) -> str:
    """Return the secret stored in `path`; the first caller makes it (mode 0600).

    Several processes may start at once. So the secret is written under another name and then linked
    to `path`. No process reads an incomplete secret, and all use the first one.
    """
    private_directory(path.parent)
    if not path.exists():
        draft = path.with_name(f"{path.name}.{os.getpid()}.{secrets.token_hex(4)}")
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_urlsafe(64))
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(draft, path)
        except FileExistsError:
            pass  # another process was first; its secret is used
        finally:
            draft.unlink()
    return path.read_text().strip()


def refuse_weak(name: str, value: str, *, length: int, debug: bool) -> None:
    """Raise ImproperlyConfigured for a weak secret. In DEBUG any secret is accepted."""
    small = value.lower().replace("-", "").replace("_", "").replace(" ", "")
    reason = ""
    if len(value) < length:
        reason = f"it has {len(value)} characters, and at least {length} are needed"
    elif len(set(value)) < MIN_DIFFERENT or value in (value + value)[1:-1]:
        reason = "it repeats a few characters"
    elif found := next((word for word in PLACEHOLDERS if word in small), ""):
        reason = f"it holds {found!r}, so it is an example and no secret"
    if reason and not debug:
        raise ImproperlyConfigured(
            f"{name} is weak: {reason}. Make one with `python -c 'import secrets; "
            "print(secrets.token_urlsafe(64))'`."
        )


def metrics_token(env: Env, *, debug: bool) -> str:
    """Return `METRICS_TOKEN`, or an empty text. Outside DEBUG a weak one is refused."""
    given: str = env.str("METRICS_TOKEN", default="").strip()
    if given:
        refuse_weak("METRICS_TOKEN", given, length=16, debug=debug)
    return given


def secret_key(env: Env, *, debug: bool, data_dir: Path) -> str:
    """Return `SECRET_KEY`, or in DEBUG a generated one that is stored in `data_dir`.

    Raise ImproperlyConfigured outside DEBUG if there is none. A generated secret would differ
    between machines, or be lost with a container, and sessions would end for no visible reason.
    """
    given: str = env.str("SECRET_KEY", default="").strip()
    if given:
        refuse_weak("SECRET_KEY", given, length=32, debug=debug)
        return given
    if debug:
        return kept_secret(data_dir / "secret_key")
    raise ImproperlyConfigured(
        "SECRET_KEY is not set. Outside DEBUG it must be given in the environment: a long random "
        "string, the same for every process of this site, and kept secret."
    )


def decision_keys(env: Env, *, debug: bool) -> list[str]:
    """Return the keys that sign decisions. Outside DEBUG a weak one is refused, like SECRET_KEY.

    If the list is empty, SECRET_KEY and its fallbacks are used.
    """
    given: list[str] = env.list("DECISION_KEYS", default=[])
    keys = [key.strip() for key in given if key.strip()]
    for place, key in enumerate(keys, 1):
        refuse_weak(f"Key {place} of DECISION_KEYS", key, length=32, debug=debug)
    return keys


def site_url(env: Env) -> str:
    """Return `SITE_URL` without a final slash; raise ImproperlyConfigured if it is no URL."""
    given: str = env.str("SITE_URL", default="").strip()
    parts = urlsplit(given)
    if given and (parts.scheme not in ("http", "https") or not parts.netloc or parts.query):
        raise refusal("SITE_URL", given, "a URL such as https://approvals.example.com")
    return given.rstrip("/")


def email(env: Env) -> dict[str, Any]:
    """Return Django's mail settings from `EMAIL_URL`; without one mails are printed."""
    given: str = env.str("EMAIL_URL", default="").strip() or "consolemail://"
    try:
        return dict(Env.email_url_config(given))
    except (ImproperlyConfigured, ValueError):  # its text may contain the password
        raise ImproperlyConfigured(
            f"EMAIL_URL cannot be read. It has to be {', '.join(sorted(Env.EMAIL_SCHEMES))}, "
            "followed by ://, for example smtp+tls://user:password@mail.example.com:587."
        ) from None


def allowed_hosts(env: Env, *, debug: bool) -> list[str]:
    """Return the host names of this site. Outside DEBUG a wildcard is refused.

    With `*` any page on the internet could open a socket as a logged-in reviewer, because the
    origin of sockets is compared with this list.
    """
    hosts: list[str] = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
    if "*" in hosts and not debug:
        raise ImproperlyConfigured(
            "ALLOWED_HOSTS contains '*'. Outside DEBUG name the hosts, for example "
            "ALLOWED_HOSTS=approvals.example.com."
        )
    return hosts


def trusted_proxies(env: Env) -> list[str]:
    """Return the proxies whose forwarded headers are used; none by default.

    Raise ImproperlyConfigured for an entry that is no address, no network and not "unix".
    """
    names: list[str] = env.list("TRUSTED_PROXIES", default=[])
    names = [name.strip() for name in names if name.strip()]
    for name in names:
        try:
            if name != "unix":
                ip_network(name)
        except ValueError as error:
            raise ImproperlyConfigured(
                f"TRUSTED_PROXIES contains {name!r}: {error}. Name addresses or networks, for "
                "example TRUSTED_PROXIES=127.0.0.1,10.0.0.0/8."
            ) from None
    return names


def database(url: str, *, data_dir: Path) -> dict[str, Any]:
    """Return Django's settings for the one database; without a URL an SQLite file in `data_dir`.

    Raise ImproperlyConfigured for a URL of another database, or one that cannot be read.
    """
    url = url.strip() or f"sqlite:///{data_dir / 'db.sqlite3'}"
    scheme = url.partition(":")[0]
    try:
        if scheme not in DATABASE_SCHEMES or "://" not in url:
            raise ValueError(f"{scheme!r} is no database that this site can use")
        config: dict[str, Any] = dict(Env.db_url_config(url))
    except ValueError as error:
        raise ImproperlyConfigured(
            f"DATABASE_URL cannot be used: {error}. It has to begin with postgres:// or "
            "sqlite:///, for example postgres://user:password@host/name."
        ) from None
    options: dict[str, Any] = {**config.get("OPTIONS", {})}
    if config["ENGINE"].endswith("sqlite3"):
        if not str(config["NAME"]).startswith((":memory:", "file:")):
            private_file(Path(config["NAME"]))
        config["ENGINE"] = "workflows.sqlite3"
        options = SQLITE_OPTIONS | options
    elif config["ENGINE"].endswith("postgresql"):
        config["ENGINE"] = "workflows.postgresql"
        session = f"{POSTGRES_SESSION} {options.get('options', '')}".strip()  # the last one wins
        options = {"pool": POSTGRES_POOL} | POSTGRES_PREPARED | POSTGRES_TIMEOUTS | options
        options["options"] = session
    return {**config, "OPTIONS": options, "CONN_HEALTH_CHECKS": True}


def channel_layer(url: str) -> dict[str, Any]:
    """Return the channel layer's settings: Redis at `url`, or within this process without it.

    Messages to a full channel are dropped without an error, so the capacity is large. Ten unread
    wake-ups are enough, because the sweep finds runs whose wake-ups were lost.
    """
    config: dict[str, Any] = {
        "capacity": 10_000, "expiry": 60, "channel_capacity": {"workflows": 10},
    }  # fmt: skip
    if not url:
        return {
            "BACKEND": "workflows.realtime.channel_layers.FastInMemoryChannelLayer",
            "CONFIG": config,
        }
    return {
        "BACKEND": "workflows.realtime.channel_layers.CancellableRedisChannelLayer",
        # A receiver waits five seconds at a time. The default timeout of redis-py is five seconds,
        # too, so an idle socket or worker could fail by chance.
        "CONFIG": config | {"hosts": [{"address": url, "socket_timeout": 15}]},
    }
