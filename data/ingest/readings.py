"""Readings into the store: staged, checked against their meters, compared, appended (R5, R8)."""

from __future__ import annotations

import codecs
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from data.ingest import bulk
from data.ingest.checks import check_rows
from data.ingest.kinds import KINDS, Kind
from data.ingest.loaders import (
    DEFAULT_ZONE,
    Acknowledge,
    Loaded,
    Request,
    known_rows,
    parsed_rows,
    register,
    sift,
)
from data.ingest.parquet import whole_file
from data.ingest.problems import Problem, Refused
from data.ingest.repeats import keep_repeats
from data.ingest.site_file import SiteDocument
from data.ingest.tables import layout
from data.sites import documents, site_meters
from data.store import Cursor, view
from translations import text

SHOWN = 1000
CHUNK = 1 << 22


def load_readings(cursor: Cursor, request: Request, acknowledge: Acknowledge) -> Loaded:
    """Load readings; identical ones are known already, others of the same time correct (R5).

    Parameters
    ----------
    cursor
        A writing cursor inside a transaction.
    request
        The file.
    acknowledge
        Called when the file is found good; returns its batch number.

    Returns
    -------
    Loaded
        Counts of rows.

    Raises
    ------
    Refused
        Rows cannot be taken.
    """
    sites = documents(cursor)
    zone = zone_of(request.site, sites, request.file_name, request.language)
    staged: tuple[int, tuple[str, ...]] = (0, ())
    if request.path.name.endswith(".parquet") or request.file_name.endswith(".parquet"):
        staged = _stage_parquet(cursor, request, zone, sites)
    elif not _stage_plain(cursor, request, KINDS["readings"], zone, sites):
        staged = _stage_cells(cursor, request, zone, sites)
    return append(cursor, request, acknowledge, *staged)


def zone_of(site: str, sites: Mapping[str, SiteDocument], file_name: str, language: str) -> str:
    """Return the zone of times without an offset.

    Raises
    ------
    Refused
        No site is given and the sites have different zones.
    """
    if site in sites:
        return sites[site].timezone
    zones = {document.timezone for document in sites.values()}
    if len(zones) > 1:
        raise Refused(
            (
                Problem(
                    file_name,
                    None,
                    None,
                    None,
                    text("各站点的时区不同，无法判断时间属于哪个时区", language),
                    text("请用 --site 指明站点", language),
                ),
            )
        )
    return zones.pop() if zones else DEFAULT_ZONE


def _stage_cells(
    cursor: Cursor, request: Request, zone: str, sites: Mapping[str, SiteDocument]
) -> tuple[int, tuple[str, ...]]:
    """Stage a file cell by cell, with every bad cell named."""
    kind = KINDS["readings"]
    parsed = parsed_rows(request, kind)
    known = known_rows(cursor, request, sites)
    site = request.site or None
    problems = check_rows(kind, parsed, known, request.file_name, request.language, site)
    rows, left_out, notes = sift(request, parsed, problems)
    bulk.stage_rows(cursor, rows, zone)
    find_owners(cursor, request, sites)
    return left_out, notes


def _stage_plain(
    cursor: Cursor, request: Request, kind: Kind, zone: str, sites: Mapping[str, SiteDocument]
) -> bool:
    """Stage a CSV whose every row is plain and belongs to a known meter; else return False."""
    found = layout(request.path, kind, request.language)
    if found.is_workbook or "value" in found.units:
        return False
    path = request.path
    if not found.encoding.lower().startswith("utf-8"):
        path = _transcoded(path, found.encoding)
    try:
        if not bulk.stage_csv(cursor, path, found, zone):
            return False
    finally:
        if path is not request.path:
            path.unlink()
    find_owners(cursor, request, sites)
    return not strangers(cursor)


def _transcoded(path: Path, encoding: str) -> Path:
    target = path.with_name(path.name + ".utf8.csv")
    with (
        codecs.open(str(path), "r", encoding) as reader,
        target.open("w", encoding="utf-8", newline="") as writer,
    ):
        while chunk := reader.read(CHUNK):
            writer.write(chunk)
    return target


def _stage_parquet(
    cursor: Cursor, request: Request, zone: str, sites: Mapping[str, SiteDocument]
) -> tuple[int, tuple[str, ...]]:
    with whole_file(request.path, request.language):
        missing = bulk.stage_parquet(cursor, request.path, zone)
    if missing:
        problem = Problem(
            request.file_name,
            None,
            missing[0],
            None,
            text("缺少这一列", request.language),
            text("请补上后重试", request.language),
        )
        raise Refused((problem,))
    find_owners(cursor, request, sites)
    strange = strangers(cursor)
    if not strange:
        return 0, ()
    problems = tuple(_stranger_problem(request, row) for row in strange[:SHOWN])
    if not request.accept_good:
        raise Refused(problems)
    cursor.execute("DELETE FROM judged WHERE stranger")
    return len(strange), tuple(p.line(request.language) for p in problems)


def find_owners(cursor: Cursor, request: Request, sites: Mapping[str, SiteDocument]) -> None:
    """Fill temp.owner and temp.judged: whose reading each is, and whether it may be (R8)."""
    chosen = [request.site] if request.site else list(sites)
    frames = [
        site_meters(cursor, site, sites[site].timezone, held={}).measured.assign(site=site)
        for site in chosen
        if site in sites
    ]
    columns = ["meter", "meter_id", "valid_since", "valid_until", "site"]
    owners = pd.concat(frames)[columns] if frames else pd.DataFrame(columns=columns)
    with view(cursor, "owners", owners.astype({"meter_id": str, "site": str})):
        cursor.execute(
            "CREATE OR REPLACE TEMP TABLE owner AS SELECT meter_id, any_value(meter) AS meter, "
            "any_value(valid_since) AS valid_since, any_value(valid_until) AS valid_until, "
            "count(*) AS owners FROM owners GROUP BY meter_id"
        )
    cursor.execute(_JUDGED)


_JUDGED = """
CREATE OR REPLACE TEMP TABLE judged AS
SELECT s.line, o.meter, s.ts, s.value, s.quality,
    s.ts IS NULL OR s.value IS NULL OR s.quality IS NULL OR o.meter IS NULL OR o.owners > 1
        OR s.ts < coalesce(o.valid_since, '-infinity'::TIMESTAMP)
        OR s.ts > coalesce(o.valid_until, 'infinity'::TIMESTAMP) AS stranger
FROM staged s LEFT JOIN owner o USING (meter_id)
"""


def strangers(cursor: Cursor) -> list[tuple[int, str, object, object, int | None]]:
    """Return staged rows that no meter may have: line, meter, time, value, number of owners."""
    return cursor.execute(
        "SELECT s.line, s.meter_id, s.ts, s.value, o.owners FROM staged s "
        "SEMI JOIN (SELECT line FROM judged WHERE stranger) USING (line) "
        "LEFT JOIN owner o USING (meter_id) ORDER BY s.line"
    ).fetchall()


def _stranger_problem(
    request: Request, row: tuple[int, str, object, object, int | None]
) -> Problem:
    line, meter_id, ts, value, owners = row
    language = request.language
    if ts is None or value is None:
        column = "timestamp" if ts is None else "value"
        return Problem(
            request.file_name, line, column, None,
            text("这一格是空的或无法识别", language), text("请填写后重试", language),
        )  # fmt: skip
    if owners is None:
        return Problem(
            request.file_name, line, "meter_id", meter_id,
            text("没有这块表", language), text("请先导入表计台账", language),
        )  # fmt: skip
    if owners > 1:
        return Problem(
            request.file_name, line, "meter_id", meter_id,
            text("多个站点有这个表号", language), text("请用 --site 指明站点", language),
        )  # fmt: skip
    return Problem(
        request.file_name, line, "timestamp", str(ts),
        text("时间不在这块表的有效期内", language), text("请核对表计的启用与停用日期", language),
    )  # fmt: skip


# A cheap look for repetitions: whole seconds and meters packed into one number.
_REPETITIVE = """
SELECT count(*) > count(DISTINCT epoch_us(ts) // 1000000 * 262144 + meter) FROM judged
"""

_IN_TIME_ORDER = """
SELECT coalesce(bool_and(ts >= before), true)
FROM (SELECT ts, lag(ts) OVER () AS before FROM judged)
"""

# Of rows with one key the last counts; those before it are kept and marked as superseded.
_IN_FILE = """
CREATE OR REPLACE TEMP TABLE repeated AS
SELECT line, meter, ts, value, quality,
    lead(line) OVER one IS NOT NULL AS later,
    lead(value) OVER one IS NOT DISTINCT FROM value
        AND lead(quality) OVER one IS NOT DISTINCT FROM quality AS alike
FROM judged SEMI JOIN (SELECT meter, ts FROM judged GROUP BY meter, ts HAVING count(*) > 1)
    USING (meter, ts)
WINDOW one AS (PARTITION BY meter, ts ORDER BY line)
"""

_NOTHING_REPEATED = """
CREATE OR REPLACE TEMP TABLE repeated AS
SELECT line, meter, ts, true AS later, true AS alike FROM judged LIMIT 0
"""

_BEFORE = """
CREATE OR REPLACE TEMP TABLE known_before AS
SELECT j.line, r.meter, r.ts, r.batch, r.line AS old_line,
    r.value = j.value AND r.quality = j.quality AS alike
FROM reading r JOIN judged j ON j.meter = r.meter AND j.ts = r.ts
ANTI JOIN superseded_reading s
  ON s.meter = r.meter AND s.ts = r.ts AND s.batch = r.batch AND s.line = r.line
WHERE r.ts BETWEEN ? AND ?
"""


def append(
    cursor: Cursor,
    request: Request,
    acknowledge: Acknowledge,
    left_out: int,
    notes: tuple[str, ...],
) -> Loaded:
    """Append the staged rows that say something new, and mark what they change."""
    total = _count(cursor, "SELECT count(*) FROM judged")
    if total == 0:
        reason = text("文件里没有读数", request.language)
        remedy = text("请检查是否导出了数据行", request.language)
        raise Refused((Problem(request.file_name, None, None, None, reason, remedy),))
    corrections = _in_file(cursor)
    span = cursor.execute("SELECT min(ts), max(ts) FROM judged").fetchone()
    cursor.execute(_BEFORE, list(span or ()))
    known = _count(cursor, "SELECT count(*) FROM known_before WHERE NOT alike")
    batch = acknowledge()
    if _count(cursor, "SELECT count(*) FROM known_before WHERE alike"):
        keep_repeats(cursor, batch)
    cursor.execute("DELETE FROM judged USING known_before k WHERE judged.line = k.line AND k.alike")
    cursor.execute(
        "INSERT INTO superseded_reading SELECT meter, ts, batch, old_line FROM known_before "
        "WHERE NOT alike"
    )
    cursor.execute(
        "INSERT INTO superseded_reading SELECT meter, ts, ?, line FROM repeated "
        "WHERE later AND NOT alike",
        [batch],
    )
    order = "" if _count(cursor, _IN_TIME_ORDER) else "ORDER BY ts, meter, line"
    cursor.execute(
        f"INSERT INTO reading SELECT meter, ts, value, quality, ?, line FROM judged {order}",
        [batch],
    )
    added = _count(cursor, "SELECT count(*) FROM judged")
    cause = "correction" if known + corrections else "late data"
    cursor.execute(
        "INSERT INTO changed_reading SELECT meter, min(ts), max(ts), ?, ? FROM judged "
        "GROUP BY meter, date_trunc('month', ts)",
        [cause, batch],
    )
    _extend(cursor)
    new = added - known - corrections
    return register(
        cursor,
        request,
        Loaded(batch, new, total - added, known + corrections, left_out, notes),
    )


def _in_file(cursor: Cursor) -> int:
    """Drop exact repetitions within the file and return how many rows correct earlier ones."""
    if not _count(cursor, _REPETITIVE):
        cursor.execute(_NOTHING_REPEATED)
        return 0
    cursor.execute(_IN_FILE)
    cursor.execute(
        "DELETE FROM judged USING repeated r WHERE judged.line = r.line AND r.later AND r.alike"
    )
    return _count(cursor, "SELECT count(*) FROM repeated WHERE later AND NOT alike")


def _extend(cursor: Cursor) -> None:
    """Keep each meter's first and newest reading; a `bad` one counts as not received."""
    cursor.execute(
        "INSERT INTO meter_extent SELECT meter, min(ts), max(ts) FROM judged WHERE quality <> 2 "
        "GROUP BY meter ON CONFLICT (meter) DO UPDATE SET first = least(first, excluded.first), "
        "newest = greatest(newest, excluded.newest)"
    )


def _count(cursor: Cursor, sql: str) -> int:
    row = cursor.execute(sql).fetchone()
    return int(row[0]) if row else 0
