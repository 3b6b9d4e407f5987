"""Small files for the tests of the import."""

import csv
import io
from pathlib import Path

import xlsxwriter

from data.ingest.kinds import KINDS
from data.ingest.rows import parse_rows
from data.ingest.tables import read_table


def csv_bytes(rows, encoding="utf-8", delimiter=","):
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter).writerows(rows)
    return out.getvalue().encode(encoding)


def xlsx_bytes(rows, merges=(), before=(), options=None):
    """Return a workbook; ``merges`` are (top, left, bottom, right), ``before`` sheets in front."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True, **(options or {})})
    for name in before:
        book.add_worksheet(name).write(0, 0, "no table here")
    sheet = book.add_worksheet("data")
    styles = {
        "time": book.add_format({"num_format": "yyyy-mm-dd hh:mm"}),
    }
    for y, row in enumerate(rows):
        for x, cell in enumerate(row):
            if cell is None:
                continue
            if hasattr(cell, "year"):
                sheet.write_datetime(y, x, cell, styles["time"])
            else:
                sheet.write(y, x, cell)
    for top, left, bottom, right in merges:
        sheet.merge_range(top, left, bottom, right, rows[top][left])
    book.close()
    return out.getvalue()


def saved(folder, body, name="file.csv"):
    path = Path(folder) / name
    path.write_bytes(body if isinstance(body, bytes) else body.encode())
    return path


def table(folder, kind, body, name="file.csv", language="zh", **more):
    return read_table(saved(folder, body, name), KINDS[kind], language, **more)


def parsed(folder, kind, body, name="file.csv", site=None, language="zh"):
    found = table(folder, kind, body, name, language)
    return parse_rows(found, KINDS[kind], name, language, site)
