"""What a page shows while the server is slow or does not answer at all."""

from __future__ import annotations

import pytest

from tests.browser.visit import settled

pytestmark = pytest.mark.larger
ELSEWHERE = """() => {
  history.pushState({}, "", location.pathname + "?compare=none");
  window.dispatchEvent(new CustomEvent("_dashprivate_pushstate"));
}"""
STATES = "() => [...document.querySelectorAll('[data-panel]')].map((one) => one.dataset.state)"


def test_a_server_that_is_gone_leaves_the_numbers_and_says_so(open_page, plant_app, signed_in):
    with open_page(
        plant_app.url + "/emission", width=1440, height=900, cookies={"lang": "zh"},
        state=signed_in,
    ) as visit:  # fmt: skip
        page = settled(visit).page
        number = page.locator("[data-figure]").first.inner_text()
        page.context.set_offline(True)
        page.evaluate(ELSEWHERE)
        page.locator("#lost").wait_for()
        assert "loading" not in page.evaluate(STATES)
        assert page.locator("[data-figure]").first.inner_text() == number
        page.context.set_offline(False)
        page.locator("#lost [data-do=retry]").click()
        page.locator("#lost").wait_for(state="hidden")
        settled(visit)
        assert set(page.evaluate(STATES)) == {"ready"}


def test_a_slow_answer_keeps_the_old_numbers_dimmed_and_says_that_it_computes(
    open_page, plant_app, signed_in
):
    held = []
    with open_page(
        plant_app.url + "/emission", width=390, height=844, touch=True, cookies={"lang": "zh"},
        state=signed_in,
    ) as visit:  # fmt: skip
        page = settled(visit).page
        number = page.locator("[data-figure]").first.inner_text()
        page.route("**/_dash-update-component?**", lambda route: held.append(route))
        page.evaluate(ELSEWHERE)
        page.wait_for_function(
            "() => getComputedStyle(document.querySelector('.computing')).visibility === 'visible'"
        )
        assert set(page.evaluate(STATES)) == {"loading"}
        assert page.locator("[data-figure]").first.inner_text() == number
        for route in held:
            route.continue_()
        held.clear()
        page.unroute("**/_dash-update-component?**")
        settled(visit)
        assert set(page.evaluate(STATES)) == {"ready"}
