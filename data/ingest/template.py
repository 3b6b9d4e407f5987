"""Templates of import files: a header, an example row that is skipped, and notes."""

from __future__ import annotations

import csv
import io

import xlsxwriter

from data.ingest.kinds import Column, Kind
from data.ingest.site_file import SETTINGS
from translations import text

_SAMPLES = {
    "number": "1", "integer": "2026", "timestamp": "2026-07-01 00:15", "date": "2026-07-01",
    "month": "2026-07", "flag": "0", "period": "2026-07",
}  # fmt: skip


def safe(cell: str) -> str:
    """Return a cell that no spreadsheet takes for a formula."""
    return "'" + cell if cell.startswith(("=", "+", "-", "@")) else cell


def _titles(kind: Kind, language: str) -> list[str]:
    return [column.zh if language == "zh" else column.name for column in kind.columns]


def _example(kind: Kind, language: str) -> list[str]:
    """Return a row whose key says that it is an example; the importer skips it."""
    keys = [n for n, c in enumerate(kind.columns) if c.name in kind.key or c.name == "date"]
    row = [_sample(column) for column in kind.columns]
    row[keys[0]] = text("示例", language)
    return row


def _sample(column: Column) -> str:
    if column.choices:
        return next(iter(column.choices))
    return _SAMPLES.get(column.type, "")


def template_csv(kind: Kind, language: str) -> str:
    """Return a kind's CSV template, with the mark that spreadsheets need for UTF-8."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow([safe(cell) for cell in _titles(kind, language)])
    writer.writerow([safe(cell) for cell in _example(kind, language)])
    return "\ufeff" + out.getvalue()


def template_xlsx(kind: Kind, language: str) -> bytes:
    """Return a kind's workbook template with lists of choices and a sheet of notes."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    sheet = book.add_worksheet(kind.zh if language == "zh" else kind.name)
    bold = book.add_format({"bold": True, "bottom": 1})
    sheet.write_row(0, 0, _titles(kind, language), bold)
    sheet.write_row(1, 0, [safe(cell) for cell in _example(kind, language)])
    sheet.freeze_panes(1, 0)
    for place, column in enumerate(kind.columns):
        sheet.set_column(place, place, 16)
        if column.choices:
            sheet.data_validation(
                2, place, 5000, place, {"validate": "list", "source": list(column.choices)}
            )
    _notes(book, kind, language)
    book.close()
    return out.getvalue()


def _notes(book: xlsxwriter.Workbook, kind: Kind, language: str) -> None:
    sheet = book.add_worksheet(text("说明", language))
    sheet.set_column(0, 4, 24)
    heads = ("列", "列名", "必填", "可选值或单位", "默认值")
    sheet.write_row(0, 0, [text(head, language) for head in heads])
    for line, column in enumerate(kind.columns, start=1):
        allowed = ", ".join(f"{n}（{zh}）" for n, zh in column.choices.items())
        required = text("是", language) if column.required else ""
        default = "" if column.default is None else str(column.default)
        units = ", ".join(column.units)
        sheet.write_row(line, 0, [column.name, column.zh, required, allowed or units, default])


def template_site(language: str) -> str:
    """Return the site document's template with every setting and its default as a comment."""
    lines = [
        "[site]",
        'id = "site-1"',
        f'name_zh = "{text("某回收中心", language)}"',
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
    for setting in SETTINGS.values():
        shown = "" if setting.default is None else _toml(setting.default)
        lines.append(f"# {setting.name} = {shown}  # {setting.zh}")
    return "\n".join(lines) + "\n"


def _toml(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return f'"{value}"' if isinstance(value, str) else repr(value)
