"""The auditor's page at every size, in both themes and languages, and its papers."""

from __future__ import annotations

from datetime import datetime

import pytest

from data.state.audit import BEIJING
from tests.browser.app import WORDS, add_user, sign_in
from tests.browser.audits import everything, told
from tests.browser.test_pages import TOUCH
from tests.browser.visit import settled
from tests.larger import larger

NAME = "trail.auditor"
LOOKS = [
    ("/audit", 1440, "light", "zh"), ("/audit?record=2", 390, "dark", "en"),
]  # fmt: skip
MORE = [
    ("/audit", 390, "dark", "en"), ("/audit?q=nothing-like-it", 1440, "light", "zh"),
    ("/audit?record=2", 390, "light", "zh"), ("/audit?span=all&beats=1", 1024, "dark", "zh"),
    ("/audit", 1440, "dark", "en"), ("/audit", 1024, "light", "en"),
    ("/audit", 768, "dark", "zh"), ("/audit", 390, "light", "zh"),
    ("/audit?record=2", 1440, "light", "zh"),
]  # fmt: skip


@pytest.fixture(scope="module")
def auditor(chromium, plant_app):
    secret = plant_app.home.parent / "password"
    code = add_user(plant_app.home, NAME, "auditor", secret)
    return sign_in(chromium, plant_app.url, NAME, WORDS, code)


@pytest.mark.parametrize(
    ("path", "width", "theme", "language"),
    [*LOOKS, *larger(MORE)],
)
def test_nothing_is_found(open_page, plant_app, auditor, path, width, theme, language):
    with open_page(
        plant_app.url + path, width=width, height=900, touch=width < TOUCH, theme=theme,
        language=language, cookies={"theme": theme, "lang": language}, state=auditor,
    ) as visit:  # fmt: skip
        findings = everything(settled(visit))
    assert not findings, told(findings)


def test_a_search_a_record_and_a_verification(open_page, plant_app, auditor):
    with open_page(
        plant_app.url + "/audit", width=1440, height=900, cookies={"lang": "zh"}, state=auditor
    ) as visit:
        page = settled(visit).page
        page.get_by_role("button", name="立即校验").click()
        page.get_by_text("校验完好").wait_for()
        page.locator("#main").get_by_placeholder("搜索对象").fill("trail.auditor")
        page.wait_for_url("**q=trail.auditor*")
        settled(visit)
        page.locator(".records .work-name").first.click()
        page.locator("#record-card").wait_for()
        assert "record=" in page.url
        assert page.locator("#record-card").get_by_text("本条哈希").count() == 1
        page.keyboard.press("Tab")
        assert page.evaluate("() => document.activeElement !== document.body")


@pytest.mark.parametrize("path", ["/audit/day?day={day}", "/audit/report?month={month}"])
def test_the_papers_print(open_page, plant_app, auditor, path):
    today = datetime.now(BEIJING)
    with open_page(
        plant_app.url + path.format(day=f"{today:%Y-%m-%d}", month=f"{today:%Y-%m}"),
        width=900, height=1200, cookies={"lang": "zh"}, state=auditor,
    ) as visit:  # fmt: skip
        page = visit.page
        assert page.locator("h1").count() == 1
        assert page.evaluate("() => document.documentElement.scrollWidth <= window.innerWidth")
