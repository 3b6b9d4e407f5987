"""A note is written from a chart's menu, seen on it, removed and brought back; a target is set."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.visit import settled
from tests.larger import larger

MARKUP = "<b>检修</b> @x"
SIZES = ((1440, 900), (390, 844))


def label(page, panel):
    """The words over the months of a chart."""
    return page.locator(f'[data-panel="{panel}"] .plot-0 .annotation')


@pytest.mark.parametrize(("width", "height"), [SIZES[1], *larger(SIZES[:1])])
def test_a_note_is_written_seen_removed_and_brought_back(
    open_page, plant_app, signed_in, width, height
):
    with open_page(
        plant_app.url + "/", width=width, height=height, touch=width < 1200,
        cookies={"lang": "zh"}, state=signed_in,
    ) as visit:  # fmt: skip
        page = settled(visit).page
        card = page.locator('[data-panel="reduction-trend"]')
        card.locator("summary").click()
        card.locator("[data-ask=note]").click()
        form = page.locator(".edit-form[data-ready]")
        expect(form.locator("textarea")).to_be_focused()
        month = form.locator("[data-field=month] option").nth(1).get_attribute("value")
        form.locator("[data-field=month]").select_option(month)
        form.locator("textarea").fill(MARKUP)
        page.locator("[data-edit=save]").dblclick()
        expect(page.locator(".edit-dialog")).not_to_be_visible()
        expect(label(page, "reduction-trend").filter(has_text=MARKUP)).to_have_count(1)
        assert page.locator(".annotation b, .edit-list b").count() == 0

        if width >= 1200:  # the keyboard: the month under the pointer's place
            card.locator(".plot-0").focus()
            page.keyboard.press("ArrowRight")
            page.keyboard.press("n")
        else:
            card.locator("summary").click()
            card.locator("[data-ask=note]").click()
        line = page.locator(".edit-list li", has_text=MARKUP)
        expect(line).to_have_count(1)
        line.locator("[data-edit=remove]").click()
        expect(label(page, "reduction-trend").filter(has_text=MARKUP)).to_have_count(0)
        page.locator(".toast-undo").click()
        expect(label(page, "reduction-trend").filter(has_text=MARKUP)).to_have_count(1)
        card.locator("summary").click()
        card.locator("[data-ask=note]").click()
        line.locator("[data-edit=remove]").click()
        expect(page.locator(".edit-dialog")).not_to_be_visible()
        assert not visit.errors
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_a_target_is_set_from_its_card(open_page, plant_app, signed_in):
    with open_page(
        plant_app.url + "/", width=1440, height=900, cookies={"lang": "zh"}, state=signed_in
    ) as visit:
        page = settled(visit).page
        card = page.locator('[data-panel="emission-answer"]')
        card.locator("summary").click()
        card.locator("[data-ask=target]").click()
        form = page.locator(".edit-form[data-ready]")
        last = page.locator(".filter-range .filter-value").inner_text().split(" ～ ")[1]
        form.locator("[data-field=period]").select_option(last)
        form.locator("[data-field=aim]").select_option("budget")
        page.locator("[data-edit=save]").click()
        expect(page.locator(".work-dialog-said")).to_contain_text("请填写数值")
        form.locator("[data-field=value]").fill("1.5")
        page.keyboard.press("Enter")
        expect(page.locator(".edit-dialog")).not_to_be_visible()
        expect(card.locator(".kpi-aim")).to_contain_text("预算 1.50 tCO₂e")
        assert not visit.errors
