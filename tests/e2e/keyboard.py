"""A keyboard in the hands of somebody quick: keys that are pressed as the page changes."""

from __future__ import annotations

from playwright.sync_api import Page, Request

from tests.e2e.server import eventually

APPROVE, REJECT = "[data-shortcut=approve]", "[data-shortcut=reject]"

# The pane changes and a key follows in one breath. Returns whether the focus moved, and whether
# the browser was kept from doing what it does with the key.
AT_ONCE = """([selector, key]) => {
  const options = { bubbles: true, cancelable: true };
  const target = document.querySelector("#detail");
  const detail = { target, xhr: {} };
  target.dispatchEvent(new CustomEvent("htmx:afterSwap", { ...options, detail }));
  const seen = document.activeElement;
  const event = new KeyboardEvent("keydown", { ...options, key });
  document.querySelector(selector).dispatchEvent(event);
  return [document.activeElement !== seen, event.defaultPrevented];
}"""

# Clicks on Approve as soon as the next request is in its place.
CLICK_ON_ARRIVAL = """() => {
  window.clicks = 0;
  new MutationObserver(() => {
    const button = document.querySelector("#detail:has(> .last-decision) [data-shortcut=approve]");
    if (!button || window.clicks++) return;
    button.click();
  }).observe(document.querySelector("#detail"), { childList: true });
}"""


def decisions(page: Page) -> list[Request]:
    """Return the list of the answers that the page posts from here on; drafts are none."""
    sent: list[Request] = []

    def note(one: Request) -> None:
        if one.method == "POST" and not one.url.partition("?")[0].endswith("/draft/"):
            sent.append(one)

    page.on("request", note)
    return sent


def has_focus(page: Page, selector: str) -> bool:
    """Say whether what has the focus is this."""
    return bool(page.evaluate("(s) => document.activeElement.matches(s)", selector))


def reach(page: Page, key: str, selector: str) -> None:
    """Press a key until it is heard: the pane may have changed just now."""

    def pressed() -> bool:
        page.keyboard.press(key)
        return has_focus(page, selector)

    eventually(pressed, f"{key} reaches {selector}")
