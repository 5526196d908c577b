"""Pictures of the pages for the docs, at both widths, in both themes: `make pictures`.

They show fixed demo rows, so that they can be taken again after every change of the pages.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from tests.conftest import find_chromium
from tests.e2e.pages import NARROW, WIDE, Tab, tabs
from tests.e2e.screenshots.places import SHOWN, Place
from tests.e2e.screenshots.site import Gallery, gallery
from tests.e2e.server import ROOT, say

COLOURS = 160
TALLEST = 1600  # pixels; longer pages are cut
SIZES = (WIDE, NARROW)
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")


def packed(shot: bytes) -> bytes:
    """Return the PNG with a palette, which is a quarter of its size."""
    out = BytesIO()
    with Image.open(BytesIO(shot)) as picture:
        few = picture.convert("RGB").quantize(
            COLOURS, Image.Quantize.MEDIANCUT, kmeans=2, dither=Image.Dither.NONE
        )
        few.save(out, "PNG", optimize=True)
    return out.getvalue()


def shots(tab: Tab, name: str) -> Iterator[tuple[str, bytes]]:
    """Yield pictures of the open page at all widths and in all themes, each with its file name."""
    for size in SIZES:
        tab.page.set_viewport_size(size)
        for theme in THEMES:
            tab.page.emulate_media(color_scheme=theme)
            height = min(tab.page.evaluate("document.documentElement.scrollHeight"), TALLEST)
            tab.page.set_viewport_size({**size, "height": max(size["height"], height)})
            yield f"{name}-{size['width']}-{theme}.png", packed(tab.page.screenshot())
            tab.page.set_viewport_size(size)


def take(browser: Browser, site: Gallery, places: list[Place], to: Path) -> list[Path]:
    """Write the pictures of these pages into the folder, and return their files."""
    to.mkdir(parents=True, exist_ok=True)
    made = []
    for place in places:
        with tabs(browser, site, place.who, reduced_motion="reduce") as tab:
            place.enter(tab, site.places)
            for name, picture in shots(tab, place.name):
                made.append(to / name)
                made[-1].write_bytes(picture)
    return made


def main() -> None:
    """Take all pictures, or those of the named pages."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--to", type=Path, default=ROOT / "docs" / "pictures")
    parser.add_argument("names", nargs="*", help="of places, as in tests/e2e/screenshots/places.py")
    options = parser.parse_args()
    places = [place for place in SHOWN if place.shown or place.name in options.names]
    places = [place for place in places if not options.names or place.name in options.names]
    chromium = find_chromium()
    if chromium is None:
        parser.error("there is no Chromium on this machine; on Debian: apt-get install chromium")
    folder = tempfile.TemporaryDirectory(prefix="blazen-pictures-")
    with folder as name, gallery(Path(name)) as site, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        made = take(browser, site, places, options.to)
        browser.close()
    size = sum(path.stat().st_size for path in made)
    say(f"{len(made)} pictures in {options.to}, {size / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
