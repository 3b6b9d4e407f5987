"""用户与权限 in a browser: two administrators, one request, at every size; the plain forms too."""

from __future__ import annotations

import pytest

from tests.browser.app import WORDS, add_user, sign_in
from tests.browser.audits import everything, told
from tests.browser.test_pages import TOUCH
from tests.browser.visit import settled
from tests.larger import larger

LOOKS = (
    (1440, 900, "light", "zh"), (1440, 900, "dark", "en"), (1024, 768, "light", "en"),
    (768, 1024, "dark", "zh"), (390, 844, "light", "zh"), (390, 844, "dark", "en"),
)  # fmt: skip
OPEN = "() => document.querySelectorAll('.users-details').forEach(d => { d.open = true; })"


@pytest.fixture(scope="module")
def keepers(chromium, plant_app):
    """The storage states of a system and a security administrator."""
    secret = plant_app.home.parent / "password"
    found = {}
    for name, role in (("keeper", "sysadmin"), ("warden", "secadmin")):
        code = add_user(plant_app.home, name, role, secret)
        found[name] = sign_in(chromium, plant_app.url, name, WORDS, code)
    return found


def look(width, height, theme, language):
    return {
        "width": width, "height": height, "theme": theme, "language": language,
        "touch": width < TOUCH, "cookies": {"theme": theme, "lang": language},
    }  # fmt: skip


def part(page, name):
    return page.locator(f'[id=\'{{"page":"users","part":"{name}"}}\']')


def test_one_asks_and_the_other_accepts(open_page, plant_app, keepers):
    url = plant_app.url + "/users"
    with open_page(url, **look(*LOOKS[0]), state=keepers["keeper"]) as visit:
        page = settled(visit).page
        page.evaluate(OPEN)
        part(page, "new-name").fill("new.clerk")
        page.locator('[data-picks="new-role"] [data-pick="clerk"]').click()
        part(page, "ask-account").click()
        page.locator(".users-said .strip-ok").wait_for()
    with open_page(f"{url}?request=1", **look(*LOOKS[0]), state=keepers["warden"]) as visit:
        page = settled(visit).page
        part(page, "accept").click()
        page.locator(".users-once").wait_for()
        assert len(page.locator(".users-once").inner_text()) == 16
        assert page.locator(".users-table").get_by_text("new.clerk").count() == 1


@pytest.mark.parametrize(
    ("who", "chosen"),
    [("warden", LOOKS[0]), ("keeper", LOOKS[-1]),
     *larger((who, look) for who in ("keeper", "warden") for look in LOOKS
             if (who, look) not in (("warden", LOOKS[0]), ("keeper", LOOKS[-1])))],
    ids=str,
)  # fmt: skip
def test_nothing_is_found(open_page, plant_app, keepers, who, chosen):
    path = f"{plant_app.url}/users?account=pages"
    with open_page(path, **look(*chosen), state=keepers[who]) as visit:
        settled(visit).page.evaluate(OPEN)
        findings = everything(settled(visit))
    assert not findings, told(findings)
