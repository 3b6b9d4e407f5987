"""What the store knows of sites, meters and records: the rows that count, as frames."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import astuple, dataclass, replace
from datetime import date, datetime, timedelta

import pandas as pd

from accounting.inputs import Area, Site
from accounting.registers import MICRO, Change
from data.ingest.kinds import KINDS, Kind
from data.ingest.site_file import SiteDocument, parse_site
from data.periods import utc
from data.schema import record_table
from data.store import Cursor, frame


def effective_sql(kind: Kind) -> str:
    """Return the query of a kind's rows that count: of one key the last received."""
    keys = ", ".join(f'"{name}"' for name in dict.fromkeys(("site", *kind.key)))
    return (
        f"SELECT * FROM {record_table(kind)} WHERE site = ? "
        f"QUALIFY row_number() OVER (PARTITION BY {keys} ORDER BY batch DESC, file_row DESC) = 1 "
        f"ORDER BY {keys}"
    )


def records(cursor: Cursor, kind: str, site: str) -> pd.DataFrame:
    """Return the effective rows of a kind at a site, in the order of their keys."""
    found = KINDS[kind]
    keys = list(dict.fromkeys(("site", *found.key)))
    order = ", ".join(f'"{name}"' for name in (*keys, "batch", "file_row"))
    # Few rows are read often: the database would plan a window for longer than it reads.
    rows = frame(
        cursor, f"SELECT * FROM {record_table(found)} WHERE site = ? ORDER BY {order}", [site]
    )
    former = rows.duplicated(keys, keep="last")
    return rows[~former].reset_index(drop=True) if former.any() else rows


def documents(cursor: Cursor) -> dict[str, SiteDocument]:
    """Return every site's latest document, with the settings of the latest approved one."""
    newest, approved = _documents(cursor)
    found = {}
    for site, (batch, body) in newest.items():
        document = parse_site(body, site, "zh")
        if site in approved and approved[site][0] != batch:
            settings = parse_site(approved[site][1], site, "zh").settings
            document = replace(document, settings=settings)
        found[site] = document
    return found


_Bodies = dict[str, tuple[int, str]]


def _documents(cursor: Cursor) -> tuple[_Bodies, _Bodies]:
    """Return by site the batch and the text of the newest document, and of the approved one."""
    rows = cursor.execute(
        "SELECT site, batch, body, approved FROM site_document ORDER BY site, batch"
    ).fetchall()
    newest = {site: (batch, body) for site, batch, body, _ in rows}
    return newest, {site: (batch, body) for site, batch, body, approved in rows if approved}


@dataclass(frozen=True)
class Pending:
    """Settings that came with a file and wait for a second person."""

    batch: int
    settings: Mapping[str, object]


def pending_settings(cursor: Cursor) -> dict[str, Pending]:
    """Return by site the newest settings that are not in force yet."""
    newest, approved = _documents(cursor)
    return {
        site: Pending(batch, parse_site(body, site, "zh").settings)
        for site, (batch, body) in newest.items()
        if site in approved and approved[site][0] != batch
    }


def accounting_site(document: SiteDocument) -> Site:
    """Return a site as the accounting sees it."""
    areas = tuple(Area(a.building, float(a.m2), a.valid_from, a.valid_to) for a in document.areas)
    return Site(document.site_id, document.province, areas, document.settings)


def inputs_fingerprint(document: SiteDocument, factor_digest: str, method: str) -> str:
    """Return what, besides readings and records, a site's figures were computed with."""
    settings = {name: str(value) for name, value in sorted(document.settings.items())}
    return json.dumps(
        {
            "factors": factor_digest,
            "method": method,
            "province": document.province,
            "timezone": document.timezone,
            "areas": [[str(v) for v in astuple(a)] for a in document.areas],
            "settings": settings,
        },
        ensure_ascii=False,
        sort_keys=True,
    )


@dataclass(frozen=True)
class SiteMeters:
    """A site's meters: for the accounting by identifier, for the intervals by number."""

    described: pd.DataFrame
    measured: pd.DataFrame


def site_meters(
    cursor: Cursor, site: str, zone: str, *, held: Mapping[int, datetime]
) -> SiteMeters:
    """Return a site's meters with their rules and validity.

    Parameters
    ----------
    cursor, site, zone
        Where to read, which site, its time zone.
    held
        Meter number to the time from which its readings are held back (R2).
    """
    rows = records(cursor, "meters", site)
    numbers = frame(cursor, "SELECT meter, meter_id FROM meter_number WHERE site = ?", [site])
    rows = rows.merge(numbers, on="meter_id")
    for name in ("building", "group", "line", "equipment", "parent_id"):
        rows[name] = rows[name].fillna("").astype(str)
    scale = pd.Series(
        [UNIT_SCALE[pair] for pair in zip(rows["medium"], rows["unit"], strict=True)],
        dtype="float64",
    )
    described = rows.assign(unit=rows["medium"].map(STORED_UNIT))[
        ["meter_id", "medium", "role", "building", "group", "line", "equipment", "parent_id",
         "unit", "valid_from", "valid_to"]
    ]  # fmt: skip
    changes = _changes(cursor, site, zone, dict(zip(rows["meter_id"], scale, strict=True)))
    multiplier = [
        round(float(m) * s * MICRO) for m, s in zip(rows["multiplier"], scale, strict=True)
    ]
    measured = pd.DataFrame(
        {
            "meter": rows["meter"].astype("int64"),
            "meter_id": rows["meter_id"],
            "reading_kind": rows["reading_kind"],
            "multiplier_micro": multiplier,
            "register_max": rows["register_max"].astype(float) * MICRO,
            "step_us": rows["step_min"].astype("int64") * 60 * MICRO,
            "rated_per_hour": rows["rated_max_per_hour"].astype(float) * scale * MICRO,
            "held_from": pd.Series(
                [held.get(int(m)) for m in rows["meter"]], dtype="datetime64[us]"
            ),
            "changes": [changes.get(m, ()) for m in rows["meter_id"]],
            "valid_since": _edge(rows["valid_from"], zone, 0),
            "valid_until": _edge(rows["valid_to"], zone, 1),
        }
    )
    return SiteMeters(described, measured)


STORED_UNIT = {"electricity": "kWh", "water": "m3", "heat": "GJ", "diesel": "L"}
UNIT_SCALE = {
    ("electricity", "kWh"): 1.0,
    ("electricity", "MWh"): 1000.0,
    ("water", "m3"): 1.0,
    ("water", "L"): 0.001,
    ("heat", "GJ"): 1.0,
    ("heat", "kWh"): 0.0036,
    ("heat", "MWh"): 3.6,
    ("diesel", "L"): 1.0,
}


def _edge(days: pd.Series, zone: str, after: int) -> pd.Series:
    """Return dates as the UTC instants at which they begin, or end."""
    edges = [
        None if pd.isna(d) else utc(datetime(d.year, d.month, d.day) + timedelta(days=after), zone)
        for d in days
    ]
    return pd.Series(edges, dtype="datetime64[us]", index=days.index)


def _changes(
    cursor: Cursor, site: str, zone: str, scale: Mapping[str, float]
) -> dict[str, tuple[Change, ...]]:
    found: dict[str, tuple[Change, ...]] = {}
    for row in records(cursor, "meter_changes", site).itertuples():
        at = utc(row.timestamp.to_pydatetime(), zone)
        multiplier = None
        if row.new_multiplier is not None and not pd.isna(row.new_multiplier):
            multiplier = round(float(row.new_multiplier) * scale.get(row.meter_id, 1.0) * MICRO)
        change = Change(
            (at - datetime(1970, 1, 1)) // timedelta(microseconds=1),
            round(float(row.old_end) * MICRO),
            round(float(row.new_start) * MICRO),
            multiplier,
        )
        found[row.meter_id] = (*found.get(row.meter_id, ()), change)
    return {m: tuple(sorted(c, key=lambda one: one.at_us)) for m, c in found.items()}


def month_days(month: date, end: date) -> list[date]:
    """Return the days from the first of a month to before ``end``."""
    return [month + timedelta(days=n) for n in range((end - month).days)]
