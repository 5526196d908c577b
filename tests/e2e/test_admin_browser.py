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
def desk(browser: Browser, server: ServeProcess) -> Iterator[Page]:
    """A page where the admin has logged in, that collects what the policy refused."""
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
    """Wait until the worker has written something to look at."""

    def has_rows() -> bool:
        page.goto(address)
        return page.locator("#result_list tbody tr").count() > 0

    eventually(has_rows, f"rows at {address}")


def test_no_admin_page_breaks_the_policy(desk: Page, server: ServeProcess) -> None:
    admin = f"{server.url}/admin"
    for name in ("workflows/journalentry", "workflows/inputrequest", "workflows/snapshot"):
        wait_for_rows(desk, f"{admin}/{name}/")
    found = refused(desk)
    for name in LISTS:
        desk.goto(f"{admin}/{name}/")
        found += refused(desk)
        link = desk.locator("#result_list th a")
        if not link.count():
            continue
        change = f"{server.url}{link.first.get_attribute('href')}"
        for address in (change, change.partition("/change/")[0] + "/history/"):
            desk.goto(address)
            found += refused(desk)
    assert found == []


def test_an_action_is_done_and_a_message_is_shown(desk: Page, server: ServeProcess) -> None:
    desk.goto(f"{server.url}/admin/workflows/workflowrun/?q=assistant")
    desk.check("#result_list tbody tr >> nth=0 >> input[type=checkbox]")
    desk.select_option("[name=action]", "cancel")
    desk.click("button[name=index]")
    assert desk.inner_text(".messagelist") == "1 run was cancelled."
    assert refused(desk) == []


def test_a_run_is_readable_on_a_phone(desk: Page, server: ServeProcess) -> None:
    wait_for_rows(desk, f"{server.url}/admin/workflows/workflowrun/?q=expenses")
    desk.click("#result_list th a >> nth=0")
    desk.set_viewport_size({"width": 390, "height": 844})
    desk.locator("pre.value").first.wait_for()
    assert not is_too_wide(desk)
