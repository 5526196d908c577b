"""A fast user of the keyboard: keys are pressed just when the page changes."""

from __future__ import annotations

from playwright.sync_api import Page, Request

from tests.e2e.server import eventually

APPROVE, REJECT = "[data-shortcut=approve]", "[data-shortcut=reject]"

# The pane changes and a key is pressed at once. Returns whether the focus moved, and whether the
# page prevented the browser's default action for the key.
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

# Clicks on Approve as soon as the next request is shown.
CLICK_ON_ARRIVAL = """() => {
  window.clicks = 0;
  new MutationObserver(() => {
    const button = document.querySelector("#detail:has(> .last-decision) [data-shortcut=approve]");
    if (!button || window.clicks++) return;
    button.click();
  }).observe(document.querySelector("#detail"), { childList: true });
}"""


def decisions(page: Page) -> list[Request]:
    """Return a list that gets the answers that the page posts from now on, without drafts."""
    sent: list[Request] = []

    def note(one: Request) -> None:
        if one.method == "POST" and not one.url.partition("?")[0].endswith("/draft/"):
            sent.append(one)

    page.on("request", note)
    return sent


def has_focus(page: Page, selector: str) -> bool:
    """Return True if the element with the focus matches."""
    return bool(page.evaluate("(s) => document.activeElement.matches(s)", selector))


def reach(page: Page, key: str, selector: str) -> None:
    """Press a key until it has an effect: just after a change of the pane, keys are ignored."""

    def pressed() -> bool:
        page.keyboard.press(key)
        return has_focus(page, selector)

    eventually(pressed, f"{key} reaches {selector}")
