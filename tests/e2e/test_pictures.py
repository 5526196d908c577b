"""`make pictures`: each picture of a page is a small PNG of the right width."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import Browser

from tests.e2e.pictures import take
from tests.e2e.screenshots.places import SHOWN
from tests.e2e.screenshots.site import Gallery

pytestmark = pytest.mark.browser

MAX_BYTES = 100_000  # of one picture; there are about eighty, and they are in the repository


def test_each_picture_of_a_page_is_small(browser: Browser, shown: Gallery, tmp_path: Path) -> None:
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
        assert path.stat().st_size < MAX_BYTES
