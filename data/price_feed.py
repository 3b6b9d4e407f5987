"""Deliveries of a price source as rows of the import kind `prices`; what became of the last ones.

A delivery is JSON or CSV whose columns are named by a map; it passes the same checks as any file.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from data.digest import sm3
from data.engine import DiskFull, Engine
from data.ingest.load import Options, Receipt, import_file
from data.ingest.problems import Refused
from data.store import Cursor, StoreError, Topic
from translations import text

COLUMNS = ("date", "instrument", "volume_t", "turnover_cny", "close_cny", "source")
NEEDED = ("date", "volume_t", "turnover_cny")
MOST_ROWS = 20_000
FILE = "price-feed.csv"


class FeedError(Exception):
    """A delivery cannot be taken; ``key`` and ``values`` say why and what to do."""

    def __init__(self, key: str, **values: object) -> None:
        super().__init__(text(key, "en", **values))
        self.key, self.values = key, values

    def words(self, language: str) -> str:
        """Return the reason in a language."""
        return text(self.key, language, **self.values)


@dataclass(frozen=True)
class Shape:
    """How a source writes its rows.

    Parameters
    ----------
    columns
        Our column to the source's.
    rows
        Where the list of rows is in a JSON document: names joined by dots; empty for the document.
    instrument, source
        What stands for a column that the source does not have: CCER or CEA; who publishes it.
    """

    columns: Mapping[str, str] = field(default_factory=dict)
    rows: str = ""
    instrument: str = "CCER"
    source: str = ""


def columns_of(words: str) -> dict[str, str]:
    """Return the map that a setting writes as ``date=交易日期;volume_t=成交量``.

    Parameters
    ----------
    words
        Pairs; empty where the source names its columns as we do.

    Returns
    -------
    dict
        Our column to the source's.
    """
    pairs = (pair.partition("=") for pair in words.split(";") if pair.strip())
    return {ours.strip(): theirs.strip() for ours, _, theirs in pairs}


def rows_of(body: bytes, shape: Shape) -> list[tuple[str, ...]]:
    """Return the rows of a delivery, in the order of `COLUMNS`.

    Parameters
    ----------
    body
        JSON (a list of objects) or CSV with a head, UTF-8.
    shape
        How the source writes them.

    Raises
    ------
    FeedError
        It is neither, a column is not there any more, a value is none, there are too many rows.
    """
    try:
        said = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise FeedError("行情源的内容不是 UTF-8：请核对行情源") from error
    found = _json(said, shape) if said.lstrip()[:1] in ("[", "{") else _csv(said)
    if not found:
        raise FeedError("行情源没有给出任何一行：请核对地址和行路径")
    if len(found) > MOST_ROWS:
        raise FeedError("行情源一次给出 {count} 行，超过 {most} 行：请缩短时间范围",
                        count=len(found), most=MOST_ROWS)  # fmt: skip
    return [_row(at, row, shape) for at, row in enumerate(found, 1)]


def _json(said: str, shape: Shape) -> list[Mapping[str, object]]:
    try:
        found = json.loads(said, parse_float=str, parse_int=str)
    except (ValueError, RecursionError) as error:
        raise FeedError("行情源的 JSON 读不出来：请核对行情源") from error
    for name in filter(None, shape.rows.split(".")):
        if not isinstance(found, Mapping) or name not in found:
            raise FeedError("行情源里没有“{name}”：请核对行路径", name=shape.rows)
        found = found[name]
    if not isinstance(found, Sequence) or not all(isinstance(row, Mapping) for row in found):
        raise FeedError("行情源的“{name}”不是行的列表：请核对行路径", name=shape.rows or "/")
    return list(found)


def _csv(said: str) -> list[Mapping[str, object]]:
    reader = csv.DictReader(io.StringIO(said), restkey="", restval="")
    try:
        return [dict(row) for row in reader]
    except csv.Error as error:
        raise FeedError("行情源的 CSV 读不出来：请核对行情源") from error


def _row(at: int, row: Mapping[str, object], shape: Shape) -> tuple[str, ...]:
    values = {"instrument": shape.instrument, "source": shape.source}
    for ours in COLUMNS:
        theirs = shape.columns.get(ours, ours)
        if theirs in row:
            values[ours] = _value(at, theirs, row[theirs])
        elif ours in NEEDED or ours in shape.columns:
            raise FeedError("行情源第 {row} 行没有列“{column}”：列名可能变了，请核对列对应",
                            row=at, column=theirs)  # fmt: skip
    return tuple(values.get(ours, "") for ours in COLUMNS)


def _value(at: int, column: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FeedError("行情源第 {row} 行的“{column}”不是数字或文字：请核对行情源",
                        row=at, column=column)  # fmt: skip
    return value.strip()


def taken(engine: Engine, rows: Sequence[Sequence[str]], actor: str) -> Receipt:
    """Take the rows of a delivery in, all or none.

    Parameters
    ----------
    engine
        The opened data directory; the caller holds the lock of everything that writes.
    rows
        From `rows_of`.
    actor
        Who brings it.

    Raises
    ------
    FeedError
        What the checks of imports refuse, or no room on the disk.
    """
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerows([COLUMNS, *rows])
    with TemporaryDirectory() as folder:
        path = Path(folder) / FILE
        path.write_text(out.getvalue(), encoding="utf-8")
        try:
            return import_file(engine, "prices", path, Options(actor=actor))
        except Refused as refused:
            raise _Problem(*(_said(engine, path, one) for one in ("zh", "en"))) from refused
        except (DiskFull, StoreError) as error:
            raise FeedError("行情没有入库：{reason}", reason=error) from error


def _said(engine: Engine, path: Path, language: str) -> str:
    """Return the first problem of a delivery in a language: the checks speak one at a time."""
    spoken = replace(engine, options=replace(engine.options, language=language))
    try:
        import_file(spoken, "prices", path, Options(dry_run=True))
    except Refused as refused:
        return refused.problems[0].line(language)
    return text("没有导入", language)  # what was refused has come by another way meanwhile


class _Problem(FeedError):
    """What the checks of imports say, in both languages."""

    def __init__(self, zh: str, en: str) -> None:
        super().__init__("{reason}", reason=en)
        self.said = {"zh": zh, "en": en}

    def words(self, language: str) -> str:
        """Return the reason in a language."""
        return self.said[language]


# ---- what became of the last ones ----


@dataclass(frozen=True)
class Outcome:
    """What became of an attempt.

    Parameters
    ----------
    at
        When, UTC.
    ok, new_rows, digest
        Whether it was taken, how many rows were new or corrected, the SM3 of what came.
    failures
        Failed attempts in a row.
    reason_zh, reason_en
        What went wrong.
    """

    at: datetime
    ok: bool
    new_rows: int = 0
    digest: str = ""
    failures: int = 0
    reason_zh: str = ""
    reason_en: str = ""

    def reason(self, language: str) -> str:
        """Return what went wrong in a language."""
        return self.reason_en if language == "en" else self.reason_zh


_FIELDS = "tried_at, ok, new_rows, digest, failures, reason_zh, reason_en"


def keep(engine: Engine, outcome: Outcome) -> None:
    """Keep what became of an attempt."""

    def write(cursor: Cursor) -> None:
        cursor.execute(
            f"INSERT INTO price_feed ({_FIELDS}) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [outcome.at, outcome.ok, outcome.new_rows, outcome.digest, outcome.failures,
             outcome.reason_zh, outcome.reason_en],
        )  # fmt: skip

    engine.store.write(write, Topic.FORECASTS)


def last(engine: Engine, *, ok: bool | None = None) -> Outcome | None:
    """Return the last attempt, or the last that succeeded or failed; None before the first."""
    with engine.store.read() as cursor:
        row = cursor.execute(
            f"SELECT {_FIELDS} FROM price_feed WHERE coalesce(ok = ?, true) "
            "ORDER BY tried_at DESC LIMIT 1",
            [ok],
        ).fetchone()
    return None if row is None else Outcome(*row)


def digest_of(body: bytes) -> str:
    """Return the SM3 of a delivery."""
    return sm3(body)
