"""One browser with several tabs: the login ends or changes while a page is open."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.pages import Tab, asked, expect, logged_in, start, tabs
from tests.e2e.server import Person, ServeProcess, eventually

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def server(everyday: ServeProcess) -> ServeProcess:
    return everyday


@pytest.fixture(scope="module")
def admin(server: ServeProcess) -> Person:
    return logged_in(server, "admin")


@pytest.fixture
def alice(browser: Browser, server: ServeProcess) -> Iterator[Tab]:
    with tabs(browser, server, "") as tab:
        tab.log_in("alice")
        yield tab


def ask(admin: Person, title: str) -> str:
    start(admin, "assistant", text=f"{title}. It is short.")
    return asked(admin, title)[0]


def switch_login(tab: Tab, server: ServeProcess, name: str) -> None:
    """Give the browser the cookies of another login, as a login in another tab does."""
    person = Person(server.port)
    assert person.log_in(name) == 302
    cookies = person.cookies
    tab.context.add_cookies(
        [{"name": key, "value": cookies[key], "url": tab.origin} for key in cookies]
    )


def without_a_socket(page: Page) -> None:
    """Close the socket of the page, so that it does not notice the logout by itself."""
    page.route_web_socket("**/ws/**", lambda socket: None)


def test_a_form_that_alice_filled_in_is_not_sent_as_bob(
    alice: Tab, server: ServeProcess, admin: Person
) -> None:
    request = ask(admin, "Typed by alice, not by bob")
    other = ask(admin, "Clicked meanwhile")
    page = alice.page
    without_a_socket(page)
    alice.open(f"/requests/{request}/")
    page.fill("[name=comment]", "Words of alice")
    switch_login(alice, server, "bob")
    page.click("[name=verdict][value=approve]")
    expect(page.locator("#login-alert")).to_contain_text("You are now logged in as bob")
    expect(page.locator("[name=comment]")).to_have_value("Words of alice")
    expect(page.locator(f"[data-open='{request}'][data-status=pending]")).to_be_visible()
    alice.row(other).click()  # the page would be bob's, with a form that shows alice's draft
    expect(page.locator(f"[data-open='{request}']")).to_be_visible()
    assert asked(admin, "Typed by alice, not by bob") == [request]

    switch_login(alice, server, "alice")
    page.click("[name=verdict][value=approve]")
    expect(page.locator("#detail .last-decision")).to_contain_text("Approved")
    expect(page.locator("#login-alert")).to_be_empty()
    alice.look_back()
    expect(page.locator("#detail .outcome")).to_contain_text("You approved this")
    expect(page.locator("#detail .outcome")).to_contain_text("Words of alice")


def test_a_new_login_of_the_same_person_needs_no_second_click(
    alice: Tab, server: ServeProcess, admin: Person
) -> None:
    request = ask(admin, "Sent under a new token")
    page = alice.page
    without_a_socket(page)
    alice.open(f"/requests/{request}/")
    page.fill("[name=comment]", "Once is enough")
    switch_login(alice, server, "alice")
    page.click("[name=verdict][value=approve]")
    expect(page.locator("#detail .last-decision")).to_contain_text("Approved")

    second = ask(admin, "Sent without a token")
    alice.open(f"/requests/{second}/")
    page.fill("[name=comment]", "Once is enough")
    alice.context.clear_cookies(name="csrftoken")
    page.click("[name=verdict][value=approve]")
    expect(page.locator("#detail .last-decision")).to_contain_text("Approved")

    alice.open("/workflows/assistant/")
    page.fill("[name=text]", "Started under a new token. It is short.")
    switch_login(alice, server, "alice")
    page.click("#start button")
    page.wait_for_url("**/runs/*/")
    asked(admin, "Started under a new token")


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_a_comment_and_a_start_are_kept_when_a_login_ends(
    browser: Browser, server: ServeProcess, admin: Person, scripts: bool
) -> None:
    request = ask(admin, f"Commented {'with' if scripts else 'without'} scripts, and logged out")
    with tabs(browser, server, "", java_script_enabled=scripts) as tab:
        page = tab.page
        tab.log_in("alice")
        tab.open(f"/requests/{request}/")
        page.click("summary:has-text('Add a comment')")
        page.fill("[name=comment]", "A decision that is not sent yet")
        page.fill("[name=said]", "Not before Monday")
        tab.context.clear_cookies(name="sessionid")
        page.click("button:has-text('Comment')")
        page.wait_for_url("**/accounts/login/**")
        expect(page.locator("main")).to_contain_text("What you typed is kept")
        tab.enter("alice")
        page.wait_for_url(f"**/requests/{request}/")
        expect(page.locator("[name=said]")).to_have_value("Not before Monday")
        if scripts:
            expect(page.locator("[name=comment]")).to_have_value("A decision that is not sent yet")
        expect(page.locator(".banner", has_text="Your login had ended")).to_be_visible()
        page.click("button:has-text('Comment')")
        expect(page.locator(".comments li")).to_contain_text("Not before Monday")
        expect(page.locator("[name=said]")).to_have_value("")

        tab.open("/workflows/assistant/")
        words = f"A start {'with' if scripts else 'without'} scripts after a login. It is short."
        page.fill("[name=text]", words)
        tab.context.clear_cookies(name="sessionid")
        page.click("#start button")
        page.wait_for_url("**/accounts/login/**")
        tab.enter("alice")
        page.wait_for_url("**/workflows/assistant/")
        expect(page.locator("[name=text]")).to_have_value(words)
        page.click("#start button")
        page.wait_for_url("**/runs/*/")
    eventually(lambda: asked(admin, words.split(".")[0]), "the run asks")


def test_a_form_without_scripts_is_kept_until_the_next_login_of_alice(
    browser: Browser, server: ServeProcess, admin: Person
) -> None:
    request = ask(admin, "Written without scripts, under another login")
    with tabs(browser, server, "", java_script_enabled=False) as tab:
        page = tab.page
        tab.log_in("alice")
        tab.open(f"/requests/{request}/")
        page.fill("[name=comment]", "Words without scripts")
        switch_login(tab, server, "bob")
        page.click("[name=verdict][value=approve]")
        expect(page.locator("h1")).to_have_text("You are now logged in as bob")
        expect(page.locator(".typed")).to_contain_text("Words without scripts")
        page.click("button:has-text('Log in as alice')")
        page.wait_for_url("**/accounts/login/**")
        tab.enter("alice")
        page.wait_for_url(f"**/requests/{request}/")
        expect(page.locator("[name=comment]")).to_have_value("Words without scripts")
        page.click("[name=verdict][value=reject]")
        expect(page.locator("#detail .outcome")).to_contain_text("You rejected this")
