"""Exploring: marks filter the page, chips take it away; a figure leads down to its readings."""

from __future__ import annotations

import csv
import io
import re

import duckdb
import pytest
from playwright.sync_api import expect

from tests.browser.audits import everything, told
from tests.browser.test_equal import TABLE, agree
from tests.browser.visit import settled
from tests.callbacks.test_focus import belongs
from tests.cli import manage
from tests.larger import larger

expect.set_options(timeout=20_000)  # a busy machine opens a drawer in seconds

# Page, the legend item that is pressed, the part that it is of; the market has months alone.
MARKS = (
    ("/", "energy-emission", "line:cable"),
    ("/emission", "carbon", "medium:electricity"),
    ("/process", "comparison", "line:conductor"),
    ("/substitution", "trend", "source:pv"),
    ("/lifecycle", "stages", "stage:transport"),
)
PATHS = (*(path for path, _, _ in MARKS), "/market")
LOOKED = ("/market",)
FEW = (MARKS[4], *larger(MARKS[:4]))
TURNS = [*LOOKED, *larger((path,) for path in PATHS if path not in LOOKED)]
CHAPTERS = {
    "/": "overview", "/emission": "whole-site-emissions", "/process": "dismantling",
    "/substitution": "substitution", "/lifecycle": "life-cycle", "/market": "carbon-sales",
}  # fmt: skip


@pytest.fixture
def look(open_page, plant_app, signed_in):
    def opens(path, **more):
        size = {"width": 1440, "height": 900} | more
        return open_page(
            plant_app.url + path, cookies={"lang": "zh", "theme": "light"}, state=signed_in, **size
        )

    return opens


@pytest.fixture(scope="module")
def ledger(plant_app, tmp_path_factory):
    file = tmp_path_factory.mktemp("ledger") / "ledger.csv"
    done = manage(plant_app.home, "export", "ledger", "--out", str(file))
    assert done.returncode == 0, done.stderr
    with file.open(encoding="utf-8") as rows:
        return {row["figure_id"]: row for row in csv.DictReader(rows)}


def focus_of(page):
    found = re.search(r"focus=([^&]*)", page.url.replace("%3A", ":").replace("%2C", ","))
    return found[1] if found else ""


def changed(visit, act, focus):
    """Do something to the page and wait until it is filtered so."""
    act()
    page = visit.page
    for _ in range(100):
        if focus_of(page) == focus:
            break
        page.wait_for_timeout(30)
    assert focus_of(page) == focus
    settled(visit)


def legend(page, panel, part):
    return page.locator(f'[data-panel="{panel}"] .legend-item[data-part="{part}"]').first


def press(page, place):
    """Press the middle of something that has no element of its own to click."""
    place.evaluate("(element) => element.scrollIntoView({block: 'center'})")
    page.wait_for_timeout(150)
    box = place.bounding_box()
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)


@pytest.mark.parametrize(("path", "panel", "part"), FEW)
def test_a_name_filters_and_chips_keys_and_back_take_it_away(look, path, panel, part):
    with look(path) as visit:
        page = settled(visit).page
        changed(visit, legend(page, panel, part).click, part)
        chips = page.locator(".chip")
        expect(chips).to_have_count(1)
        expect(page.locator(".unparted").first).to_contain_text("未筛选")
        assert not everything(visit), told(everything(visit))
        changed(visit, page.go_back, "")
        expect(chips).to_have_count(0)
        changed(visit, page.go_forward, part)
        chips.first.focus()
        changed(visit, lambda: page.keyboard.press("Delete"), "")
        expect(page.locator("#main")).to_be_focused()
        changed(visit, legend(page, panel, part).click, part)
        changed(visit, lambda: page.keyboard.press("Escape"), "")


@pytest.mark.parametrize("path", TURNS)
def test_a_month_filters_by_pointer_and_by_key_and_all_is_cleared_at_once(look, path):
    with look(path) as visit:
        page = settled(visit).page
        month = page.locator(".plot [data-month-of]").first
        label = month.get_attribute("data-month-of")
        changed(visit, lambda: press(page, month), f"month:{label}")
        expect(page.locator(".chip")).to_have_count(1)
        expect(page.locator(".plot .month-chosen").first).to_be_visible()
        changed(visit, page.locator(".chip-clear").click, "")
        panel = page.locator(".panel:has(.plot [data-month-of])").first
        panel.locator(".plot").first.focus()
        page.keyboard.press("ArrowRight")
        page.keyboard.press("ArrowRight")
        second = panel.get_attribute("data-month")
        changed(visit, lambda: page.keyboard.press("f"), f"month:{second}")


@pytest.mark.larger
def test_several_filters_are_taken_away_one_by_one(look):
    with look("/process?focus=line:cable,month:1999-01") as visit:
        page = settled(visit).page
        expect(page.locator(".chip")).to_have_count(2)
        expect(page.locator(".chip-idle")).to_contain_text("没有按它筛选")
        changed(visit, page.locator('.chip[data-chip="month:1999-01"]').click, "line:cable")
        expect(page.locator('[data-panel="comparison"] .card-sub')).to_contain_text("筛选：电缆")


BAR = """() => {
  const point = [...document.querySelectorAll(
    '[data-panel="energy-emission"] .plot-1 .barlayer .trace:nth-child(2) .point')][5];
  const box = point.querySelector('path').getBoundingClientRect();
  const trace = point.parentNode.parentNode.__data__[0].trace;
  const [dimension, entity] = trace.customdata[5].data_part.split(':');
  return {x: box.x + box.width / 2, y: box.y + box.height / 2, name: trace.name,
    part: dimension + ':' + entity}; }"""


def test_a_mark_filters_once_pressed_and_opens_twice_pressed(look):
    with look("/", height=1200) as visit:
        page = settled(visit).page
        bar = page.evaluate(BAR)
        page.mouse.move(bar["x"], bar["y"])
        page.wait_for_timeout(150)
        page.mouse.dblclick(bar["x"], bar["y"])
        expect(page.locator(".drawer-name")).to_contain_text(bar["name"])
        assert focus_of(page) == ""
        page.keyboard.press("Escape")
        expect(page.locator(".drawer")).to_have_count(0)
        page.mouse.move(bar["x"], bar["y"])
        changed(visit, lambda: page.mouse.click(bar["x"], bar["y"]), bar["part"])


@pytest.mark.larger
def test_a_ring_a_radar_and_a_flow_filter(look):
    node = '[data-panel="flows"] .sankey-node .node-rect'
    with look("/process") as visit:
        page = settled(visit).page
        changed(visit, lambda: press(page, page.locator(node).nth(4)), "equipment:cable_line")
        expect(page.locator('[data-panel="radar"] .unparted')).to_have_count(0)
    with look("/process") as visit:
        page = settled(visit).page
        spoke = page.locator('[data-panel="radar"] .scatterlayer .trace').last.locator("path.point")
        spoke.nth(3).evaluate("(element) => element.scrollIntoView({block: 'center'})")
        box = settled(visit) and spoke.nth(3).bounding_box()
        page.mouse.move(box["x"], box["y"] + box["height"] / 2)
        page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        page.wait_for_timeout(200)
        changed(visit, lambda: press(page, spoke.nth(3)), "equipment:environmental")
    with look("/emission") as visit:
        page = settled(visit).page
        ring = page.locator('[data-panel="building-share"] .pielayer:has(.slice)')
        ring.evaluate("(element) => element.scrollIntoView({block: 'center'})")
        box = settled(visit) and ring.bounding_box()
        place = (box["x"] + box["width"] - 12, box["y"] + box["height"] / 2)
        page.mouse.move(place[0] - 2, place[1])
        page.mouse.move(*place)
        page.wait_for_timeout(200)
        changed(visit, lambda: page.mouse.click(*place), "building:plant")


NUMBERS = """() => [...document.querySelectorAll('[data-panel]')].flatMap((panel) =>
  [...panel.querySelectorAll('[data-figure]')].filter((e) => !e.closest('.plot')).map((e) => ({
    panel: panel.dataset.panel, figure: e.dataset.figure, value: e.dataset.value,
    outside: Boolean(e.closest('.unparted-box')
      || panel.querySelector(':scope > .card > .words > .unparted, .words > .unparted'))})))"""


@pytest.mark.parametrize(("path", "_panel", "part"), FEW)
def test_screen_csv_and_trace_are_one_under_a_filter(look, plant_app, ledger, path, _panel, part):
    name = path.strip("/") or "overview"
    with look(f"{path}?focus={part}") as visit:
        page = settled(visit).page
        inside = [one for one in page.evaluate(NUMBERS) if not one["outside"]]
        assert inside
        for number in inside:
            row = ledger[number["figure"]]
            assert number["value"] == row["value"]
        charted = page.evaluate(
            "() => [...document.querySelectorAll("
            "'.panel-card[data-state=ready]:not(:has(> .card > .words > .unparted))"
            ":has([data-switch^=table]) .plot')]"
            ".map((plot) => plot.closest('[data-panel]').dataset.panel)"
        )
        assert charted
        for panel in dict.fromkeys(charted):
            page.goto(f"{plant_app.url}{path}?focus={part}&table={panel}")
            table = settled(visit).page.evaluate(TABLE, panel)
            address = f"{plant_app.url}/download/{name}/{panel}.csv?focus={part}"
            body = page.request.get(address).body()
            sheet = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
            agree(table, sheet)
            if page.locator(f'[data-panel="{panel}"] .data-table [data-forecast]').count():
                continue  # its numbers are no ledger's: test_equal.py
            shown = page.locator(f'[data-panel="{panel}"] .data-table [data-figure]').first
            figure, value = (shown.get_attribute(f"data-{n}") for n in ("figure", "value"))
            row = ledger[figure]
            assert belongs((row["indicator"], row["dimension"], row["entity"]), part)
            shown.click()
            opened = page.locator(f'.drawer [data-figure="{figure}"]').first
            expect(opened).to_have_attribute("data-value", value)


def test_from_a_card_down_to_the_row_of_the_file(look, plant_app):
    with look("/process") as visit:
        page = settled(visit).page
        page.locator('[data-panel="line-cable"] .compact-value').first.click()
        meter = page.locator(".drawer .drill").first
        meter.wait_for()
        name, code = meter.inner_text(), meter.get_attribute("data-meter")
        meter.click()
        expect(page.locator(".drawer-name")).to_contain_text(name)
        page.locator(".course-plot .bars .point").first.wait_for()
        expect(page.locator(".drawer .drill")).to_have_count(31)
        page.locator(".drawer .drill").nth(9).click()
        rows = page.locator(".drawer tr:has([data-reading])")
        rows.first.wait_for()
        cells = rows.nth(20).locator("td")
        value = float(rows.nth(20).locator("[data-reading]").get_attribute("data-reading"))
        file, row = cells.nth(3).inner_text().splitlines()[0], int(cells.nth(4).inner_text())
        kept = plant_app.home / "inbox"
        paths = [path for path in kept.iterdir() if path.name.endswith("-readings.parquet")]
        assert paths
        assert file.endswith(".parquet")
        sql = (
            "SELECT meter_id, value FROM read_parquet($path, file_row_number = true) "
            "WHERE file_row_number + 1 = $row"
        )
        with duckdb.connect() as store:
            found = [
                store.execute(sql, {"path": str(path), "row": row}).fetchone() for path in paths
            ]
        assert (code, value) in [(one[0], float(one[1])) for one in found if one]
        crumbs = page.locator(".drawer-crumbs .crumb")
        expect(crumbs).to_have_count(3)
        crumbs.first.click()
        expect(page.locator(".drawer-name")).to_contain_text(name)
        page.keyboard.press("Backspace")
        expect(page.locator(".drawer-name")).to_contain_text("用电量")
        expect(page.locator(".drawer .main-svg")).to_have_count(0)
        page.reload()
        page.locator(".drawer").wait_for()


def test_from_a_year_down_to_a_reading_and_back(look):
    with look("/emission?grain=year") as visit:
        page = settled(visit).page
        page.locator('[data-panel="glance"] .kpi-value[data-rule=sum]').first.click()
        name = page.locator(".drawer-name")
        expect(name).to_contain_text("能耗总量")
        whole = name.inner_text()
        assert page.locator(".drawer [data-figure]").count() > 1  # each of its months opens
        meter = page.locator(".drawer .drill").first
        code = meter.get_attribute("data-meter")
        for step in ("逐月", "逐日", "逐时"):
            page.locator(".drawer .drill").first.click()
            expect(page.locator(".drawer .step h3").nth(1)).to_have_text(step)
            assert f"meter:demo-langfang:{code}:" in page.url.replace("%3A", ":")
        page.locator(".drawer [data-reading]").first.wait_for()
        expect(page.locator(".drawer-crumbs .crumb")).to_have_count(4)
        for _ in range(3):
            page.keyboard.press("Backspace")
            page.wait_for_timeout(300)
        expect(name).to_have_text(whole)


@pytest.mark.larger
def test_a_figure_of_the_overview_leads_to_its_page_filtered(look):
    with look("/?compare=none") as visit:
        page = settled(visit).page
        page.locator('[data-panel="pv-generation"] .compact-value').first.click()
        changed(visit, page.locator("[data-module]").click, "source:pv")
        assert "/substitution?compare=none" in page.url
        expect(page.locator(".drawer")).to_have_count(0)
        expect(page.locator(".chip")).to_have_count(1)


@pytest.mark.larger
def test_a_copied_link_opens_the_meter(look, plant_app):
    with look("/process?trace=meter:demo-langfang:E10:2026-01-05") as visit:
        page = settled(visit).page
        expect(page.locator(".drawer-name")).to_contain_text("2026-01-05")
        with page.expect_download() as kept:
            page.locator(".drawer-foot a.button").nth(1).click()
        assert kept.value.suggested_filename == "meter_E10_2026-01-05_readings.csv"


@pytest.mark.parametrize("path", TURNS)
def test_a_chart_is_walked_by_keys_and_the_manual_is_one_key_away(look, path):
    with look(path) as visit:
        page = settled(visit).page
        panel = page.locator(".panel:has(.plot [data-month-of])").first
        key = panel.get_attribute("data-panel")
        panel.locator(".plot").first.focus()
        outline = panel.locator(".plot").first.evaluate(
            "(e) => { const s = getComputedStyle(e); return [s.outlineStyle, s.outlineWidth]; }"
        )
        page.keyboard.press("ArrowRight")
        first = panel.get_attribute("data-month")
        page.keyboard.press("ArrowRight")
        second = panel.get_attribute("data-month")
        assert first < second
        page.keyboard.press("ArrowLeft")
        assert panel.get_attribute("data-month") == first
        assert outline[0] != "none"
        assert outline[1] != "0px"
        page.keyboard.press("Enter")
        page.locator(f'[data-panel="{key}"] .data-table').wait_for()
        page.keyboard.press("?")
        page.wait_for_url("**/help#*")
        chapter = page.locator(f"#screens-{CHAPTERS[path]}")
        chapter.wait_for()
        expect(chapter).to_be_in_viewport()
