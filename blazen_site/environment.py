"""What the settings read from outside: environment variables, and the secret kept beside the data.

Kept apart from the settings so that each rule ("outside DEBUG a secret is not invented") is one
function with a test, and the settings remain a list.
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
    # Two writers that both began as readers cannot upgrade; taking the write lock first lets
    # the second one wait instead of failing.
    "transaction_mode": "IMMEDIATE",
    "timeout": 20,
    # FULL: an acknowledged answer survives a power cut, not only a crash of the process.
    # A write-ahead log that a slow reader made long is cut when it begins anew.
    "init_command": "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
    "PRAGMA journal_size_limit=16777216",
}
# Steps have a second pool like this one (see `workflows.postgresql`).
# A connection lives for one request and the pool keeps it warm; workers hold few at a time. While
# the database is away a page gets an error after `timeout` seconds. The pool's own default for
# `reconnect_timeout`, five minutes, doubles the pauses between its attempts up to minutes as well,
# and would find a database that is back long after that; given up early, the next request tries.
POSTGRES_POOL: dict[str, Any] = {
    "min_size": 1, "max_size": 32, "timeout": 4, "reconnect_timeout": 2,
}  # fmt: skip
# What runs for each answer is planned once a connection, not each time: half of what it cost.
POSTGRES_PREPARED: dict[str, Any] = {"server_side_binding": True, "prepare_threshold": 5}
# A machine that vanished sends no farewell. Without these a query waits for it for two hours.
POSTGRES_TIMEOUTS: dict[str, Any] = {
    "connect_timeout": 4, "keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3,
    "tcp_user_timeout": 10_000,
}  # fmt: skip
# A process that was frozen in the middle of a transaction must not keep its rows locked. To compile
# a statement takes a second, of which no statement of ours is worth one. And what ours look for is
# in memory or on a disk without an arm: reckoning with one, PostgreSQL reads whole small tables and
# what stood in an index before, rather than ask the index for a row.
POSTGRES_SESSION = "-c idle_in_transaction_session_timeout=10s -c jit=off -c random_page_cost=1.1"


def private_directory(path: Path) -> Path:
    """Return `path`, made if missing, closed to other users of the machine.

    One that is open to them is closed, if it is ours alone. Raise ImproperlyConfigured, with the
    line to type, for one that is not, or that others need: `/tmp`, a home, the code itself.
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
    """Return `path`; what is there of it, or beside it by SQLite, is closed to all but its owner.

    A file that is missing is made by the first connection, for its owner alone.
    """
    private_directory(path.parent)
    for one in path.parent.glob(f"{path.name}*"):
        with suppress(PermissionError, FileNotFoundError):
            if one.stat().st_mode & 0o077:
                one.chmod(0o600)
    return path


def kept_secret(path: Path) -> str:
    """Return the secret stored in `path`; the first caller makes it (mode 0600).

    Several processes may start at once: a secret is written whole under another name and then
    linked into place, so that nobody reads half of one and all agree on the first.
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
            pass  # another process was first; its secret counts
        finally:
            draft.unlink()
    return path.read_text().strip()


def refuse_weak(name: str, value: str, *, length: int, debug: bool) -> None:
    """Raise ImproperlyConfigured for a secret that can be guessed. In DEBUG any will do."""
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
    """Return `METRICS_TOKEN`, empty if there is none; a weak one is refused outside DEBUG."""
    given: str = env.str("METRICS_TOKEN", default="").strip()
    if given:
        refuse_weak("METRICS_TOKEN", given, length=16, debug=debug)
    return given


def secret_key(env: Env, *, debug: bool, data_dir: Path) -> str:
    """Return `SECRET_KEY`, or in DEBUG a generated one kept in `data_dir`.

    Raises ImproperlyConfigured outside DEBUG when there is none: sessions signed with a secret
    that differs between machines, or is lost with a container, fail in ways that are hard to see.
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
    """Return the keys that sign decisions; a weak one is refused outside DEBUG, as SECRET_KEY is.

    Empty if there are none: then SECRET_KEY and its fallbacks sign.
    """
    given: list[str] = env.list("DECISION_KEYS", default=[])
    keys = [key.strip() for key in given if key.strip()]
    for place, key in enumerate(keys, 1):
        refuse_weak(f"Key {place} of DECISION_KEYS", key, length=32, debug=debug)
    return keys


def site_url(env: Env) -> str:
    """Return `SITE_URL` without a slash at its end; raise ImproperlyConfigured if it is no URL."""
    given: str = env.str("SITE_URL", default="").strip()
    parts = urlsplit(given)
    if given and (parts.scheme not in ("http", "https") or not parts.netloc or parts.query):
        raise refusal("SITE_URL", given, "a URL such as https://approvals.example.com")
    return given.rstrip("/")


def email(env: Env) -> dict[str, Any]:
    """Return Django's settings of mail from `EMAIL_URL`; without one mail is printed."""
    given: str = env.str("EMAIL_URL", default="").strip() or "consolemail://"
    try:
        return dict(Env.email_url_config(given))
    except (ImproperlyConfigured, ValueError):  # its text may hold the password
        raise ImproperlyConfigured(
            f"EMAIL_URL cannot be read. It has to be {', '.join(sorted(Env.EMAIL_SCHEMES))}, "
            "followed by ://, for example smtp+tls://user:password@mail.example.com:587."
        ) from None


def allowed_hosts(env: Env, *, debug: bool) -> list[str]:
    """Return the names this site answers to; a wildcard is refused outside DEBUG.

    With `*` any page on the internet could open a socket here in a reviewer's name, because the
    origin check of the sockets compares with this list.
    """
    hosts: list[str] = env.list("ALLOWED_HOSTS", default=["127.0.0.1", "localhost", "[::1]"])
    if "*" in hosts and not debug:
        raise ImproperlyConfigured(
            "ALLOWED_HOSTS contains '*'. Outside DEBUG name the hosts, for example "
            "ALLOWED_HOSTS=approvals.example.com."
        )
    return hosts


def trusted_proxies(env: Env) -> list[str]:
    """Return the proxies whose forwarded headers are believed; none by default.

    Raise ImproperlyConfigured for what is neither an address, a network, nor "unix".
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
        session = f"{POSTGRES_SESSION} {options.get('options', '')}".strip()  # the last word counts
        options = {"pool": POSTGRES_POOL} | POSTGRES_PREPARED | POSTGRES_TIMEOUTS | options
        options["options"] = session
    return {**config, "OPTIONS": options, "CONN_HEALTH_CHECKS": True}


def channel_layer(url: str) -> dict[str, Any]:
    """Return the channel layer's settings: Redis at `url`, or within this process without it.

    A message that finds a full channel is dropped without a word, so capacity is generous; the
    sweep finds what a lost wake-up missed. Ten unread wake-ups are enough.
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
        # A receiver waits five seconds at a time; redis-py's own default gives up after five too,
        # and whichever is first decides whether a quiet socket or worker breaks.
        "CONFIG": config | {"hosts": [{"address": url, "socket_timeout": 15}]},
    }
