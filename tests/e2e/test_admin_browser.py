"""Every admin page in a real browser, under the strict policy, light and dark, wide and narrow."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page

from tests.e2e.server import ServeProcess, eventually

pytestmark = pytest.mark.browser

LISTS = (
    "workflows/workflowrun", "workflows/inputrequest", "workflows/journalentry",
    "workflows/snapshot", "workflows/delivery", "workflows/worker", "approvals/decision",
    "approvals/preferences", "auth/user", "auth/group",
)  # fmt: skip
COLLECT = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) =>
  window.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`));
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServeProcess]:
    running = ServeProcess(tmp_path_factory.mktemp("var"), "--noreload").wait_until_healthy()
    yield running
    running.kill()


@pytest.fixture
def admin_page(browser: Browser, server: ServeProcess) -> Iterator[Page]:
    """A page with a login of the admin. It collects what the content security policy refused."""
    context = browser.new_context(color_scheme="dark", viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.add_init_script(COLLECT)
    page.on("pageerror", lambda error: pytest.fail(f"{page.url}: {error}"))
    page.goto(f"{server.url}/accounts/login/?next=/admin/")
    page.fill("[name=username]", "admin")
    page.fill("[name=password]", "demo")
    page.press("[name=password]", "Enter")
    page.wait_for_url("**/admin/")
    yield page
    context.close()


def refused(page: Page) -> list[str]:
    page.wait_for_load_state("load")
    return [f"{page.url}: {text}" for text in page.evaluate("window.violations")]


def is_too_wide(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > innerWidth + 1"))


def wait_for_rows(page: Page, address: str) -> None:
    """Wait until the worker has written rows."""

    def has_rows() -> bool:
        page.goto(address)
        return page.locator("#result_list tbody tr").count() > 0

    eventually(has_rows, f"rows at {address}")


def test_no_admin_page_breaks_the_policy(admin_page: Page, server: ServeProcess) -> None:
    admin = f"{server.url}/admin"
    for name in ("workflows/journalentry", "workflows/inputrequest", "workflows/snapshot"):
        wait_for_rows(admin_page, f"{admin}/{name}/")
    found = refused(admin_page)
    for name in LISTS:
        admin_page.goto(f"{admin}/{name}/")
        found += refused(admin_page)
        link = admin_page.locator("#result_list th a")
        if not link.count():
            continue
        change = f"{server.url}{link.first.get_attribute('href')}"
        for address in (change, change.partition("/change/")[0] + "/history/"):
            admin_page.goto(address)
            found += refused(admin_page)
    assert found == []


def test_an_action_is_done_and_a_message_is_shown(admin_page: Page, server: ServeProcess) -> None:
    admin_page.goto(f"{server.url}/admin/workflows/workflowrun/?q=assistant")
    admin_page.check("#result_list tbody tr >> nth=0 >> input[type=checkbox]")
    admin_page.select_option("[name=action]", "cancel")
    admin_page.click("button[name=index]")
    assert admin_page.inner_text(".messagelist") == "1 run was cancelled."
    assert refused(admin_page) == []


def test_a_run_is_readable_on_a_phone(admin_page: Page, server: ServeProcess) -> None:
    wait_for_rows(admin_page, f"{server.url}/admin/workflows/workflowrun/?q=expenses")
    admin_page.click("#result_list th a >> nth=0")
    admin_page.set_viewport_size({"width": 390, "height": 844})
    admin_page.locator("pre.value").first.wait_for()
    assert not is_too_wide(admin_page)
