"""A page as a workbook: its numbers are the CSV's and the screen's, its words never run."""

import csv
import io
import re
from dataclasses import replace
from decimal import Decimal

import pytest
from python_calamine import CalamineWorkbook

from callbacks._bind import contents, panel_built
from callbacks.workbook import page_workbook
from figures.cells import Cell
from figures.sheet import Group, Series, Sheet
from figures.view import Remark
from pages._filters import parse
from tests.callbacks.test_screens import PAGES, downloads, walk, words

SEARCHES = (
    "", "?from=2024-04&to=2025-12&grain=quarter&mass=kg&energy=kWh", "?view=CN2026&compare=none",
    "?from=2024-02&to=2026-03&grain=year",
)  # fmt: skip
LABELS = {
    "zh": ("封面", "演示数据", "口径", "页面地址", "核算编号个数", "生成时间"),
    "en": ("Cover", "Demonstration data", "View", "Address of the page", "Number of figures",
           "Made at"),
}  # fmt: skip


def opened(body):
    """Every sheet of a workbook as rows without the empty ones above and below."""
    book = CalamineWorkbook.from_filelike(io.BytesIO(body))
    return {name: book.get_sheet_by_name(name).to_python(skip_empty_area=False)
            for name in book.sheet_names}  # fmt: skip


def fetched(reader, page, search, language="zh"):
    client = downloads(reader)
    client.set_cookie("lang", language)
    answered = client.get(f"/download/{page.key}.xlsx{search}")
    assert answered.status_code == 200
    return answered


def table(rows, head):
    """The rows from the header on: it is the first that begins as the CSV's does."""
    at = next(at for at, row in enumerate(rows) if row[: len(head)] == head)
    return rows[at:]


def sheets_of(page, reader, search):
    """The panels that have a table, with the view that they are of."""
    view = reader.view(page.key, parse(search, reader.known()), "zh")
    built = {panel.key: panel_built(page, panel, view) for panel in page.panels}
    return {key: b for key, b in built.items() if b.sheet and not b.empty and not b.sheet.empty}


@pytest.mark.parametrize("search", SEARCHES)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_every_table_is_the_csv_with_numbers_of_full_precision(reader, page, search):
    client, book = downloads(reader), opened(fetched(reader, page, search).get_data())
    tabled = sheets_of(page, reader, search)
    assert tabled or page.key == "market"
    for panel in (p for p in page.panels if p.key in tabled):
        body = client.get(f"/download/{page.key}/{panel.key}.csv{search}").get_data()
        wanted = list(csv.reader(io.StringIO(body.decode("utf-8-sig"))))
        name = next(
            n for n in book if n == f"{panel.clause} {panel.title}".strip()[:31].replace("/", "·")
        )
        found = table(book[name], wanted[0])
        assert len(found) == len(wanted)
        width = len(wanted[0])
        groups = tabled[panel.key].sheet.groups
        columns = [column for group in groups for column in group.columns()]
        assert len(found[0]) == width + len(columns)
        for at, (shown, exact) in enumerate(zip(found[1:], wanted[1:], strict=True)):
            for value, full in zip(shown[:width], exact, strict=True):
                assert value == (float(full) if isinstance(value, float) else full)
            for ids, column in zip(shown[width:], columns, strict=True):
                cell = column.cells[at]
                if cell is not None and cell.ids and len(cell.ids) <= 40:
                    assert ids.split() == list(cell.ids)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_every_number_on_a_card_without_a_table_is_in_the_workbook(reader, page):
    sent = contents(page, reader, "", "zh")
    book = opened(fetched(reader, page, "").get_data())
    cards = [
        p for p in page.panels if p.kind == "bare" and p.key not in sheets_of(page, reader, "")
    ]
    wanted = {
        (words(line["props"]["children"][0]), words(line["props"]["children"][1]))
        for place, panel in enumerate(page.panels) if panel in cards
        for line in walk(sent["words"][place])
        if str(line.get("props", {}).get("className", "")) == "value-line"
        and isinstance(line["props"]["children"], list)
        and "data-value" in line["props"]["children"][0]["props"]
    }  # fmt: skip
    if not wanted:
        assert "指标" not in book
        return
    rows = table(book["指标"], ["条款", "图名"])[1:]
    found = {(Decimal(repr(row[3])), row[4]) for row in rows}
    for shown, unit in wanted:
        number = Decimal(shown.replace(",", "").replace("−", "-"))
        step = Decimal(1).scaleb(int(number.as_tuple().exponent))
        assert any(u == unit and abs(v - number) <= step for v, u in found), (shown, unit)
    assert all(row[2] and row[6] for row in rows)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_cover_says_what_the_numbers_are(reader, language):
    page = PAGES[1]
    answered = fetched(reader, page, "?mass=kg&view=CN2026", language)
    book = opened(answered.get_data())
    cover = next(iter(book.values()))
    flat = [cell for row in cover for cell in row]
    said = dict(row[:2] for row in cover if row[1] != "")
    labels = LABELS[language]
    assert next(iter(book)) == labels[0]
    assert labels[1] in flat
    assert "CN2026" in said[labels[2]]
    assert said[labels[3]] == "/emission?mass=kg&view=CN2026"
    assert said[labels[4]] > 100
    assert "Asia/Shanghai" in said[labels[5]]
    listed = [row[0] for row in cover if re.fullmatch(r"5\.3\.[a-i]", str(row[0]))]
    assert listed == [panel.clause for panel in page.panels]
    assert ".xlsx" in answered.headers["Content-Disposition"]
    if language == "en":
        assert not any("\u4e00" <= c <= "\u9fff" for name in book for c in name)


def changed(reader, monkeypatch, sheet):
    """A page of which one panel shows what is asked for."""
    page = PAGES[1]
    known = reader.known()
    filters = parse("", known)
    view = reader.view(page.key, filters, "zh")
    real = panel_built
    monkeypatch.setattr(
        "callbacks.workbook.panel_built",
        lambda p, panel, v: replace(real(p, panel, v), sheet=sheet)
        if panel.key == "building-energy" else real(p, panel, v),
    )  # fmt: skip
    return opened(page_workbook(page, view, filters, known))


@pytest.mark.parametrize("sign", ["=", "+", "-", "@"])
def test_words_that_look_like_a_formula_stay_words(reader, monkeypatch, sign):
    evil = f"{sign}HYPERLINK(\"http://x\";1)"  # fmt: skip
    cells = (Cell(1234.5678901234567, "kgCO2e", ("a" * 20,)), Cell(None, "kgCO2e"))
    group = Group("", "kgCO2e", (Series(evil, "energy.total", cells),))
    sheet = Sheet((evil, "2026-02"), (group,), cells, notes=((evil,), ()))
    book = changed(reader, monkeypatch, sheet)
    rows = book["5.3.b 厂区、办公室能耗"]
    assert [row[0] for row in rows][-2:] == [evil, "2026-02"]
    assert rows[-2][1] == 1.2345678901234567
    assert rows[-1][1] == ""  # not known is empty, never a zero
    assert rows[-2][3] == evil


def test_no_cell_of_any_page_is_a_formula(reader):
    import zipfile

    for page in PAGES:
        with zipfile.ZipFile(io.BytesIO(fetched(reader, page, "").get_data())) as parts:
            for name in parts.namelist():
                assert b"<f>" not in parts.read(name)
                assert b"externalLink" not in parts.read(name)


def test_a_panel_that_fails_takes_no_other_with_it(reader, monkeypatch):
    page = PAGES[1]
    known = reader.known()
    filters = parse("", known)
    view = reader.view(page.key, filters, "zh")
    real = panel_built

    def broken(p, panel, v):
        if panel.key == "carbon":
            raise RuntimeError("planted")
        return real(p, panel, v)

    monkeypatch.setattr("callbacks.workbook.panel_built", broken)
    book = opened(page_workbook(page, view, filters, known))
    assert "5.3.b 厂区、办公室能耗" in book
    assert "5.3.g 碳排放量" not in book
    assert any("未能读取" in row for row in book["封面"])


def test_a_note_stands_in_its_month(reader):
    page = PAGES[0]
    known = reader.known()
    filters = parse("", known)
    view = reader.view(page.key, filters, "zh")
    view = replace(view, remarks=(Remark(view.last.months[-1], "@检修"),))
    book = opened(page_workbook(page, view, filters, known))
    rows = book["5.2.a 能耗量与碳排放量"]
    assert "@检修" in rows[-1]


def test_what_is_no_monitoring_page_has_no_workbook(reader):
    client = downloads(reader)
    for path in ("/download/x.xlsx", "/download/help.xlsx", "/download/emission/carbon.xlsx"):
        assert client.get(path).status_code == 404
