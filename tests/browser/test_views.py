"""A reader picks a view, sees its name beside the numbers, and goes back to the ledger."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from playwright.sync_api import expect

from tests.browser.audits import everything, told
from tests.browser.test_pages import TOUCH
from tests.browser.visit import settled
from tests.larger import larger

WIDTHS = ((1440, 900, "口径：材料因子集 CN2026"), (390, 844, "口径：材料因子集 CN2026"))


@pytest.mark.parametrize(
    ("path", "width", "height", "name"),
    [("/", *WIDTHS[1]), ("/emission", *WIDTHS[0]),
     *larger([("/", *WIDTHS[0]), ("/emission", *WIDTHS[1])])],
)  # fmt: skip
def test_a_view_is_picked_named_and_left(
    open_page, plant_app, signed_in, path, width, height, name
):
    with open_page(
        plant_app.url + path, width=width, height=height, touch=width < 1200,
        cookies={"lang": "zh"}, state=signed_in,
    ) as visit:  # fmt: skip
        page = settled(visit).page
        before = page.locator("[data-figure]").count()
        page.locator(".filter-view summary").click()
        page.locator(".filter-view .menu-item", has_text="材料因子集 CN2026").click()
        expect(page).to_have_url(re.compile(r"view=CN2026"))
        expect(page.locator(".lens-line")).to_contain_text(name)
        settled(visit)
        missing = page.evaluate(UNNAMED, name)
        assert missing == []
        assert page.locator("[data-figure]").count() < before / 4
        page.locator("[data-view]:visible").first.click()
        expect(page.locator(".drawer")).to_contain_text(name)
        expect(page.locator(".drawer")).to_contain_text("与账本对照")
        page.keyboard.press("Escape")
        page.get_by_role("button", name="回到账本口径").click()
        expect(page.locator(".lens-line")).to_have_count(0)
        assert "view=" not in page.url
        assert settled(visit).page.locator("[data-figure]").count() == before
        assert not visit.errors


# A card is the nearest one around the number: each names the view itself.
UNNAMED = """(name) => [...document.querySelectorAll('[data-panel] [data-view]')].filter(
  (number) => number.checkVisibility() && !number.closest(
    '.kpi, .compact, .card').textContent.includes(name)).map((number) => number.outerHTML)"""


def test_the_view_stays_when_the_page_changes_and_enters_the_pictures(
    open_page, plant_app, signed_in
):
    with open_page(
        f"{plant_app.url}/?view=without-water", width=1440, height=900, cookies={"lang": "zh"},
        state=signed_in,
    ) as visit:  # fmt: skip
        page = settled(visit).page
        page.locator(".app-nav [data-nav='/emission']").click()
        expect(page).to_have_url(re.compile(r"/emission\?.*view=without-water"))
        settled(visit)
        picture = page.evaluate(
            "() => window.carbon.picture(document.querySelector('[data-panel=carbon]'))"
        )
        assert "口径：能耗不含水" in picture["text"]
        assert "能耗不含水" in picture["name"]


LOOKS = (
    ("/?view=without-copper", 390, "dark", "zh"), ("/?view=CN2026", 1440, "light", "en"),
    ("/emission?view=without-water", 390, "light", "en"),
    ("/emission?view=footprint&table=carbon", 1024, "dark", "zh"),
    ("/?grain=year&from={first}&to={last}", 390, "light", "zh"),
    ("/emission?grain=year&from={first}&to={last}", 1024, "dark", "en"),
    ("/?from={first}&to={last}", 1440, "light", "zh"),
)  # fmt: skip


@pytest.mark.parametrize(
    ("path", "width", "theme", "language"),
    [*LOOKS[::3], *larger(one for at, one in enumerate(LOOKS) if at % 3)],
)
def test_nothing_is_found_on_views_and_years(
    open_page, plant_app, signed_in, path, width, theme, language
):
    now = pd.Timestamp.now().to_period("M")
    path = path.format(first=f"{now - 13}", last=f"{now}")
    with open_page(
        plant_app.url + path, width=width, height=900, touch=width < TOUCH, theme=theme,
        language=language, cookies={"theme": theme, "lang": language}, state=signed_in,
    ) as visit:  # fmt: skip
        findings = everything(settled(visit))
        if "{" not in path and "grain=year" in path:
            assert visit.page.locator(".key-outline").count() >= 1
    assert not findings, told(findings)
