"""质量与告警 in a browser: filters in the address, the drawer, the life of an alarm."""

from __future__ import annotations

import pytest

from tests.browser.audits import everything, told
from tests.browser.test_pages import TOUCH
from tests.browser.visit import settled
from tests.larger import larger

LOOKS = [
    ("/alerts?gaps=1", 1440, "dark", "en"), ("/alerts?status=closed&level=info", 390, "dark", "zh"),
    ("/alerts?status=working&meter=nothing", 768, "light", "en"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("path", "width", "theme", "language"), [LOOKS[1], *larger((LOOKS[0], LOOKS[2]))]
)
def test_nothing_is_found(open_page, plant_app, signed_in, path, width, theme, language):
    with open_page(
        plant_app.url + path, width=width, height=900, touch=width < TOUCH, theme=theme,
        language=language, cookies={"theme": theme, "lang": language}, state=signed_in,
    ) as visit:  # fmt: skip
        findings = everything(settled(visit))
    assert not findings, told(findings)


def test_the_life_of_an_alarm_by_keyboard_and_mouse(open_page, plant_app, signed_in):
    with open_page(
        plant_app.url + "/alerts", width=1440, height=1000, cookies={"lang": "zh"},
        state=signed_in,
    ) as visit:  # fmt: skip
        page = settled(visit).page
        before = page.locator("#alarms").inner_text()
        page.locator(".alert-table .life-open").first.wait_for()
        row = page.locator(".alert-table tr[data-issue]").first
        issue = row.get_attribute("data-issue")
        row.locator(".work-step").focus()
        page.keyboard.press("Enter")
        page.locator(".alert-drawer-box .drawer-name").wait_for()
        settled(visit)
        assert f"issue={issue}" in page.url
        assert page.evaluate("() => document.activeElement.dataset.alert") == "close"
        for _ in range(30):  # the keyboard stays in the drawer
            page.keyboard.press("Tab")
            assert page.evaluate("() => !!document.activeElement.closest('.alert-drawer')")
        page.get_by_role("button", name="派单").click()
        page.locator(".alert-drawer .life-working").wait_for()
        page.get_by_role("button", name="关闭告警").click()
        page.get_by_text("请填写原因").wait_for()
        page.get_by_label("原因或备注").fill("停机检修，属实")
        page.get_by_role("button", name="关闭告警").click()
        page.locator(".alert-drawer .life-closed").wait_for()
        assert page.locator(".alert-story li").count() == 3
        page.get_by_label("原因或备注").fill("又出现了")
        page.get_by_role("button", name="重新打开").click()
        page.locator(".alert-drawer .life-working").wait_for()
        page.keyboard.press("Escape")
        page.locator(".alert-drawer-box").wait_for(state="detached")
        assert "issue=" not in page.url
        assert page.locator("#alarms").inner_text() == before
        assert not visit.errors
        assert not visit.failures


def test_a_cell_filters_the_list_and_the_address_keeps_it(open_page, plant_app, signed_in):
    with open_page(
        plant_app.url + "/alerts?gaps=1", width=1440, height=1000, cookies={"lang": "zh"},
        state=signed_in,
    ) as visit:  # fmt: skip
        page = settled(visit).page
        cells = page.locator("a.cal-cell")
        if cells.count() == 0:
            pytest.skip("this month of the demonstration plant lacks nothing")
        cells.first.click()
        page.locator(".work-chip").wait_for()
        assert "meter=" in page.url
        assert "day=" in page.url
        page.locator("a.cal-cell.cal-chosen").click()
        page.locator(".work-chip").wait_for(state="detached")
        assert "meter=" not in page.url


def test_a_day_of_the_panel_leads_to_its_alarms(open_page, plant_app, signed_in):
    with open_page(
        plant_app.url + "/emission", width=1440, height=1000, cookies={"lang": "zh"},
        state=signed_in,
    ) as visit:  # fmt: skip
        page = settled(visit).page
        assert page.locator("[data-panel=anomalies] .heat-day").count() >= 28
        ring = page.locator("[data-panel=anomalies] a.heat-ring")
        if ring.count():
            ring.first.click()
            page.locator(".alert-table").wait_for()
            assert "/alerts?month=" in page.url
        assert not visit.errors
