"""Every JavaScript module of a page is served under a hashed name and runs, without DEBUG.

`Tab` fails if the console has an error, so other tests check this on every page.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Response

from tests.e2e.pages import tabs
from tests.e2e.screenshots.places import SHOWN, Place
from tests.e2e.screenshots.site import Gallery

pytestmark = pytest.mark.browser

HASHED = re.compile(r"\.[0-9a-f]{12}\.[a-z]+$")
ENTRIES = {
    "inbox": "inbox",
    "request-typed": "inbox",
    "bulk": "bulk",
    "runs": "runs",
    "attention": "runs",
    "run-waiting": "runs",
    "workflow": "signed_in",
    "account": "signed_in",
    "login": "signed_out",
    "admin-run": "",
}


def named(name: str) -> Place:
    """Return the place of this name."""
    return next(place for place in SHOWN if place.name == name)


@pytest.mark.parametrize(("name", "entry"), ENTRIES.items())
def test_every_module_of_a_page_is_served_and_runs(
    browser: Browser, shown: Gallery, name: str, entry: str
) -> None:
    place = named(name)
    scripts: dict[str, int] = {}

    def note(response: Response) -> None:
        if response.request.resource_type == "script":
            scripts[urlsplit(response.url).path] = response.status

    with tabs(browser, shown, place.who) as tab:
        tab.page.on("response", note)
        place.enter(tab, shown.places)
        tab.page.wait_for_load_state()
        cookies = {cookie["name"] for cookie in tab.context.cookies()}
    assert set(scripts.values()) == {200}, scripts
    files = [path for path in scripts if path.startswith("/static/")]  # the others are views
    assert [path for path in files if not HASHED.search(path)] == []
    entries = [path for path in scripts if path.startswith("/static/js/entries/")]
    if entry:
        assert any(path.startswith(f"/static/js/entries/{entry}.") for path in entries), entries
    else:
        assert entries == []  # the scripts of the admin belong to Django
    assert ("timezone" in cookies) == bool(entry)
