"""`make pictures` can be relied on: each look of a page is a small PNG of the right width."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from tests.e2e.pictures import take
from tests.e2e.screenshots.places import SHOWN
from tests.e2e.screenshots.site import Gallery

pytestmark = pytest.mark.browser

MOST = 100_000  # bytes of one picture; there are some eighty, and they stay with the project


def test_each_look_of_a_page_becomes_a_small_picture(
    browser: Browser, shown: Gallery, tmp_path: Path
) -> None:
    inbox = next(place for place in SHOWN if place.name == "inbox")
    made = take(browser, shown, [inbox], tmp_path / "pictures")
    assert sorted(path.name for path in made) == [
        "inbox-1440-dark.png", "inbox-1440-light.png",
        "inbox-390-dark.png", "inbox-390-light.png",
    ]  # fmt: skip
    for path in made:
        with Image.open(path) as picture:
            assert f"-{picture.width}-" in path.name
            assert picture.mode == "P"
        assert path.stat().st_size < MOST
