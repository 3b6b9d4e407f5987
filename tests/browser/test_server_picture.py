"""The menu's server picture: it arrives as a file, or the reader is told why not."""

from __future__ import annotations

from tests.browser.visit import settled


def entry(page):
    page.locator('[data-panel="carbon"] .card-tools summary').click()
    return page.locator('[data-panel="carbon"] [data-do="server-png"]')


def test_the_server_makes_the_picture(open_page, plant_app, signed_in):
    with open_page(
        plant_app.url + "/emission", width=1440, height=900, cookies={"lang": "zh"},
        state=signed_in,
    ) as visit:  # fmt: skip
        page = settled(visit).page
        with page.expect_download(timeout=45_000) as coming:
            entry(page).click()
        file = coming.value
        assert file.suggested_filename.endswith(".png")
        assert "碳排放量" in file.suggested_filename
        assert file.path().read_bytes().startswith(b"\x89PNG")
        assert not visit.errors


def test_a_server_that_cannot_says_why(open_page, plant_app, signed_in):
    with open_page(
        plant_app.url + "/emission", width=1440, height=900, cookies={"lang": "zh"},
        state=signed_in,
    ) as visit:  # fmt: skip
        page = settled(visit).page
        page.route("**/carbon.png*", lambda route: route.fulfill(status=503, body="没有 chromium"))
        entry(page).click()
        page.wait_for_timeout(300)
        assert page.locator("#toast").inner_text() == "没有 chromium"
