"""Every page of the site, in every state that looks different.

`what_is_missing` compares them with the URL configuration, so that a new page cannot be left out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from django.http import Http404
from django.urls import resolve

from tests.e2e.pages import Tab, expect
from tests.e2e.screenshots import PASSWORD
from tests.routes import routes

NOWHERE = "/requests/00000000-0000-4000-8000-000000000000/"

# Routes without a page here, and the reason. Three pages of the admin represent all others; the
# forms of users and groups are markup of Django, for which axe reports faults.
NO_PAGE = {
    "healthz": "JSON for a load balancer",
    "readyz": "JSON for a load balancer",
    "metrics": "text for Prometheus",
    "accounts:logout": "a POST that leads to the login",
    **{
        f"approvals:{verb}": "a POST that leads back to the request"
        for verb in ("claim", "release", "reassign", "reask", "comments", "draft", "undo")
    },
    "approvals:rows": "rows that the list of the inbox puts in place",
    "approvals:decide_many": "shown by `bulk`, whose address holds the ids that it chose",
    "workflows:snapshot": "JSON",
    "workflows:run_action": "a POST that leads to the run",
}


@dataclass(frozen=True, slots=True)
class Place:
    """A page in one state: the person, the address, and what they do first.

    `path` is an address, or the name of one in `Gallery.places`.
    """

    name: str
    who: str
    path: str
    act: Callable[[Tab], object] | None = None
    shown: bool = True
    """True if `make pictures` takes a picture of it."""

    def enter(self, tab: Tab, places: dict[str, str]) -> None:
        """Open the page in a tab of this person."""
        tab.open(self.address(places))
        if self.act is not None:
            self.act(tab)

    def address(self, places: dict[str, str]) -> str:
        """Return its path."""
        return places.get(self.path, self.path)


def refused_login(tab: Tab) -> None:
    tab.enter("alice", "wrong")
    tab.page.locator(".errors").wait_for()


def locked_out(tab: Tab) -> None:
    for _ in range(5):
        tab.open("/accounts/login/")
        tab.enter("mallory", "guess")
        tab.page.wait_for_load_state()
    expect(tab.page.locator("h1")).to_have_text("Too many failed logins")


def refused_decision(tab: Tab) -> None:
    tab.page.fill("[name=discount]", "much")
    tab.page.click("[name=approved][value=true]")
    tab.page.locator("#detail .errors").wait_for()


def empty_reply(tab: Tab) -> None:
    tab.page.click("[name=verdict][value=reply]")
    tab.page.locator("#text-error").wait_for()


def refused_start(tab: Tab) -> None:
    tab.page.fill("#start textarea", "claim,person\nC-1,Ada\n")
    tab.page.click("#start button")
    tab.page.locator("#start .errors").wait_for()


def refused_password(tab: Tab) -> None:
    tab.page.fill("[name=old_password]", "wrong")
    tab.page.fill("[name=new_password1]", "one thing 4711")
    tab.page.fill("[name=new_password2]", "another thing 4711")
    tab.page.click("main button.main")
    tab.page.locator(".errorlist").first.wait_for()


def saved(tab: Tab) -> None:
    tab.page.click("main button.main")
    tab.page.locator(".banner").wait_for()


def all_unfolded(tab: Tab) -> None:
    tab.page.evaluate("document.querySelectorAll('main details').forEach((one) => one.open = true)")
    tab.page.locator("#snapshot-body pre").wait_for()


def cancel_asked(tab: Tab) -> None:
    tab.page.click("#cancel-summary")


def several_ticked(tab: Tab) -> None:
    for row in ("Which terms do we offer Okafor", "Release 4.2.0"):
        tab.page.locator(f"li:has-text('{row}') .row-checkbox input").check()
    tab.page.click("#selection button >> nth=0")
    tab.page.locator("h1").wait_for()


def other_login(tab: Tab) -> None:
    """Send a form of vera after nina has logged in in another tab."""
    tab.enter("vera", PASSWORD)
    tab.page.wait_for_url("**/")
    tab.open("/accounts/")
    tab.page.select_option("[name=time_zone]", "Asia/Tokyo")
    other = tab.context.new_page()
    other.goto(f"{tab.origin}/accounts/")
    other.get_by_role("button", name="Log out").locator("visible=true").click()
    other.fill("[name=username]", "nina")
    other.fill("[name=password]", PASSWORD)
    other.press("[name=password]", "Enter")
    other.wait_for_url(f"{tab.origin}/")
    other.close()
    tab.page.click("main form button.main")
    expect(tab.page.locator("h1")).to_have_text("You are now logged in as nina")


def keys_open(tab: Tab) -> None:
    tab.page.keyboard.press("?")
    tab.page.locator("#shortcuts").wait_for()


def menu_open(tab: Tab) -> None:
    tab.page.evaluate("document.querySelector('.menu').open = true")


SHOWN = (
    Place("inbox", "bob", "/"),
    Place("inbox-none-match", "bob", "/?q=nothing+like+this", shown=False),
    Place("inbox-no-permission", "nina", "/", shown=False),
    Place("inbox-menu", "bob", "/", menu_open, shown=False),
    Place("request-bare", "bob", "request-bare"),
    Place("request-bare-refused", "bob", "request-bare", empty_reply, shown=False),
    Place("request-typed", "bob", "request-typed"),
    Place("request-typed-refused", "bob", "request-typed", refused_decision),
    Place("request-claim", "bob", "request-claim"),
    Place("request-together", "alice", "request-together"),
    Place("request-voted", "bob", "request-together", shown=False),
    Place("request-mine", "bob", "request-in-hand", shown=False),
    Place("request-held", "alice", "request-in-hand", shown=False),
    Place("bulk", "bob", "/", several_ticked, shown=False),
    Place("keys", "bob", "/", keys_open, shown=False),
    Place("request-answered", "alice", "request-answered"),
    Place("request-answered-typed", "alice", "request-answered-typed", shown=False),
    Place("request-expired", "bob", "request-expired", shown=False),
    Place("request-cancelled", "bob", "request-cancelled", shown=False),
    Place("request-blocked", "bob", "request-blocked", shown=False),
    Place("request-paused", "bob", "request-paused", shown=False),
    Place("request-four-eyes", "alice", "request-forbidden", shown=False),
    Place("request-read-only", "vera", "request-bare", shown=False),
    Place("request-missing", "bob", NOWHERE, shown=False),
    Place("answered", "bob", "/requests/answered/"),
    Place("closed", "bob", "/requests/answered/?closed=1", shown=False),
    Place("runs", "olga", "/runs/"),
    Place("runs-none-fit", "olga", "/runs/?q=ffffffff", shown=False),
    Place("run-queued", "olga", "run-queued", shown=False),
    Place("run-running", "olga", "run-running"),
    Place("run-waiting", "olga", "run-waiting"),
    Place("run-cancelling", "olga", "run-waiting", cancel_asked, shown=False),
    Place("run-unfolded", "olga", "run-waiting", all_unfolded, shown=False),
    Place("run-paused", "olga", "run-paused", shown=False),
    Place("run-blocked", "olga", "run-blocked", shown=False),
    Place("run-completed", "olga", "run-completed"),
    Place("run-failed", "olga", "run-failed"),
    Place("run-cancelled", "olga", "run-cancelled", shown=False),
    Place("run-expenses", "olga", "run-expenses"),
    Place("attention", "olga", "/runs/attention/"),
    Place("catalogue", "bob", "/workflows/"),
    Place("workflow", "bob", "/workflows/expenses/"),
    Place("workflow-refused", "bob", "/workflows/expenses/", refused_start, shown=False),
    Place("workflow-not-yours", "nina", "/workflows/expenses/", shown=False),
    Place("account", "bob", "/accounts/"),
    Place("account-saved", "bob", "/accounts/", saved, shown=False),
    Place("password", "bob", "/accounts/password/", shown=False),
    Place("password-refused", "bob", "/accounts/password/", refused_password, shown=False),
    Place("not-found", "bob", "/no/such/page/", shown=False),
    Place("not-permitted", "bob", "/admin/login/", shown=False),
    Place("admin", "admin", "/admin/", shown=False),
    Place("admin-runs", "admin", "/admin/workflows/workflowrun/"),
    Place("admin-run", "admin", "admin-run", shown=False),
    Place("login", "", "/accounts/login/"),
    Place("login-refused", "", "/accounts/login/", refused_login, shown=False),
    Place("other-login", "", "/accounts/login/", other_login, shown=False),
    Place("login-locked-out", "", "/accounts/login/", locked_out, shown=False),
)

# The pages of a new site without any rows.
EMPTY = (
    Place("empty-inbox", "bob", "/"),
    Place("empty-answered", "bob", "/requests/answered/"),
    Place("empty-closed", "bob", "/requests/answered/?closed=1"),
    Place("empty-runs", "bob", "/runs/"),
    Place("empty-attention", "olga", "/runs/attention/"),
)


def what_is_missing(places: dict[str, str]) -> Iterator[str]:
    """Yield the routes outside the admin that neither a place nor `NO_PAGE` has."""
    seen = {_route_at(place.address(places)) for place in SHOWN} | set(NO_PAGE)
    # A refused form is shown at the address that it was sent to.
    seen |= {"approvals:decide", "workflows:start"}
    for route in routes():
        if not route.pattern.startswith("admin/") and route.name not in seen:
            yield route.name


def _route_at(path: str) -> str:
    try:
        return resolve(path.partition("?")[0]).view_name
    except Http404:
        return ""
