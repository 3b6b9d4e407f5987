"""Templates of import files: a header, an example row that is skipped, and notes."""

from __future__ import annotations

import csv
import io

import xlsxwriter

from data.ingest.columns import Column, Kind
from data.ingest.site_file import SETTINGS, Setting
from translations import text

_SAMPLES = {
    "number": "1", "integer": "2026", "timestamp": "2026-07-01 00:15", "date": "2026-07-01",
    "month": "2026-07", "flag": "0", "period": "2026-07",
}  # fmt: skip
# A spreadsheet turns a month into a date and rounds a long number: such columns are text.
_FORMATS = {
    "text": "@", "month": "@", "period": "@", "date": "yyyy-mm-dd",
    "timestamp": "yyyy-mm-dd hh:mm",
}  # fmt: skip
_HOW = {
    "timestamp": "时间，例如 2026-07-01 00:15；不带时区即站点时间，24:00 即次日零点",
    "date": "日期，例如 2026-07-01",
    "month": "月份，例如 2026-07",
    "flag": "1 是，0 否",
}
_FIRST_ROW, _LAST_ROW = 2, 5000


def safe(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return "'" + cell if cell.startswith(("=", "+", "-", "@")) else cell


def _titles(kind: Kind, language: str) -> list[str]:
    return [safe(column.zh if language == "zh" else column.name) for column in kind.columns]


def _choices(column: Column, language: str) -> list[str]:
    return [safe(zh if language == "zh" else name) for name, zh in column.choices.items()]


def _example(kind: Kind, language: str) -> list[str]:
    """Return a row whose first cell says that it is an example; the importer skips it."""
    row = [_sample(column, language) for column in kind.columns]
    row[0] = text("示例", language)
    return row


def _sample(column: Column, language: str) -> str:
    if column.choices:
        return _choices(column, language)[0]
    return safe(_SAMPLES.get(column.type, ""))


def template_csv(kind: Kind, language: str) -> str:
    """Return a kind's CSV template, with the mark that spreadsheets need for UTF-8."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(_titles(kind, language))
    writer.writerow(_example(kind, language))
    return "\ufeff" + out.getvalue()


def template_xlsx(kind: Kind, language: str) -> bytes:
    """Return a kind's workbook template with lists of choices and a sheet of notes."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False})
    sheet = book.add_worksheet(kind.zh if language == "zh" else kind.name)
    for place, column in enumerate(kind.columns):
        held = book.add_format({"num_format": _FORMATS.get(column.type, "General")})
        sheet.set_column(place, place, 18, held)
        if column.choices:
            allowed = {"validate": "list", "source": _choices(column, language)}
            sheet.data_validation(_FIRST_ROW, place, _LAST_ROW, place, allowed)
    _headed(book, sheet, _titles(kind, language))
    grey = book.add_format({"font_color": "#808080", "italic": True, "num_format": "@"})
    sheet.write_row(1, 0, _example(kind, language), grey)
    _notes(book, kind, language)
    book.close()
    return out.getvalue()


def _headed(book: xlsxwriter.Workbook, sheet: xlsxwriter.worksheet.Worksheet,
            titles: list[str]) -> None:  # fmt: skip
    style = {"bold": True, "bottom": 1, "bg_color": "#E8F0EC", "text_wrap": True}
    sheet.write_row(0, 0, titles, book.add_format(style))
    sheet.freeze_panes(1, 0)


def _notes(book: xlsxwriter.Workbook, kind: Kind, language: str) -> None:
    sheet = book.add_worksheet(text("说明", language))
    sheet.set_column(0, 3, 20)
    sheet.set_column(4, 4, 12)
    sheet.set_column(5, 5, 60)
    heads = ("列", "英文列名", "必填", "可选值或表头可写的单位", "默认值", "含义")
    _headed(book, sheet, [text(head, language) for head in heads])
    for line, column in enumerate(kind.columns, start=1):
        cells = (
            column.zh if language == "zh" else column.name,
            column.name,
            text("是", language) if column.required else "",
            ", ".join(_choices(column, language)) or ", ".join(column.units),
            _default(column, language),
            _meaning(column, language),
        )
        sheet.write_row(line, 0, [safe(cell) for cell in cells])


def _default(column: Column, language: str) -> str:
    if column.default is None:
        return ""
    if isinstance(column.default, bool):
        return str(int(column.default))
    shown = str(column.default)
    return column.choices.get(shown, shown) if language == "zh" else shown


def _meaning(column: Column, language: str) -> str:
    """Return what to write in a column, its own meaning first."""
    parts = [part for part in (column.meaning, _HOW.get(column.type, "")) if part]
    said = [text(part, language) for part in parts]
    return "; ".join(said)


def template_site(language: str) -> str:
    """Return the site document's template with every setting and its default as a comment."""
    lines = [
        "[site]",
        'id = "site-1"',
        f'name_zh = "{text("某回收中心", language)}"',
        'name_en = ""',
        'province = "CN-HE"',
        'timezone = "Asia/Shanghai"',
        "commissioned_on = 2024-10-24",
        "base_year = 2025",
        "",
        "[[area]]",
        'building = "plant"',
        "m2 = 9600.0",
        "valid_from = 2024-10-24",
        "",
        "[[area]]",
        'building = "office"',
        "m2 = 1800.0",
        "valid_from = 2024-10-24",
        "",
        "[settings]",
    ]
    lines += [_setting_line(setting, language) for setting in SETTINGS.values()]
    return "\n".join(lines) + "\n"


def _setting_line(setting: Setting, language: str) -> str:
    """Return a setting as a comment that is valid once its mark is taken away."""
    title = setting.zh if language == "zh" else setting.en
    if setting.default is None:
        return f"# {setting.name} = 0  # {title}{text('（没有默认值）', language)}"
    choices = f" ({' | '.join(setting.choices)})" if setting.choices else ""
    return f"# {setting.name} = {_toml(setting.default)}  # {title}{choices}"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else repr(value)
