"""The pages in a real browser, and what they must never do."""

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

# Records in the page when a selector begins or ceases to match; all pages share one clock.
NOTE = """([selector, there]) => {
  const look = () => {
    if (Boolean(document.querySelector(selector)) === there) window.noted ??= Date.now();
  };
  const whole = { attributes: true, childList: true, subtree: true };
  new MutationObserver(look).observe(document, whole);
}"""

# htmx writes this to the console when a page aborts a request because another row was opened. For a
# request that failed it writes `htmx:sendError`, too.
GIVEN_UP = ("htmx:afterRequest, ", "htmx:sendAbort, ")

expect.set_options(timeout=5_000)


class Watch:
    """Collects what a page must not have: errors, dialogs, refused or unexpected requests.

    A response with a 4xx status, or a request that the page aborted, is not an error here,
    although the console shows one.
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
        """Return what the content security policy of this document refused."""
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
    """A server of the site, with the password of its accounts."""

    password: str

    def __hash__(self) -> int: ...

    @property
    def port(self) -> int: ...

    @property
    def url(self) -> str: ...


@cache
def logged_in(server: Server, name: str) -> Person:
    """Return a logged-in person. The login is shared by all callers, because it takes long."""
    person = Person(server.port)
    status = person.log_in(name, server.password)
    assert status == 302, f"{name} could not log in: {status}"
    return person


class Tab:
    """One person's browser with one page. With a `name` it has the shared login of that person."""

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
        """Log in with the form, for a login that nobody else uses."""
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
        """Load a page that has a socket, and wait until it shows that it is live."""
        self.open(path)
        expect(self.page.locator("[data-live=''][data-state=live]").first).to_be_attached()

    def row(self, request: str) -> Locator:
        """Return the inbox row of a request."""
        return self.page.locator(f"[data-request='{request}']")

    def look_back(self) -> None:
        """Return to the request that was decided: after a decision the page opens the next one."""
        self.page.click("#detail .last-decision a")

    def waiting(self) -> int:
        """Return the count in the page's title, 0 if there is none."""
        found = re.match(r"\((\d+)\)", self.page.title())
        return int(found[1]) if found else 0

    def expect_waiting(self, count: int) -> None:
        """Wait until the title of the page shows this number of pending requests."""
        start = rf"^\({count}\) " if count else r"^[^(]"
        expect(self.page).to_have_title(re.compile(start))

    def mark(self) -> None:
        """Set a mark that a reload removes."""
        self.page.evaluate("window.marked = true")

    @property
    def is_marked(self) -> bool:
        """True if the document has not been reloaded since `mark`."""
        return bool(self.page.evaluate("window.marked === true"))

    def note_when(self, selector: str, *, there: bool) -> None:
        """Record the time at which `selector` begins or ceases to match."""
        self.page.evaluate(NOTE, [selector, there])

    @property
    def noted(self) -> float:
        """The recorded time, in milliseconds since the epoch."""
        return float(self.page.evaluate("window.noted"))

    @property
    def is_too_wide(self) -> bool:
        """True if the page scrolls sideways, after its style has been loaded."""
        self.page.wait_for_load_state()
        script = "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        return bool(self.page.evaluate(script))

    def close(self) -> None:
        """Close the browser, and fail if the page had faults."""
        faults = self.watch.faults + self.watch.refused()
        self.context.close()
        assert faults == [], faults


@contextmanager
def tabs(browser: Browser, server: Server, *names: str, **options: Any) -> Iterator[Any]:
    """Yield a list with a `Tab` for each name, or one `Tab` for one name; close them afterwards."""
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
    """Start a run with a form over HTTP, and return the path of its page."""
    body = person.form(**fields)
    with person.asking("POST", f"/workflows/{quote(workflow)}/start/", body) as response:
        assert response.status == 303, response.read().decode()
        return str(response.headers["Location"])


def found(person: Person, words: str) -> list[str]:
    """Return the ids of the pending requests with `words` in their prompt, oldest first."""
    return ROW.findall(person.get(f"/?q={quote(words)}")[1])


def asked(person: Person, words: str, count: int = 1) -> list[str]:
    """Wait for `count` pending requests with `words` in their prompt, and return their ids."""
    eventually(lambda: len(found(person, words)) == count, f"{count} requests about {words!r}")
    return found(person, words)


def decide(person: Person, request: str, **fields: str) -> None:
    """Answer over HTTP, as a person in another browser."""
    status, page = person.post(f"/requests/{request}/decide/", **fields)
    assert status == 303, page


def paths_of(links: Iterable[Locator]) -> list[str]:
    """Return the paths of links."""
    return [link.get_attribute("href") or "" for link in links]
