"""A finger: it scrolls the page over every chart, hits what it aims at, and pans nothing."""

from __future__ import annotations

from tests.browser.audits import told, touch_targets
from tests.browser.visit import settled

PAGES = ("/", "/emission", "/process", "/substitution", "/lifecycle", "/market")
SIZES = ((1024, 768), (768, 1024), (390, 844))
FAR = 240
STEPS = 12

CHARTS = """() => [...document.querySelectorAll('.plot .js-plotly-plot')].filter((gd) =>
  gd.checkVisibility() && gd.data && gd.data.length).map((gd) => ({
    panel: gd.closest('[data-panel]').dataset.panel, plot: gd.closest('.plot').dataset.plot,
    type: gd.data[0].type}))"""
PLACED = """([panel, plot]) => {
  const place = document.querySelector(`[data-panel="${panel}"] .plot[data-plot="${plot}"]`);
  place.scrollIntoView({block: 'center', behavior: 'instant'});
  const rect = place.getBoundingClientRect(), gd = place.querySelector('.js-plotly-plot');
  const ring = gd.querySelector('.slice path'), at = ring ? ring.getBoundingClientRect() : rect;
  const ways = document.documentElement;
  return {x: ring ? at.left + 8 : rect.left + rect.width / 2,
    y: ring ? at.top + at.height / 2 : rect.top + rect.height / 2, top: window.scrollY,
    left: ways.scrollHeight - window.innerHeight - window.scrollY,
    axis: gd.layout.xaxis ? JSON.stringify(gd.layout.xaxis.range) : ''}; }"""
MOVED = """([panel, plot]) => {
  const gd = document.querySelector(
    `[data-panel="${panel}"] .plot[data-plot="${plot}"] .js-plotly-plot`);
  return {top: window.scrollY,
    axis: gd.layout.xaxis ? JSON.stringify(gd.layout.xaxis.range) : '',
    drawer: Boolean(document.querySelector('.drawer'))}; }"""


def chosen(full):
    """Every page at every size, or two of them."""
    if full:
        return [(path, size) for path in PAGES for size in SIZES]
    return [("/process", SIZES[1]), ("/market", SIZES[2])]


def pytest_generate_tests(metafunc):
    if "size" in metafunc.fixturenames:
        found = chosen(metafunc.config.getoption("--full"))
        metafunc.parametrize(("path", "size"), found)


def test_one_finger_scrolls_the_page_over_every_chart(open_page, plant_app, signed_in, path, size):
    with open_page(
        plant_app.url + path, width=size[0], height=size[1], touch=True, state=signed_in,
        cookies={"lang": "zh"},
    ) as visit:  # fmt: skip
        page = settled(visit).page
        charts = page.evaluate(CHARTS)
        assert charts
        for chart in charts:
            name = [chart["panel"], chart["plot"]]
            before = page.evaluate(PLACED, name)
            far = -FAR if before["left"] > FAR else FAR  # up where there is more below
            swiped(page, before["x"], before["y"], far)
            after = page.evaluate(MOVED, name)
            # A finger's first way tells that it scrolls and is not scrolled.
            assert -60 < abs(after["top"] - before["top"]) - FAR < 10, (chart, before, after)
            assert after["axis"] == before["axis"], chart
            assert not after["drawer"], chart


def swiped(page, x, y, far):
    """Put a finger down, move it and lift it, as a hand does."""
    finger = page.context.new_cdp_session(page)

    def touch(kind, *points):
        finger.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": list(points)})

    touch("touchStart", {"x": x, "y": y})
    for step in range(1, STEPS + 1):
        touch("touchMove", {"x": x, "y": y + far * step / STEPS})
        page.wait_for_timeout(16)
    page.wait_for_timeout(80)  # held for a moment: nothing flings
    touch("touchEnd")
    page.wait_for_timeout(120)
    finger.detach()


def test_a_tap_on_a_chart_filters_by_its_part_and_two_open_its_number(
    open_page, plant_app, signed_in
):
    with open_page(
        plant_app.url + "/emission", width=768, height=1024, touch=True, state=signed_in,
        cookies={"lang": "zh"},
    ) as visit:  # fmt: skip
        page = settled(visit).page
        page.evaluate(PLACED, ["carbon", "0"])
        bar = page.locator('[data-panel="carbon"] .barlayer .point path').nth(3).bounding_box()
        place = bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] - 6
        page.touchscreen.tap(*place)
        page.touchscreen.tap(*place)
        page.locator(".drawer").wait_for()
        page.keyboard.press("Escape")
        page.locator(".drawer").wait_for(state="hidden")
        page.evaluate(PLACED, ["carbon", "0"])
        page.touchscreen.tap(*place)
        page.locator(".chips").wait_for()


def test_a_chart_that_keeps_the_finger_is_found(open_page, plant_app, signed_in):
    with open_page(
        plant_app.url + "/emission", width=390, height=844, touch=True, state=signed_in,
        cookies={"lang": "zh"},
    ) as visit:  # fmt: skip
        page = settled(visit).page
        page.add_style_tag(content=".plot, .plot * { touch-action: none !important; }")
        before = page.evaluate(PLACED, ["carbon", "0"])
        swiped(page, before["x"], before["y"], -FAR)
        assert page.evaluate(MOVED, ["carbon", "0"])["top"] == before["top"]


def test_what_a_finger_aims_at_is_large_enough_with_menus_open(
    open_page, plant_app, signed_in, path, size
):
    with open_page(
        plant_app.url + path, width=size[0], height=size[1], touch=True, state=signed_in,
        cookies={"lang": "zh"},
    ) as visit:  # fmt: skip
        page = settled(visit).page
        found = touch_targets(visit)
        menus = page.locator(".card-tools details.menu-box > summary")
        for at in range(min(menus.count(), 2)):
            menus.nth(at).evaluate("(summary) => { summary.parentElement.open = true; }")
            found += touch_targets(visit)
            menus.nth(at).evaluate("(summary) => { summary.parentElement.open = false; }")
    assert not found, told(found)
