"""The pages as people use them in a real browser, and what they must never do there."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, Protocol
from urllib.parse import quote, urlsplit

from playwright.sync_api import (
    Browser,
    ConsoleMessage,
    Dialog,
    Error,
    Locator,
    Page,
    Request,
    ViewportSize,
)
from playwright.sync_api import expect as expect

from tests.e2e.server import Person, eventually

WIDE: ViewportSize = {"width": 1440, "height": 900}
NARROW: ViewportSize = {"width": 390, "height": 844}

ROW = re.compile(r'<li data-request="([0-9a-f-]{36})"')

COLLECT = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""

# Notes in the page when a selector begins (or ceases) to match; all pages share one clock.
NOTE = """([selector, there]) => {
  const look = () => {
    if (Boolean(document.querySelector(selector)) === there) window.noted ??= Date.now();
  };
  const whole = { attributes: true, childList: true, subtree: true };
  new MutationObserver(look).observe(document, whole);
}"""

# What htmx writes to the console when a page gives up a request, as another row is gone to. For one
# that failed there is `htmx:sendError` as well.
GIVEN_UP = ("htmx:afterRequest, ", "htmx:sendAbort, ")

expect.set_options(timeout=5_000)


class Watch:
    """Collects what a page must not do: errors, dialogs, refused or unexpected requests.

    An answer with a 4xx status, or none because the page no longer wants it, is an outcome here,
    though the console calls it an error.
    """

    def __init__(self, page: Page, origin: str) -> None:
        self.faults: list[str] = []
        self._page = page
        self._origin = origin
        page.add_init_script(COLLECT)
        page.on("pageerror", self._on_error)
        page.on("console", self._on_console)
        page.on("dialog", self._on_dialog)
        page.on("request", self._on_request)

    def refused(self) -> list[str]:
        """Return what the policy of the present document refused."""
        return [f"policy: {text}" for text in self._page.evaluate("window.violations ?? []")]

    def _note(self, text: str) -> None:
        self.faults.append(f"{self._page.url}: {text}")

    def _on_error(self, error: Error) -> None:
        self._note(f"error: {error}")

    def _on_console(self, message: ConsoleMessage) -> None:
        status = "server responded with a status of 4" in message.text
        outcome = status or message.text.startswith(GIVEN_UP)
        if message.type in ("error", "warning") and not outcome:
            self._note(f"console: {message.text}")

    def _on_dialog(self, dialog: Dialog) -> None:
        self._note(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _on_request(self, request: Request) -> None:
        own = request.url.startswith((f"{self._origin}/", "data:image/svg+xml"))
        if not own or urlsplit(request.url).path == "/healthz":
            self._note(f"request: {request.method} {request.url}")


class Server(Protocol):
    """Whatever serves the site, and the password that opens its accounts."""

    password: str

    def __hash__(self) -> int: ...

    @property
    def port(self) -> int: ...

    @property
    def url(self) -> str: ...


@cache
def logged_in(server: Server, name: str) -> Person:
    """Return somebody with a login of their own, the same for all who ask: a login takes long."""
    person = Person(server.port)
    status = person.log_in(name, server.password)
    assert status == 302, f"{name} could not log in: {status}"
    return person


class Tab:
    """One person's browser with one page; with a `name`, that person has logged in elsewhere."""

    def __init__(self, browser: Browser, server: Server, name: str = "", **options: Any) -> None:
        self.origin = server.url
        self.context = browser.new_context(**{"viewport": WIDE, **options})
        self.page = self.context.new_page()
        self.watch = Watch(self.page, self.origin)
        if name:
            cookies = logged_in(server, name).cookies
            self.context.add_cookies(
                [{"name": key, "value": cookies[key], "url": self.origin} for key in cookies]
            )

    def log_in(self, name: str, password: str = "demo") -> None:
        """Go to the login and through it: for a login that nobody else uses."""
        self.open("/accounts/login/")
        self.enter(name, password)
        self.page.wait_for_url(f"{self.origin}/")

    def enter(self, name: str, password: str = "demo") -> None:
        """Fill in the login that the page shows."""
        self.page.fill("[name=username]", name)
        self.page.fill("[name=password]", password)
        self.page.press("[name=password]", "Enter")

    def open(self, path: str) -> None:
        """Load a page of the site."""
        self.page.goto(f"{self.origin}{path}")

    def open_live(self, path: str) -> None:
        """Load a page that has a socket, and wait until it says that it is live."""
        self.open(path)
        expect(self.page.locator("[data-live=''][data-state=live]").first).to_be_attached()

    def row(self, request: str) -> Locator:
        """Return the inbox row of a request."""
        return self.page.locator(f"[data-request='{request}']")

    def look_back(self) -> None:
        """After a decision the next request stands open: return to the one that was decided."""
        self.page.click("#detail .last-decision a")

    def waiting(self) -> int:
        """Return the count in the page's title, 0 if there is none."""
        found = re.match(r"\((\d+)\)", self.page.title())
        return int(found[1]) if found else 0

    def expect_waiting(self, count: int) -> None:
        """Wait until the page's title says that so many wait."""
        start = rf"^\({count}\) " if count else r"^[^(]"
        expect(self.page).to_have_title(re.compile(start))

    def mark(self) -> None:
        """Leave a mark that does not survive a reload."""
        self.page.evaluate("window.marked = true")

    @property
    def is_marked(self) -> bool:
        """Whether the document is still the one that was marked."""
        return bool(self.page.evaluate("window.marked === true"))

    def note_when(self, selector: str, *, there: bool) -> None:
        """Keep the moment at which `selector` begins or ceases to match."""
        self.page.evaluate(NOTE, [selector, there])

    @property
    def noted(self) -> float:
        """The moment that was kept, in milliseconds since the epoch."""
        return float(self.page.evaluate("window.noted"))

    @property
    def is_too_wide(self) -> bool:
        """Whether the page scrolls sideways, once its style is there: the words come first."""
        self.page.wait_for_load_state()
        script = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        return bool(self.page.evaluate(script))

    def close(self) -> None:
        """Close it, and fail if it did what no page may do."""
        faults = self.watch.faults + self.watch.refused()
        self.context.close()
        assert faults == [], faults


@contextmanager
def tabs(browser: Browser, server: Server, *names: str, **options: Any) -> Iterator[Any]:
    """Yield a `Tab` for each name (one alone for one name), and close them."""
    opened: list[Tab] = []
    try:
        opened.extend(Tab(browser, server, name, **options) for name in names)
        yield opened if len(opened) > 1 else opened[0]
    except BaseException:
        for tab in opened:
            tab.context.close()
        raise
    for tab in opened:
        tab.close()


def start(person: Person, workflow: str, **fields: str) -> str:
    """Start a run with a form, over HTTP, and return the path of its page."""
    body = person.form(**fields)
    with person.asking("POST", f"/workflows/{quote(workflow)}/start/", body) as response:
        assert response.status == 303, response.read().decode()
        return str(response.headers["Location"])


def found(person: Person, words: str) -> list[str]:
    """Return the ids of the requests that wait and whose prompt holds `words`, oldest first."""
    return ROW.findall(person.get(f"/?q={quote(words)}")[1])


def asked(person: Person, words: str, count: int = 1) -> list[str]:
    """Wait until so many requests with `words` in their prompt wait, and return their ids."""
    eventually(lambda: len(found(person, words)) == count, f"{count} requests about {words!r}")
    return found(person, words)


def decide(person: Person, request: str, **fields: str) -> None:
    """Answer over HTTP, as somebody elsewhere."""
    status, page = person.post(f"/requests/{request}/decide/", **fields)
    assert status == 303, page


def paths_of(links: Iterable[Locator]) -> list[str]:
    """Return where links lead."""
    return [link.get_attribute("href") or "" for link in links]
