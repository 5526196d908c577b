"""A person without permissions, in a real browser: no page shows them any request."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser

from tests.e2e.pages import NARROW, expect, tabs
from tests.e2e.screenshots.site import Gallery, gallery

pytestmark = pytest.mark.browser

SAID = ("Brandt Inspection", "Release 4.2.0", "Okafor", "invoice")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    with gallery(tmp_path_factory.mktemp("outsider") / "gallery") as running:
        yield running


@pytest.mark.parametrize("viewport", [None, NARROW], ids=["wide", "narrow"])
def test_a_person_without_permissions_sees_no_data(
    browser: Browser, site: Gallery, viewport: object
) -> None:
    options = {"viewport": viewport} if viewport else {}
    with tabs(browser, site, "nina", **options) as tab:
        tab.open("/")
        expect(tab.page.locator("#rows")).to_contain_text("You cannot see requests")
        assert tab.waiting() == 0
        for path in ("/", "/?q=Brandt", "/?mine=1", "/requests/answered/", "/runs/attention/"):
            tab.open(path)
            for words in SAID:
                expect(tab.page.locator("body")).not_to_contain_text(words)
        for name, path in site.places.items():
            if name.startswith(("request-", "run-")):
                answer = tab.page.goto(site.url + path)
                assert answer is not None
                assert answer.status == 404, name
                for words in SAID:
                    expect(tab.page.locator("body")).not_to_contain_text(words)
        assert not tab.is_too_wide
