"""Settings from the environment: their effects, and the values that prevent a start."""

from __future__ import annotations

import os
import secrets
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from environ import Env

from blazen_site import environment
from workflows.sqlite3.base import DatabaseWrapper

ROOT = Path(__file__).resolve().parents[2]
KEY = "Zx8-only-these-tests-know-it-4qLw91"
STRICT = {"DEBUG": "0", "SECRET_KEY": KEY, "ALLOWED_HOSTS": "approvals.example.com"}


def settings_of(
    expression: str, folder: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Load the settings in a new process with only these variables, and print an expression."""
    code = f"from blazen_site import settings as s; print(({expression}))"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(folder), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_debug_a_missing_secret_prevents_the_start(tmp_path: Path) -> None:
    result = settings_of("s.DEBUG", tmp_path)
    assert result.returncode != 0
    assert "SECRET_KEY is not set" in result.stderr
    assert not (tmp_path / "secret_key").exists()


def test_without_debug_a_wildcard_host_prevents_the_start(tmp_path: Path) -> None:
    result = settings_of("s.DEBUG", tmp_path, **{**STRICT, "ALLOWED_HOSTS": "a.example.com,*"})
    assert result.returncode != 0
    assert "ALLOWED_HOSTS contains '*'" in result.stderr


def test_without_debug_cookies_and_addresses_are_secure(tmp_path: Path) -> None:
    shown = "s.SECURE_SSL_REDIRECT, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE"
    assert settings_of(shown, tmp_path, **STRICT).stdout.strip() == "(True, True, True)"
    assert settings_of(shown, tmp_path, DEBUG="1").stdout.strip() == "(False, False, False)"


def test_each_secure_flag_can_be_switched_off_separately(tmp_path: Path) -> None:
    shown = "s.SECURE_SSL_REDIRECT, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE"
    result = settings_of(shown, tmp_path, **STRICT, SECURE_SSL_REDIRECT="0")
    assert result.stdout.strip() == "(False, True, True)"


def test_the_defaults_are_one_process_with_a_database_file(tmp_path: Path) -> None:
    shown = "s.DATABASES['default']['NAME'], s.CHANNEL_LAYERS['default']['BACKEND'], s.PORT"
    result = settings_of(shown, tmp_path, DEBUG="1", DATABASE_URL="", REDIS_URL="", PORT="")
    file = str(tmp_path / "db.sqlite3")
    layer = "workflows.realtime.channel_layers.FastInMemoryChannelLayer"
    assert result.stdout.strip() == str((file, layer, 8000))


def test_a_scaled_site_needs_two_addresses(tmp_path: Path) -> None:
    shown = "s.DATABASES['default']['ENGINE'], s.CHANNEL_LAYERS['default']['BACKEND']"
    result = settings_of(
        shown,
        tmp_path,
        **STRICT,
        DATABASE_URL="postgres://someone@db.example.com/approvals",
        REDIS_URL="redis://redis.example.com:6379/0",
    )
    engine, layer = (
        "workflows.postgresql",
        "workflows.realtime.channel_layers.CancellableRedisChannelLayer",
    )
    assert result.stdout.strip() == str((engine, layer))


def test_sqlite_locks_at_the_start_of_a_transaction_and_syncs_commits(tmp_path: Path) -> None:
    options = environment.database("", data_dir=tmp_path)["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]
    assert "synchronous=FULL" in options["init_command"]


def test_postgresql_has_a_pool_that_checks_its_connections(tmp_path: Path) -> None:
    config = environment.database("postgres://a@b/c", data_dir=tmp_path)
    assert config["OPTIONS"]["pool"]
    assert config["CONN_HEALTH_CHECKS"] is True


def test_options_in_the_address_override_defaults_and_keep_the_others(tmp_path: Path) -> None:
    url = "postgres://a@b/c?connect_timeout=9&options=-c%20jit%3Don"
    options = environment.database(url, data_dir=tmp_path)["OPTIONS"]
    assert int(options["connect_timeout"]) == 9
    assert options["keepalives_idle"] == environment.POSTGRES_TIMEOUTS["keepalives_idle"]
    assert options["options"] == f"{environment.POSTGRES_SESSION} -c jit=on"


def test_the_kept_secret_is_private_and_stays_the_same(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "secret_key"
    first = environment.kept_secret(path)
    assert len(first) > 50
    assert environment.kept_secret(path) == first
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_processes_that_start_together_agree_on_one_secret(tmp_path: Path) -> None:
    path = tmp_path / "secret_key"
    with ThreadPoolExecutor(8) as threads:
        secrets = set(threads.map(environment.kept_secret, [path] * 32))
    assert len(secrets) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["secret_key"]


@pytest.mark.parametrize("debug", [True, False])
def test_a_given_secret_is_used_and_nothing_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, debug: bool
) -> None:
    monkeypatch.setenv("SECRET_KEY", KEY)
    assert environment.secret_key(Env(), debug=debug, data_dir=tmp_path) == KEY
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "key",
    [
        "given", "secret", "x" * 64, "abc123" * 10, "django-insecure-9k2j4h5g6f7d8s9a0q1w2e3r4",
        "please-change-me-before-you-go-live-1234", "Your_Secret_Key_Goes_Here_0987654321zyx",
        "12341234123412341234123412341234", KEY[:31],
    ],
)  # fmt: skip
def test_a_weak_secret_prevents_the_start_without_debug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("SECRET_KEY", key)
    with pytest.raises(ImproperlyConfigured, match="SECRET_KEY is weak: it"):
        environment.secret_key(Env(), debug=False, data_dir=tmp_path)
    assert environment.secret_key(Env(), debug=True, data_dir=tmp_path) == key


def test_generated_secrets_are_accepted(tmp_path: Path) -> None:
    for made in (secrets.token_urlsafe(64), secrets.token_hex(16), secrets.token_urlsafe(32)):
        environment.refuse_weak("SECRET_KEY", made, length=32, debug=False)


def test_a_weak_token_prevents_the_start_and_the_error_names_it(tmp_path: Path) -> None:
    for token in ("figures", "aaaaaaaaaaaaaaaaaaaaaaaa", "changeme-changeme-now"):
        result = settings_of("s.DEBUG", tmp_path, **STRICT, METRICS_TOKEN=token)
        assert result.returncode != 0
        assert "METRICS_TOKEN is weak" in result.stderr
        assert token not in result.stderr.splitlines()[-1]
    assert settings_of("s.METRICS_TOKEN", tmp_path, **STRICT).stdout.strip() == ""


def test_a_readable_data_folder_is_made_private_with_its_files(tmp_path: Path) -> None:
    folder = tmp_path / "var"
    folder.mkdir(mode=0o755)
    for name in ("db.sqlite3", "db.sqlite3-wal"):
        (folder / name).touch(mode=0o644)
    environment.database("", data_dir=folder)
    modes = [stat.S_IMODE(one.stat().st_mode) for one in (folder, *folder.iterdir())]
    assert modes == [0o700, 0o600, 0o600]


@pytest.mark.django_db  # it connects
def test_only_the_owner_can_read_a_new_database(tmp_path: Path) -> None:
    settings = environment.database("", data_dir=tmp_path / "var")
    assert not Path(settings["NAME"]).exists()
    connection = DatabaseWrapper({**connections["default"].settings_dict, **settings})
    connection.connect()
    connection.close()
    assert stat.S_IMODE(Path(settings["NAME"]).stat().st_mode) == 0o600


def test_a_folder_of_other_users_is_refused_and_the_error_has_the_command(tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    shared.mkdir()
    shared.chmod(0o1777)
    for folder in (shared, environment.CODE, environment.CODE.parent):
        folder_mode = stat.S_IMODE(folder.stat().st_mode)
        if not folder_mode & 0o077:
            continue
        with pytest.raises(ImproperlyConfigured, match=f"chmod 700 {folder}"):
            environment.private_directory(folder)
        assert stat.S_IMODE(folder.stat().st_mode) == folder_mode


def test_a_database_in_memory_makes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    environment.database("sqlite://:memory:", data_dir=tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_trusted_proxy_has_to_be_a_network(tmp_path: Path) -> None:
    result = settings_of("s.DEBUG", tmp_path, **STRICT, TRUSTED_PROXIES="10.0.0.1/8")
    assert result.returncode != 0
    assert "TRUSTED_PROXIES contains '10.0.0.1/8'" in result.stderr
    shown = settings_of("s.TRUSTED_PROXIES", tmp_path, **STRICT, TRUSTED_PROXIES="::1, 10.0.0.0/8")
    assert shown.stdout.strip() == "['::1', '10.0.0.0/8']"


@pytest.mark.parametrize(
    ("name", "value", "allowed"),
    [
        ("WORKER_LEASE_SECONDS", "99", "a number of seconds from 0.1 to 30"),
        ("WORKER_LEASE_SECONDS", "nan", "a number of seconds from 0.1 to 30"),
        ("STEP_CONNECTIONS", "0", "a whole number of at least 1"),
        ("JOURNAL_KEEP", "-5", "a whole number of at least 1"),
        ("CLAIM_SECONDS", "0", "a whole number from 1 to 31536000"),
        ("UNDO_SECONDS", "x", "a whole number from 0 to 86400"),
        ("PORT", "abc", "a whole number from 0 to 65535"),
        ("METRICS_PORT", "70000", "a whole number from 0 to 65535"),
        ("LOGIN_FAILURE_LIMIT", "0", "a whole number of at least 1"),
        ("STARTS_PER_MINUTE", "1.5", "a whole number of at least 0"),
        ("REQUEST_SECONDS", "inf", "a number of seconds from 0.1 to 3600"),
        ("DEBUG", "maybe", "1 (or true, yes, on) or 0 (or false, no, off)"),
        ("SECURE_SSL_REDIRECT", "nope", "1 (or true, yes, on) or 0 (or false, no, off)"),
        ("SITE_URL", "approvals", "a URL such as https://approvals.example.com"),
    ],
)
def test_a_setting_out_of_its_bounds_stops_the_start_and_the_error_names_the_bounds(
    tmp_path: Path, name: str, value: str, allowed: str
) -> None:
    result = settings_of("s.PORT", tmp_path, **{**STRICT, name: value})
    assert f"{name} is {value!r}. It has to be {allowed}." in result.stderr


def test_an_empty_setting_has_its_default(tmp_path: Path) -> None:
    shown = "s.CLAIM_SECONDS, s.WORKER_LEASE_SECONDS, s.SECURE_SSL_REDIRECT, s.EMAIL_BACKEND"
    empty = dict.fromkeys(
        ["CLAIM_SECONDS", "WORKER_LEASE_SECONDS", "SECURE_SSL_REDIRECT", "EMAIL_URL"], ""
    )
    result = settings_of(shown, tmp_path, **STRICT, **empty)
    mail = "django.core.mail.backends.console.EmailBackend"
    assert result.stdout.strip() == str((900, 5.0, True, mail))


@pytest.mark.parametrize("url", ["mysql://a:secret-word@b/c", "approvals", "postgres://a@b:x/c"])
def test_a_database_that_this_site_cannot_use_is_refused_without_its_password(
    tmp_path: Path, url: str
) -> None:
    result = settings_of("s.PORT", tmp_path, **STRICT, DATABASE_URL=url)
    assert "DATABASE_URL cannot be used" in result.stderr
    assert "It has to begin with postgres:// or sqlite:///" in result.stderr
    assert "secret-word" not in result.stderr


def test_an_address_of_mail_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    for url in ("foo", "smtp://a:b@c:port"):
        result = settings_of("s.PORT", tmp_path, **STRICT, EMAIL_URL=url)
        assert "EMAIL_URL cannot be read." in result.stderr


def test_keys_of_decisions_have_to_be_as_strong_as_the_secret(tmp_path: Path) -> None:
    result = settings_of("s.PORT", tmp_path, **STRICT, DECISION_KEYS=f"{KEY},a")
    assert "Key 2 of DECISION_KEYS is weak: it has 1 characters" in result.stderr
    result = settings_of("s.DECISION_KEYS", tmp_path, **STRICT, DECISION_KEYS=f"{KEY}, {KEY}2")
    assert result.stdout.strip() == str([KEY, f"{KEY}2"])
