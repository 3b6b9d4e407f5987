"""Every page at every size, in both themes and both languages, passes every check."""

from __future__ import annotations

from itertools import product

import pytest

from tests.browser.audits import everything, page_scroll, told
from tests.browser.visit import settled

PAGES = (
    "/", "/emission", "/process", "/substitution", "/lifecycle", "/market", "/alerts", "/factors",
    "/closing", "/help", "/data",
)  # fmt: skip
SIZES = ((1920, 1080), (1440, 900), (1024, 768), (768, 1024), (390, 844))
WALKED = ("/", "/data")  # through all widths, in the normal run
THEMES = ("light", "dark")
LANGUAGES = ("zh", "en")
NARROWEST = 360
TOUCH = 1200  # narrower screens are touched


def looks(full):
    """Return page, size, theme and language of each visit: all, or each value at least once."""
    if full:
        return list(product(PAGES, SIZES, THEMES, LANGUAGES))
    turns = list(product(THEMES, LANGUAGES))
    turned = (SIZES[1], SIZES[4], SIZES[2], SIZES[0], SIZES[3])
    return [
        (page, turned[at % len(turned)], *turns[at % len(turns)]) for at, page in enumerate(PAGES)
    ]


def pytest_generate_tests(metafunc):
    if "theme" in metafunc.fixturenames:
        chosen = looks(metafunc.config.getoption("--full"))
        names = [f"{page}-{size[0]}-{theme}-{language}" for page, size, theme, language in chosen]
        metafunc.parametrize(("page", "size", "theme", "language"), chosen, ids=names)


def test_nothing_is_found(open_page, plant_app, signed_in, page, size, theme, language):
    width, height = size
    with open_page(
        plant_app.url + page, width=width, height=height, touch=width < TOUCH,
        theme=theme, language=language, cookies={"theme": theme, "lang": language},
        state=signed_in,
    ) as visit:  # fmt: skip
        findings = everything(settled(visit))
    assert not findings, told(findings)


@pytest.mark.parametrize("language", ["zh", pytest.param("en", marks=pytest.mark.larger)])
@pytest.mark.parametrize(
    "path",
    [p if p in WALKED else pytest.param(p, marks=pytest.mark.larger) for p in PAGES],
)
def test_no_width_makes_the_page_scroll_sideways(
    open_page, plant_app, signed_in, full, path, language
):
    found = []
    with open_page(
        plant_app.url + path, width=NARROWEST, height=800, language=language,
        cookies={"lang": language}, state=signed_in,
    ) as visit:  # fmt: skip
        for width in range(NARROWEST, 1921, 20 if full else 120):
            visit.page.set_viewport_size({"width": width, "height": 800})
            found += [one | {"at": width} for one in page_scroll(settled(visit))]
    assert not found, told(found)


def test_every_value_occurs_in_the_normal_run():
    pages, sizes, themes, languages = map(set, zip(*looks(full=False), strict=True))
    assert (pages, sizes) == (set(PAGES), set(SIZES))
    assert (themes, languages) == (set(THEMES), set(LANGUAGES))
