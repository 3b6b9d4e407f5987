"""The manual: a link to where one already is, and all of it on paper."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import expect

from tests.browser.visit import settled

VISIBLE = """(id) => { const box = document.getElementById(id).getBoundingClientRect();
  return box.bottom > 0 && box.top < window.innerHeight; }"""


@pytest.fixture
def manual(open_page, plant_app, signed_in):
    def opened(anchor):
        return open_page(
            f"{plant_app.url}/help#{anchor}", width=1440, height=900, cookies={"lang": "zh"},
            state=signed_in,
        )  # fmt: skip

    return opened


def test_a_link_to_the_anchor_of_the_address_scrolls_there(manual):
    with manual("readme") as visit:
        page = settled(visit).page
        page.locator(".help-aside a[href^='#readme-']").last.click()
        anchor = page.url.partition("#")[2]
        settled(visit)
        page.evaluate("() => window.scrollTo(0, 0)")
        page.locator(f".help-aside a[href='#{anchor}']").click()
        page.wait_for_function(VISIBLE, arg=anchor)


def test_a_result_whose_anchor_is_in_the_address_opens_its_chapter(manual):
    with manual("indicator-emission") as visit:
        page = settled(visit).page
        page.locator(".help-search input").fill("碳排放量")
        expect(page.locator("[data-panel=found]")).to_be_visible()
        page.locator(".help-chapters a[href='#indicator-emission']").first.click()
        expect(page.locator("[data-panel=found]")).to_have_count(0)
        expect(page.locator(".help-chapters")).to_contain_text("G = Eg·EF_grid")
        expect(page).to_have_url(re.compile("#indicator-emission$"))


def test_printing_takes_every_chapter(manual):
    with manual("readme") as visit:
        page = settled(visit).page
        page.evaluate("() => { window.print = () => { window.printed = document.querySelectorAll("
                      "'.help-chapter').length; }; }")  # fmt: skip
        page.locator(".help-tools [data-do=print]").click()
        page.wait_for_function("() => window.printed")
        assert page.evaluate("() => window.printed") > 40
