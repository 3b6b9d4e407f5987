"""A small site made of import files, taken in and settled as a user would."""

from __future__ import annotations

import csv
import shutil
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from data.engine import Options as EngineOptions
from data.engine import lock, opened
from data.export import Wanted, as_csv, ledger_rows
from data.ingest.load import Options, drain, import_file
from data.settle import settle
from data.store import Limits

SITE = """
[site]
id = "{site}"
name_zh = "测试站"
province = "CN-HE"
timezone = "{zone}"
[[area]]
building = "plant"
m2 = 1000
valid_from = 2000-01-01
[[area]]
building = "office"
m2 = 100
valid_from = 2000-01-01
[settings]
{settings}
"""

METER_COLUMNS = (
    "meter_id", "site", "name", "medium", "role", "building", "group", "line", "equipment",
    "parent_id", "unit", "reading_kind", "multiplier", "register_max", "step_min",
    "rated_max_per_hour", "valid_from", "valid_to",
)  # fmt: skip


@cache
def _empty_home():
    """A data directory as its first opening leaves it: its tables are made once a run."""
    place = TemporaryDirectory(prefix="carbon-empty-")
    home = Path(place.name) / "home"
    with lock(home), opened(home):
        pass
    assert [path.name for path in home.parent.iterdir()] == ["home"]  # no keys of its own yet
    return place, home


@contextmanager
def opened_home(home: Path, threads=2, **options):
    if not home.exists():
        shutil.copytree(_empty_home()[1], home)
    with lock(home), opened(home, EngineOptions(Limits(threads), **options)) as engine:
        drain(engine)
        yield engine


def write_csv(path: Path, columns, rows):
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(columns)
        writer.writerows(rows)
    return path


def meter(meter_id, **given):
    row = dict.fromkeys(METER_COLUMNS, "")
    row |= {"meter_id": meter_id, "site": "S1", "medium": "electricity", "role": "consumer",
            "unit": "kWh", "reading_kind": "register", "multiplier": 1, "step_min": 15,
            "rated_max_per_hour": 400}  # fmt: skip
    return row | given


class Plant:
    """Import files of one site and what the engine makes of them."""

    def __init__(self, folder: Path, engine, site="S1", zone="Asia/Shanghai", settings=""):
        self.folder, self.engine, self.site = folder, engine, site
        self.count = 0
        body = SITE.format(site=site, zone=zone, settings=settings)
        (folder / f"{site}.toml").write_text(body, encoding="utf-8")
        self.take("site", folder / f"{site}.toml")

    def take(self, kind, path, **options):
        return import_file(self.engine, kind, path, Options(**options))

    def put(self, kind, columns, rows, **options):
        self.count += 1
        path = write_csv(self.folder / f"{kind}-{self.count}.csv", columns, rows)
        return self.take(kind, path, **options)

    def meters(self, *rows):
        rows = [row | {"site": self.site} for row in rows]
        return self.put("meters", METER_COLUMNS, [[r[c] for c in METER_COLUMNS] for r in rows])

    def readings(self, rows, **options):
        width = max(len(row) for row in rows)
        columns = ("meter_id", "timestamp", "value", "quality")[:width]
        return self.put("readings", columns, rows, **options)

    def settle(self):
        return settle(self.engine)

    def ledger(self):
        with self.engine.store.read() as cursor:
            rows = ledger_rows(cursor, Wanted())
        return {
            (r.grain, r.period, r.indicator, r.dimension, r.entity): r for r in rows.itertuples()
        }

    def figure(self, indicator, period, entity="site", dimension="site"):
        grain = "day" if len(period) == 10 else "month" if len(period) == 7 else "year"
        return self.ledger()[grain, period, indicator, dimension, entity]

    def value(self, *name, **more):
        found = self.figure(*name, **more).value
        return None if found != found else float(found)

    def query(self, sql, values=None):
        with self.engine.store.read() as cursor:
            return cursor.execute(sql, values or []).fetchall()


def bytes_without_clock(engine) -> bytes:
    """The ledger as CSV with the time of settling blanked: what must not depend on order."""
    with engine.store.read() as cursor:
        rows = ledger_rows(cursor, Wanted())
    rows["settled_at"] = None
    return as_csv(rows)


def series(meter_id, start, end, step_min=15, value=0.0, per_step=1.0, decimals=2):
    """Readings of a register that grows evenly, both ends included."""
    found, at = [], start
    while at <= end:
        found.append((meter_id, f"{at:%Y-%m-%d %H:%M}", f"{value:.{decimals}f}"))
        at, value = at + timedelta(minutes=step_min), value + per_step
    return found


def moment(words: str) -> datetime:
    return datetime.fromisoformat(words)
