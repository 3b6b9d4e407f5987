"""Targets set on the screen: taken in as a targets file would be, so that there is one truth."""

from __future__ import annotations

import csv
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from tempfile import TemporaryDirectory

from accounting.ledger import indicators
from data.engine import Engine
from data.ingest.kinds import KINDS
from data.ingest.load import Options, Receipt, import_file
from data.sites import documents

LONGEST_SOURCE = 200
LARGEST = Decimal(10) ** 11
SMALLEST = Decimal("0.000001")
AIMS = ("target", "quota", "budget")
_PERIOD = re.compile(r"20\d\d(-(0[1-9]|1[0-2]))?")
_KEY = re.compile(r"[0-9a-f]{8,64}")
REASONS: Mapping[str, str] = {
    "value": "请填写数值，例如 1200 或 35.5",
    "large": "数值过大或小数位过多",
    "kind": "没有这种目标",
    "period": "期间须为年或月，例如 2026 或 2026-07",
    "name": "账本里没有这个指标",
    "site": "没有这个站点",
    "source": "来源最多 200 字，且只能是可显示的字符",
}


class NotSettable(Exception):
    """A target cannot be set; ``reason`` is one of the words of REASONS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True)
class Aim:
    """A target, quota or budget of a ledger name in a month or year.

    Parameters
    ----------
    site, indicator, dimension, entity
        Of what.
    kind, period
        target, quota or budget; ``2026`` or ``2026-07``.
    value
        In the ledger's unit.
    source
        Where it comes from.
    """

    site: str
    indicator: str
    dimension: str
    entity: str
    kind: str
    period: str
    value: Decimal
    source: str = ""


def number(words: str) -> Decimal:
    """Return a number as somebody typed it, with or without commas.

    Raises
    ------
    NotSettable
        It is none.
    """
    plain = words.strip().replace(",", "").replace("，", "").replace("−", "-")
    if not re.fullmatch(r"-?\d{1,15}(\.\d{1,15})?", plain, re.ASCII):
        raise NotSettable("value")
    return Decimal(plain)


def set_aim(engine: Engine, aim: Aim, actor: str, key: str) -> Receipt:
    """Take an aim in through spool and store, as the row of a file.

    Parameters
    ----------
    engine
        The opened data directory; the caller holds the lock of everything that writes.
    aim
        What is wanted.
    actor
        Who wants it.
    key
        The form's own: the same form sent twice is the same file, which changes nothing.

    Raises
    ------
    NotSettable
        It is no aim of the ledger.
    """
    _checked(engine, aim, key)
    columns = [column.name for column in KINDS["targets"].columns]
    row = [str(getattr(aim, name)) for name in columns]
    with TemporaryDirectory(prefix=".aim-", dir=engine.store.inbox) as folder:
        path = Path(folder) / f"screen-{key[:16]}.csv"
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow([f"screen {key}"])  # a title row, by which two equal aims are two files
            writer.writerow(columns)
            writer.writerow(row)
        return import_file(engine, "targets", path, Options(actor=actor))


def _checked(engine: Engine, aim: Aim, key: str) -> None:
    if aim.kind not in AIMS:
        raise NotSettable("kind")
    if not _PERIOD.fullmatch(aim.period):
        raise NotSettable("period")
    known = indicators().get((aim.indicator, aim.dimension))
    if known is None or aim.entity not in known.entities or not _KEY.fullmatch(key):
        raise NotSettable("name")
    if not aim.value.is_finite() or abs(aim.value) > LARGEST:
        raise NotSettable("large")
    if aim.value != aim.value.quantize(SMALLEST):
        raise NotSettable("large")
    if len(aim.source) > LONGEST_SOURCE or not aim.source.isprintable():
        raise NotSettable("source")
    with engine.store.read() as cursor:
        if aim.site not in documents(cursor):
            raise NotSettable("site")


@dataclass(frozen=True)
class Set:
    """An aim as it was set: when (UTC), in which file, by whom, whether it still counts."""

    kind: str
    period: str
    value: float
    source: str
    at: datetime
    file: str
    actor: str
    counts: bool


def history(engine: Engine, site: str, key: tuple[str, str, str]) -> list[Set]:
    """Return every aim of a ledger name at a site, the newest first.

    Parameters
    ----------
    engine, site, key
        The opened data directory, a site, and indicator, dimension, entity.
    """
    actors = {batch.seq: batch.actor for batch in engine.spool.batches()}
    with engine.store.read() as cursor:
        rows = cursor.execute(
            "SELECT t.kind, period, value, t.source, b.received_at, b.source, t.batch, "
            "row_number() OVER (PARTITION BY t.kind, period ORDER BY t.batch DESC, "
            "file_row DESC) = 1 FROM record_targets t JOIN batch b ON b.batch = t.batch "
            "WHERE t.site = ? AND indicator = ? AND dimension = ? AND entity = ? "
            "ORDER BY t.batch DESC, file_row DESC",
            [site, *key],
        ).fetchall()
    return [
        Set(kind, period, float(value), source or "", at, file, actors.get(batch, ""), counts)
        for kind, period, value, source, at, file, batch, counts in rows
    ]
