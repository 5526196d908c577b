"""The selection of requests is kept after Back, after a reload, and on the page of a batch."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, Route

from tests.e2e.pages import NARROW, Tab, asked, decide, expect, found, logged_in, start, tabs
from tests.e2e.server import Person, ServeProcess, eventually

pytestmark = pytest.mark.browser

HEAD = "claim,person,team,date,category,description,amount,receipt\n"


@pytest.fixture(scope="module")
def server(everyday: ServeProcess) -> ServeProcess:
    return everyday


@pytest.fixture(scope="module")
def admin(server: ServeProcess) -> Person:
    return logged_in(server, "admin")


@pytest.fixture(params=[True, False], ids=["scripts", "no scripts"])
def alice(browser: Browser, server: ServeProcess, request: pytest.FixtureRequest) -> Iterator[Tab]:
    with tabs(browser, server, "alice", java_script_enabled=request.param) as tab:
        yield tab


def ask(admin: Person, *titles: str) -> list[str]:
    for title in titles:
        start(admin, "assistant", text=f"{title}. It is short.")
    return [asked(admin, title)[0] for title in titles]


def ticked(page: Page) -> list[str]:
    script = "(boxes) => boxes.filter((one) => one.checked).map((one) => one.value)"
    return list(page.eval_on_selector_all("#rows .row-checkbox input", script))


def test_after_back_no_other_row_is_selected(
    alice: Tab, admin: Person, server: ServeProcess, request: pytest.FixtureRequest
) -> None:
    mark = "with" if "no" not in request.node.name.split("[")[1] else "without"
    gone, chosen, other = ask(admin, *(f"Ticked {mark} scripts, {n}" for n in range(3)))
    page = alice.page
    alice.open(f"/?q=Ticked+{mark}+scripts")
    page.check(f"#rows input[value='{chosen}']")
    page.click("#selection button >> nth=0")
    expect(page.locator("h1")).to_have_text("Decide 1 selected request")
    decide(logged_in(server, "bob"), gone, verdict="approve")  # the rows move up
    page.go_back()
    expect(alice.row(gone)).to_have_count(0)
    expect(alice.row(other)).to_be_visible()
    assert set(ticked(page)) <= {chosen}
    if mark == "with":
        assert ticked(page) == [chosen]
        page.reload()
        assert ticked(page) == [chosen]


def test_back_from_a_request_leads_to_the_batch_with_what_was_typed(
    alice: Tab, admin: Person, request: pytest.FixtureRequest
) -> None:
    mark = "A" if "no" not in request.node.name.split("[")[1] else "B"
    words = [f"Refund {mark}{n} in a batch" for n in range(3)]
    lines = [
        f"R-{n},Ada Novak,Sales,2026-10-01,meals,{one},3{n}.50,no\n" for n, one in enumerate(words)
    ]
    start(admin, "expenses", claims=HEAD + "".join(lines), closing="")
    ids = [asked(admin, one)[0] for one in words]
    (bare,) = ask(admin, f"Text {mark} in the same batch")
    page = alice.page
    alice.open("/requests/decide/?" + "&".join(f"_id={one}" for one in [*ids, bare]))
    expect(page.locator("[data-group]")).to_have_count(2)
    for n, one in enumerate(ids):
        page.fill(f"[name='r.{one}.amount']", f"3{n}.50")
        page.select_option(f"[name='r.{one}.reason']", "in policy")
    page.uncheck(f"input[name=_id][value='{ids[2]}']")
    page.locator(f"[data-item='{ids[0]}'] .entry-title a").click()
    page.wait_for_url("**/requests/*/")
    page.go_back()
    expect(page.locator("[data-group]")).to_have_count(2)
    for n, one in enumerate(ids[:2]):
        page.fill(f"[name='r.{one}.amount']", f"3{n}.50")
        page.select_option(f"[name='r.{one}.reason']", "in policy")
    page.uncheck(f"input[name=_id][value='{ids[2]}']")
    group = page.locator(f"[data-group]:has([data-item='{ids[0]}'])")
    group.get_by_role("button", name="Approve selected").click()
    expect(page.locator(f"[data-item='{ids[0]}'] .tag.go")).to_have_text("Approved")
    expect(page.locator(f"[data-item='{ids[1]}'] .tag.go")).to_have_text("Approved")
    expect(page.locator(f"[data-item='{ids[2]}'] .row-checkbox")).to_be_visible()
    expect(page.locator(f"[data-item='{bare}'] .row-checkbox")).to_be_visible()
    assert found(admin, f"Refund {mark}") == [ids[2]]
    page.fill(f"[name='r.{ids[2]}.amount']", "nonsense")
    page.check(f"input[name=_id][value='{ids[2]}']")
    group.get_by_role("button", name="Approve selected").click()
    for _ in range(2):  # to the page after the POST; nothing is sent again
        expect(page.locator(f"[data-item='{ids[2]}'] .error")).to_be_visible()
        expect(page.locator(f"[name='r.{ids[2]}.amount']")).to_have_value("nonsense")
        expect(page.locator(f"[data-item='{ids[0]}'] .tag.go")).to_have_text("Approved")
        page.locator(f"[data-item='{ids[2]}'] .entry-title a").click()
        page.wait_for_url("**/requests/*/")
        page.go_back()
    page.set_viewport_size(NARROW)
    if mark == "A":
        assert not alice.is_too_wide


def test_a_page_from_the_browser_cache_shows_the_present_selection(
    browser: Browser, chromium_path: str, server: ServeProcess, admin: Person
) -> None:
    """With the back/forward cache of the browser, which other tests switch off."""
    gone, chosen, other = ask(admin, *(f"Kept whole {n}" for n in range(3)))
    caching = browser.browser_type.launch(
        executable_path=chromium_path, args=["--no-sandbox"],
        ignore_default_args=["--disable-back-forward-cache"],
    )  # fmt: skip
    with tabs(caching, server, "alice") as alice:
        page = alice.page
        page.route("**/?q=Kept+whole", without_no_store)
        # Chromium does not allow sockets to local addresses for pages that a test fulfils.
        page.route_web_socket("**/ws/**", lambda socket: None)
        alice.open("/?q=Kept+whole")
        page.check(f"#rows input[value='{chosen}']")
        page.click("#selection button >> nth=0")
        expect(page.locator("h1")).to_have_text("Decide 1 selected request")
        page.evaluate("(key) => sessionStorage.setItem(key, '[]')", ticks_of(page))
        decide(logged_in(server, "bob"), gone, verdict="approve")
        page.evaluate("history.back()")  # `go_back` would wait for a load event that does not come
        expect(alice.row(other)).to_be_visible()
        eventually(lambda: ticked(page) == [], "what is selected no longer is not ticked")
        # The same page as from the cache, also if the browser did not cache it.
        page.evaluate(
            "(box) => { box.checked = true; }", alice.row(other).locator("input").element_handle()
        )
        page.evaluate("dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))")
        assert ticked(page) == []
    caching.close()


def without_no_store(route: Route) -> None:
    """Serve the page without `no-store`, so that the browser may cache it."""
    response = route.fetch()
    kept = {name: value for name, value in response.headers.items() if name != "cache-control"}
    route.fulfill(response=response, headers=kept)


def ticks_of(page: Page) -> str:
    """Return the storage key of this person's selection in the tab."""
    return f"selection:{page.locator('[data-user]').get_attribute('data-user')}"


def test_the_selection_survives_filters_and_can_be_cleared(
    browser: Browser, server: ServeProcess, admin: Person
) -> None:
    first, second, _ = ask(
        admin, "Kept over a filter", "First looked for then", "Also looked for then"
    )
    with tabs(browser, server, "alice") as alice:
        page = alice.page
        alice.open_live("/")
        page.check(f"#rows input[value='{first}']")
        page.fill("#filters [name=q]", "looked for then")
        expect(alice.row(first)).to_have_count(0)
        page.check(f"#rows input[value='{second}']")
        expect(page.locator("#selection button >> nth=0")).to_have_text("Decide selected (2)")
        page.fill("#filters [name=q]", "")
        expect(alice.row(first).locator(".row-checkbox input")).to_be_checked()
        page.click("#selection button >> nth=0")
        expect(page.locator("h1")).to_have_text("Decide 2 selected requests")
        page.uncheck(f"input[name=_id][value='{second}']")
        button = page.get_by_role("button", name="Reject selected")
        expect(button).to_have_text(re.compile(r"\(1\)"))
        button.click()
        expect(page.locator(f"[data-item='{first}'] .tag")).to_have_text("Rejected")
        page.wait_for_load_state()  # its script removes decided requests from the selection
        alice.open("/")
        expect(page.locator("#selection button >> nth=0")).to_have_text("Decide selected (1)")
        page.click("[data-clear-selection]")
        expect(page.locator("#selection")).to_be_hidden()
        eventually(lambda: ticked(page) == [], "nothing is ticked")
