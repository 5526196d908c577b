"""What the environment may say, and what refuses to start."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from environ import Env

from blazen_site import environment

ROOT = Path(__file__).resolve().parents[2]
STRICT = {"DEBUG": "0", "SECRET_KEY": "given", "ALLOWED_HOSTS": "approvals.example.com"}


def settings_of(
    expression: str, folder: Path, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Load the settings in a fresh process with just these variables; print an expression."""
    code = f"from blazen_site import settings as s; print(({expression}))"
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={"PATH": os.environ["PATH"], "DATA_DIR": str(folder), **variables},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_debug_a_missing_secret_refuses_to_start(tmp_path: Path) -> None:
    result = settings_of("s.DEBUG", tmp_path)
    assert result.returncode != 0
    assert "SECRET_KEY is not set" in result.stderr
    assert not (tmp_path / "secret_key").exists()


def test_without_debug_a_wildcard_host_refuses_to_start(tmp_path: Path) -> None:
    result = settings_of("s.DEBUG", tmp_path, **{**STRICT, "ALLOWED_HOSTS": "a.example.com,*"})
    assert result.returncode != 0
    assert "ALLOWED_HOSTS contains '*'" in result.stderr


def test_without_debug_cookies_and_addresses_are_secure(tmp_path: Path) -> None:
    shown = "s.SECURE_SSL_REDIRECT, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE"
    assert settings_of(shown, tmp_path, **STRICT).stdout.strip() == "(True, True, True)"
    assert settings_of(shown, tmp_path, DEBUG="1").stdout.strip() == "(False, False, False)"


def test_each_secure_flag_can_be_switched_off_alone(tmp_path: Path) -> None:
    shown = "s.SECURE_SSL_REDIRECT, s.SESSION_COOKIE_SECURE, s.CSRF_COOKIE_SECURE"
    result = settings_of(shown, tmp_path, **STRICT, SECURE_SSL_REDIRECT="0")
    assert result.stdout.strip() == "(False, True, True)"


def test_the_defaults_are_one_process_with_a_file(tmp_path: Path) -> None:
    shown = "s.DATABASES['default']['NAME'], s.CHANNEL_LAYERS['default']['BACKEND'], s.PORT"
    result = settings_of(shown, tmp_path, DEBUG="1", DATABASE_URL="", REDIS_URL="", PORT="")
    file = str(tmp_path / "db.sqlite3")
    assert result.stdout.strip() == str((file, "workflows.layer.MemoryLayer", 8000))


def test_scaled_out_is_two_addresses(tmp_path: Path) -> None:
    shown = "s.DATABASES['default']['ENGINE'], s.CHANNEL_LAYERS['default']['BACKEND']"
    result = settings_of(
        shown,
        tmp_path,
        **STRICT,
        DATABASE_URL="postgres://someone@db.example.com/approvals",
        REDIS_URL="redis://bell.example.com:6379/0",
    )
    engine, layer = "workflows.postgresql", "workflows.layer.RedisLayer"
    assert result.stdout.strip() == str((engine, layer))


def test_sqlite_takes_the_write_lock_first_and_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    options = environment.database("", data_dir=tmp_path)["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "journal_mode=WAL" in options["init_command"]
    assert "synchronous=FULL" in options["init_command"]


def test_postgresql_has_a_pool_that_checks_its_connections(tmp_path: Path) -> None:
    config = environment.database("postgres://a@b/c", data_dir=tmp_path)
    assert config["OPTIONS"]["pool"]
    assert config["CONN_HEALTH_CHECKS"] is True


def test_options_in_the_address_have_the_last_word_and_leave_the_others(tmp_path: Path) -> None:
    url = "postgres://a@b/c?connect_timeout=9&options=-c%20jit%3Don"
    options = environment.database(url, data_dir=tmp_path)["OPTIONS"]
    assert int(options["connect_timeout"]) == 9
    assert options["keepalives_idle"] == environment.POSTGRES_PATIENCE["keepalives_idle"]
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
    monkeypatch.setenv("SECRET_KEY", "given")
    assert environment.secret_key(Env(), debug=debug, data_dir=tmp_path) == "given"
    assert not list(tmp_path.iterdir())
