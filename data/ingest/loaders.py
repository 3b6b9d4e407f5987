"""Rows of one acknowledged file into the store's tables, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pandas as pd

from data.ingest.checks import Known, KnownMeter, check_rows
from data.ingest.kinds import KINDS, Kind
from data.ingest.problems import Problem, Refused
from data.ingest.rows import Parsed, Row, parse_rows
from data.ingest.site_file import SiteDocument, read_site
from data.ingest.tables import read_table
from data.ingest.touched import mark_records
from data.schema import aside_table, record_columns, record_table
from data.sites import documents, effective_sql
from data.store import Cursor, frame, insert, view

DEFAULT_ZONE = "Asia/Shanghai"
Acknowledge = Callable[[], int]


@dataclass(frozen=True)
class Request:
    """One file to load, with what its rows are checked against."""

    kind: str
    site: str
    path: Path
    file_name: str
    digest: str
    accept_good: bool
    received_at: datetime
    language: str
    vehicle_classes: frozenset[str]


@dataclass(frozen=True)
class Loaded:
    """How many rows went where."""

    batch: int
    new_rows: int = 0
    same_rows: int = 0
    corrections: int = 0
    left_out: int = 0
    notes: tuple[str, ...] = ()


def register(cursor: Cursor, request: Request, loaded: Loaded) -> Loaded:
    """Note the batch in the store; its presence makes loading it again a no-op."""
    received = request.received_at.astimezone(UTC).replace(tzinfo=None)
    cursor.execute(
        "INSERT INTO batch VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        [
            loaded.batch, request.kind, request.site, request.file_name, request.digest,
            received, loaded.new_rows, loaded.same_rows, loaded.corrections,
        ],
    )  # fmt: skip
    return loaded


def load_site(cursor: Cursor, request: Request, acknowledge: Acknowledge) -> Loaded:
    """Load a site document; other settings of a settled site wait for a second person."""
    document = read_site(request.path, request.language)
    body = request.path.read_text(encoding="utf-8-sig")
    known = documents(cursor)
    batch = acknowledge()
    before = known.get(document.site_id)
    corrected = int(before is not None)
    approved = before is None or before.settings == document.settings
    cursor.execute(
        "INSERT INTO site_document VALUES (?, ?, ?, ?)",
        [document.site_id, body, batch, approved or not _settled(cursor, document.site_id)],
    )
    return register(cursor, request, Loaded(batch, 1 - corrected, 0, corrected))


def _settled(cursor: Cursor, site: str) -> bool:
    row = cursor.execute("SELECT 1 FROM settled_month WHERE site = ? LIMIT 1", [site]).fetchone()
    return row is not None


def known_rows(cursor: Cursor, request: Request, sites: Mapping[str, SiteDocument]) -> Known:
    """Return what rows are checked against: sites, their meters and batches."""
    meters = {}
    batches: dict[tuple[str, str], Decimal | None] = {}
    residues: dict[tuple[str, str], Decimal] = {}
    for site in sites:
        for row in frame(cursor, effective_sql(KINDS["meters"]), [site]).itertuples():
            meters[site, row.meter_id] = KnownMeter(
                medium=row.medium,
                unit=row.unit,
                valid_from=None if pd.isna(row.valid_from) else row.valid_from.date(),
                valid_to=None if pd.isna(row.valid_to) else row.valid_to.date(),
                parent_id=row.parent_id if isinstance(row.parent_id, str) else None,
            )
        if request.kind == "outputs":
            for row in frame(cursor, effective_sql(KINDS["batches"]), [site]).itertuples():
                batches[site, row.batch_id] = Decimal(str(row.mass_in_t))
                if not pd.isna(row.residue_t):
                    residues[site, row.batch_id] = Decimal(str(row.residue_t))
    return Known(
        sites=frozenset(sites),
        meters=meters,
        batches=batches,
        vehicle_classes=request.vehicle_classes,
        residues=residues,
        zones={site: document.timezone for site, document in sites.items()},
        trades=_trades(cursor) if request.kind == "prices" else {},
        today=datetime.now(ZoneInfo(DEFAULT_ZONE)).date() if request.kind == "prices" else None,
    )


def _trades(cursor: Cursor) -> dict[tuple[str, date], tuple[float, float]]:
    """Return volume, t, and turnover, CNY, of every day with trade."""
    rows = frame(
        cursor,
        "SELECT instrument, date, CAST(volume_t AS DOUBLE) AS volume_t, "
        "CAST(turnover_cny AS DOUBLE) AS turnover_cny FROM record_prices "
        "WHERE volume_t > 0 AND turnover_cny > 0 ORDER BY batch, file_row",
    )
    return {
        (row.instrument, row.date.date()): (row.volume_t, row.turnover_cny)
        for row in rows.itertuples()
    }


def parsed_rows(request: Request, kind: Kind) -> Parsed:
    """Return the file's typed rows and every cell that cannot be read."""
    table = read_table(request.path, kind, request.language)
    return parse_rows(table, kind, request.file_name, request.language, request.site or None)


def sift(
    request: Request, parsed: Parsed, problems: list[Problem]
) -> tuple[list[Row], int, tuple[str, ...]]:
    """Return the rows to load; refuse the file for errors unless the good rows are wanted."""
    found = [*parsed.problems, *problems]
    errors = [problem for problem in found if problem.severity == "error"]
    if errors and not request.accept_good:
        raise Refused(tuple(found))
    bad = {problem.row for problem in errors}
    notes = tuple(p.line(request.language) for p in found) + tuple(parsed.notes)
    rows = [row for row in parsed.rows if row.number not in bad]
    if not rows and errors:
        raise Refused(tuple(found))
    return rows, len(bad), notes


def load_records(cursor: Cursor, request: Request, acknowledge: Acknowledge) -> Loaded:
    """Load rows of any kind but readings and sites; of one key the later row counts."""
    return load_parsed(cursor, request, parsed_rows(request, KINDS[request.kind]), acknowledge)


def load_parsed(
    cursor: Cursor, request: Request, parsed: Parsed, acknowledge: Acknowledge
) -> Loaded:
    """Load typed rows, wherever they were read from."""
    kind = KINDS[request.kind]
    sites = documents(cursor)
    known = known_rows(cursor, request, sites)
    problems = check_rows(
        kind, parsed, known, request.file_name, request.language, request.site or None
    )
    rows, left_out, notes = sift(request, parsed, problems)
    incoming = _record_frame(kind, rows, request, known, sites)
    batch = acknowledge()
    fresh, replaced, same = _compare(cursor, kind, incoming)
    insert(cursor, record_table(kind), _as_text(fresh.assign(batch=batch)))
    insert(cursor, aside_table(kind), _as_text(same.assign(batch=batch, why="repeated")))
    if kind.name == "meters":
        _number_meters(cursor, fresh)
    touched = pd.concat([fresh.drop(columns="file_row"), replaced], ignore_index=True)
    cause = "correction" if len(replaced) else "late data"
    mark_records(
        cursor, kind.name, touched, {s: d.timezone for s, d in sites.items()}, cause, batch
    )
    loaded = Loaded(batch, len(fresh) - len(replaced), len(same), len(replaced), left_out, notes)
    return register(cursor, request, loaded)


def _record_frame(
    kind: Kind,
    rows: list[Row],
    request: Request,
    known: Known,
    sites: Mapping[str, SiteDocument],
) -> pd.DataFrame:
    """Return typed rows as a frame with the store's columns; times are site-local."""
    columns = ["site", *(column.name for column in record_columns(kind)), "file_row"]
    values = []
    for row in rows:
        site = str(row.values.get("site") or request.site or _site_of(row, known))
        zone = sites[site].timezone if site in sites else DEFAULT_ZONE
        cells = [_cell(row.values.get(c.name), zone) for c in record_columns(kind)]
        values.append([site, *cells, row.number])
    return pd.DataFrame(values, columns=columns, dtype=object)


def _as_text(rows: pd.DataFrame) -> pd.DataFrame:
    """Return cells as text: the table's types decide, not a guess from the first rows."""
    cells = rows.map(lambda cell: None if _plain(cell) is None else str(cell))
    return cells.assign(site=rows["site"]).astype("str")


def _site_of(row: Row, known: Known) -> str:
    """Return the site of a row that names only a meter or a batch."""
    for name, owners in (("meter_id", known.meters), ("batch_id", known.batches)):
        found = [site for site, ident in owners if ident == row.values.get(name)]
        if name in row.values and found:
            return found[0]
    return ""


def _cell(value: object, zone: str) -> object:
    if isinstance(value, datetime) and value.tzinfo:
        return value.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    return value


def _compare(
    cursor: Cursor, kind: Kind, incoming: pd.DataFrame
) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Return the rows to add, the earlier rows they replace, and those that change nothing."""
    keys = list(dict.fromkeys(("site", *kind.key)))
    columns = [name for name in incoming.columns if name != "file_row"]
    latest: dict[tuple[object, ...], tuple[object, ...]] = {}
    for site in sorted(set(incoming["site"])):
        for row in cursor.execute(_effective(kind, columns), [site]).fetchall():
            named = dict(zip(columns, row, strict=True))
            latest[tuple(_plain(named[k]) for k in keys)] = row
    fresh, replaced, same = [], [], []
    for row in incoming.itertuples(index=False):
        named = dict(zip(incoming.columns, row, strict=True))
        key = tuple(_plain(named[k]) for k in keys)
        content = tuple(named[c] for c in columns)
        before = latest.get(key)
        if before is not None and _equal(before, content):
            same.append(row)
            continue
        if before is not None:
            replaced.append(before)
        latest[key] = content
        fresh.append(row)
    return (
        pd.DataFrame(fresh, columns=incoming.columns, dtype=object),
        pd.DataFrame(replaced, columns=columns, dtype=object),
        pd.DataFrame(same, columns=incoming.columns, dtype=object),
    )


def _effective(kind: Kind, columns: list[str]) -> str:
    quoted = ", ".join(f'"{name}"' for name in columns)
    return f"SELECT {quoted} FROM ({effective_sql(kind)})"


def _plain(value: object) -> object:
    return None if value is None or value != value or value == "" else value


def _equal(left: tuple[object, ...], right: tuple[object, ...]) -> bool:
    return all(_plain(a) == _plain(b) for a, b in zip(left, right, strict=True))


def _number_meters(cursor: Cursor, fresh: pd.DataFrame) -> None:
    with view(cursor, "fresh", fresh[["site", "meter_id"]].drop_duplicates()):
        cursor.execute(
            "INSERT INTO meter_number SELECT (SELECT coalesce(max(meter), 0) FROM meter_number) "
            "+ row_number() OVER (ORDER BY site, meter_id), site, meter_id FROM fresh f "
            "WHERE NOT EXISTS (SELECT 1 FROM meter_number n WHERE n.site = f.site "
            "AND n.meter_id = f.meter_id)"
        )
