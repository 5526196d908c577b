"""Fixtures and hooks for all tests: no skips in CI, separate channel layers, one Chromium."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator

import pytest
from channels.layers import channel_layers
from hypothesis import HealthCheck, settings
from playwright.sync_api import Browser, sync_playwright

# A busy machine generates examples slowly, which is not a fault of the code.
settings.register_profile(
    "suite", settings.get_profile(settings.get_current_profile_name()), deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)  # fmt: skip
settings.load_profile("suite")

CHROMIUMS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
SHARED = {"everyday", "site", "shown"}  # servers that last for the session


def forbid_skip(report: pytest.TestReport | pytest.CollectReport) -> None:
    """Turn a skip into a failure in CI: there, everything that tests need must be installed."""
    if not os.environ.get("CI") or not report.skipped or hasattr(report, "wasxfail"):
        return
    reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
    report.outcome = "failed"
    report.longrepr = f"In CI nothing may be skipped; {report.nodeid}: {reason}"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Check the report of each test."""
    report = yield
    forbid_skip(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Check the report of each file, because a whole module can skip itself."""
    report = yield
    forbid_skip(report)
    return report


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Set which tests stay in one process when several share the work, and which come first.

    The tests of a file stay together, because they may share fixtures, and so do the files that
    share a server. Tests that wait for other processes begin before those that only compute.
    """
    if not hasattr(config, "workerinput"):
        return
    for item in items:
        shared = SHARED.intersection(getattr(item, "fixturenames", ()))
        item.add_marker(pytest.mark.xdist_group(min(shared, default=str(item.path))))
    items.sort(key=lambda item: "e2e" not in item.path.parts)


@pytest.fixture(autouse=True)
def own_channel_layers() -> None:
    """Give each test new channel layers, because each test has a new event loop.

    A Redis layer keeps a lock after a waiter was cancelled, and cannot be used in another loop.
    """
    channel_layers.backends.clear()


def find_chromium() -> str | None:
    """Return the path of the machine's Chromium."""
    return next((path for name in CHROMIUMS if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Return the path of the machine's Chromium; skip the test if there is none."""
    path = find_chromium()
    if path is None:
        pytest.skip("no Chromium on this machine; on Debian: apt-get install chromium")
    return path


@pytest.fixture(scope="module")
def browser(chromium_path: str) -> Iterator[Browser]:
    """One running Chromium; `browser.new_context()` is a person with separate cookies.

    While it runs, this thread has an event loop, so neither the ORM nor `async def` tests work in a
    module that uses it. Such tests use the database through the server or a command.
    """
    with sync_playwright() as playwright:
        # In a container its sandbox does not work; the pages are trusted.
        running = playwright.chromium.launch(executable_path=chromium_path, args=["--no-sandbox"])
        yield running
        running.close()
