"""Card, hover, table, CSV, picture text and ledger agree in every zone and language."""

from __future__ import annotations

import csv
import io
import json
from decimal import Decimal

import pytest

from tests.browser.visit import settled
from tests.cli import manage
from tests.larger import larger
from tests.shown import assert_words

ZONES = ("Asia/Shanghai", "UTC", "America/New_York")
PAGES = ("/", "/emission", "/process", "/substitution", "/lifecycle", "/market")
TURNS = ["/", *larger((path,) for path in PAGES[1:])]

SHOWN = """() => [...document.querySelectorAll('[data-figure]')].map((element) => ({
  figure: element.dataset.figure, value: element.getAttribute('data-value'),
  text: element.textContent, svg: Boolean(element.closest('svg')),
  panel: (element.closest('[data-panel]') || {dataset: {panel: ''}}).dataset.panel}))"""
AHEAD = """() => [...document.querySelectorAll('#main [data-forecast]')].map((element) => ({
  forecast: element.getAttribute('data-forecast'), band: element.getAttribute('data-band'),
  svg: Boolean(element.closest('svg')),
  value: element.getAttribute('data-value'), text: element.textContent}))"""
HOVERED = """() => ({period: document.querySelector('#hover-box .hover-period').textContent,
  numbers: [...document.querySelectorAll('#hover-box .hover-value[data-value]')].map((element) => ({
    figure: element.getAttribute('data-figure'),
    made: element.getAttribute('data-rule') || element.getAttribute('data-forecast'),
    value: element.getAttribute('data-value'),
    text: element.textContent}))})"""
TABLE = """(panel) => [...document.querySelectorAll(`[data-panel="${panel}"] .data-table tr`)].map(
  (row) => [...row.children].map((cell) => ({text: cell.textContent,
    value: (cell.querySelector('[data-value]') || cell).getAttribute('data-value')})))"""
PANELS = """() => [...document.querySelectorAll('[data-panel]')].filter(
  (panel) => panel.querySelector('.plot') && panel.dataset.state === 'ready').map(
  (panel) => panel.dataset.panel)"""


@pytest.fixture(scope="module")
def ledger(plant_app, tmp_path_factory):
    file = tmp_path_factory.mktemp("ledger") / "ledger.csv"
    done = manage(plant_app.home, "export", "ledger", "--out", str(file))
    assert done.returncode == 0, done.stderr
    with file.open(encoding="utf-8") as rows:
        return {row["figure_id"]: row["value"] for row in csv.DictReader(rows)}


def seen(visit):
    return settled(visit).page.evaluate(SHOWN)


@pytest.mark.parametrize("language", ["zh", pytest.param("en", marks=pytest.mark.larger)])
@pytest.mark.parametrize("path", TURNS)
def test_what_is_shown_is_the_ledger_in_every_zone(
    open_page, plant_app, signed_in, ledger, path, language
):
    by_zone = []
    for zone in ZONES:
        with open_page(
            plant_app.url + path, width=1440, height=900, zone=zone, language=language,
            cookies={"lang": language, "theme": "light"}, state=signed_in,
        ) as visit:  # fmt: skip
            numbers = seen(visit)
            assert len(numbers) > (10 if path != "/market" else 0)
            for number in numbers:
                held = ledger[number["figure"]]
                assert number["value"] == held
                assert_words(number["text"], float(held) if held else None)
            by_zone.append(numbers)
    assert by_zone[0] == by_zone[1] == by_zone[2]


@pytest.mark.parametrize("path", [*larger([("/",)]), "/market"])
def test_what_is_forecast_is_what_the_command_prints_and_opens(
    open_page, plant_app, signed_in, path
):
    done = manage(plant_app.home, "forecast", "--json")
    known = {row["forecast_id"]: row for row in json.loads(done.stdout)["forecasts"]}
    with open_page(
        plant_app.url + path, width=1440, height=900, cookies={"lang": "zh"}, state=signed_in
    ) as visit:
        page = settled(visit).page
        numbers = page.evaluate(AHEAD)
        assert sum(number["svg"] for number in numbers) > 2
        for number in numbers:
            held = known[number["forecast"]][number["band"]]
            assert float(number["value"]) == held
            assert_words(number["text"], held)
        page.locator(
            '[data-panel="revenue"] .fig, [data-panel="revenue-answer"] .fig'
        ).first.click()
        page.locator(".drawer").wait_for()
        assert "数据版本 SM3" in page.locator(".drawer").inner_text()
        assert "trace=forecast" in page.url
        page.reload()
        page.locator(".drawer").wait_for()


@pytest.mark.parametrize(
    "path", [PAGES[1], *larger((p,) for p in PAGES[:-1] if p != PAGES[1])]
)  # the market's are forecasts
def test_numbers_of_the_pictures_carry_their_figure(open_page, plant_app, signed_in, path):
    with open_page(
        plant_app.url + path, width=1440, height=900, cookies={"lang": "zh"}, state=signed_in
    ) as visit:
        in_charts = [number for number in seen(visit) if number["svg"]]
    assert in_charts
    assert all(number["figure"] and number["value"] for number in in_charts)


@pytest.mark.parametrize("path", TURNS)
def test_hover_table_and_csv_of_every_panel_agree(open_page, plant_app, signed_in, ledger, path):
    with open_page(
        plant_app.url + path, width=1440, height=900, cookies={"lang": "zh"}, state=signed_in
    ) as visit:
        panels = settled(visit).page.evaluate(PANELS)
        assert panels
        for panel in panels:
            visit.page.goto(f"{plant_app.url}{path}")
            hovered = stepped(settled(visit).page, panel)
            for value, text, made in hovered:
                assert made or value in ledger.values() or not value
                assert_words(text, float(value) if value else None)
            visit.page.goto(f"{plant_app.url}{path}?table={panel}")
            table = settled(visit).page.evaluate(TABLE, panel)
            page = path.strip("/") or "overview"
            body = visit.page.request.get(f"{plant_app.url}/download/{page}/{panel}.csv").body()
            sheet = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
            agree(table, sheet)
            in_table = {cell["value"] for row in table for cell in row if cell["value"]}
            assert {value for value, *_ in hovered if value} <= in_table | beside(panel, hovered)


BESIDE = ("energy-emission", "carbon", "pv-substitution", "charger-substitution",
          "pump-substitution")  # fmt: skip


def beside(panel, hovered):
    """What the box shows for comparison stands in no column of the table."""
    return {value for value, *_ in hovered} if panel in BESIDE else set()


def stepped(page, panel):
    """Every number of the hover box, period by period, by the keyboard as a reader would."""
    page.mouse.move(0, 0)
    page.locator(f'[data-panel="{panel}"] .plot').first.focus()
    found, before = [], None
    for _ in range(40):
        page.keyboard.press("ArrowRight")
        page.wait_for_timeout(40)
        if not page.evaluate("() => Boolean(document.querySelector('#hover-box .hover-period'))"):
            break
        at = page.evaluate(HOVERED)
        if at["period"] == before:
            break
        before = at["period"]
        found += [(number["value"], number["text"], number["made"]) for number in at["numbers"]]
    return found


def agree(table, sheet):
    assert len(table) == len(sheet)
    words = 2 if sheet[0][-1] == "备注" else 1  # quality, and what stands on the months
    for row, exact in zip(table[1:], sheet[1:], strict=True):
        assert row[0]["text"] == exact[0]
        assert [cell["text"] for cell in row[-words:]] == exact[-words:]
        for cell, full in zip(row[1:-words], exact[1:-words], strict=True):
            assert (cell["text"] in ("--", "")) == (full == "")
            if full and cell["value"]:  # a published fact or a target is no row of ours
                number = Decimal(cell["text"].replace(",", "").replace("−", "-"))
                step = Decimal(1).scaleb(int(number.as_tuple().exponent))
                assert abs(number - Decimal(full)) <= step
                scale = Decimal(full) / Decimal(cell["value"]) if Decimal(cell["value"]) else 1
                assert scale in (Decimal(1), Decimal("0.001"), Decimal("0.0001"))


@pytest.mark.parametrize(
    ("path", "panel"), [*larger([("/emission", "building-share")]), ("/lifecycle", "stages")]
)
def test_a_part_of_a_ring_opens(open_page, plant_app, signed_in, path, panel):
    with open_page(
        plant_app.url + path, width=1440, height=900, cookies={"lang": "zh"}, state=signed_in
    ) as visit:
        page = settled(visit).page
        ring = page.locator(f'[data-panel="{panel}"] .pielayer:has(.slice)')
        ring.evaluate("(element) => element.scrollIntoView({block: 'center'})")
        settled(visit)
        box = ring.bounding_box()
        middle = box["y"] + box["height"] / 2
        page.mouse.move(box["x"] + box["width"] - 14, middle)
        page.mouse.move(box["x"] + box["width"] - 12, middle)
        page.wait_for_timeout(200)
        page.mouse.dblclick(box["x"] + box["width"] - 12, middle)
        page.locator(".drawer").wait_for()
        assert "数据质量" in page.locator(".drawer").inner_text()
