"""The list of what is wrong with a file, as a workbook that whoever made the file can work off."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence

import xlsxwriter

from data.ingest.review import Issue
from translations import text

_WIDTHS = (8, 14, 24, 44, 36, 24, 10)


def error_list(
    issues: Sequence[Issue], titles: Mapping[str, str], file_name: str, language: str
) -> bytes:
    """Return a workbook with a row for each thing that is wrong.

    Parameters
    ----------
    issues
        What is wrong.
    titles
        Column names as the reader knows them.
    file_name, language
        The file they are of; the language of the titles.

    Returns
    -------
    bytes
        An XLSX; texts stay texts, whatever they begin with.
    """
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False,
                                     "strings_to_urls": False})  # fmt: skip
    sheet = book.add_worksheet(text("错误清单", language))
    bold = book.add_format({"bold": True, "bottom": 1, "bg_color": "#E8F0EC"})
    bad = book.add_format({"bg_color": "#FEF1F0", "font_color": "#B42318", "num_format": "@"})
    odd = book.add_format({"bg_color": "#FFF6E6", "font_color": "#93510A", "num_format": "@"})
    sheet.write_string(0, 0, file_name)
    heads = ("行号", "列", "原值", "问题", "处理方法", "建议值", "级别")
    sheet.write_row(1, 0, [text(head, language) for head in heads], bold)
    for place, width in enumerate(_WIDTHS):
        sheet.set_column(place, place, width)
    for line, one in enumerate(issues, start=2):
        error = one.severity == "error"
        level = text("错误" if error else "警告", language)
        sheet.write_number(line, 0, one.row)
        words = (titles.get(one.column, one.column), one.value, one.reason, one.remedy,
                 one.instead, level)  # fmt: skip
        for place, word in enumerate(words, start=1):
            sheet.write_string(line, place, word, (bad if error else odd) if place == 2 else None)
    sheet.freeze_panes(2, 0)
    sheet.autofilter(1, 0, max(len(issues) + 1, 2), len(heads) - 1)
    book.close()
    return out.getvalue()
