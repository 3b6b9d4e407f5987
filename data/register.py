"""The register of a site: areas, meters with a month's quantities, devices, and their history."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from accounting.inputs import Meter
from accounting.meter_tree import Balance, balances, site_balance
from data.engine import Engine
from data.ingest.kinds import KINDS
from data.ingest.site_file import SiteDocument
from data.schema import record_table
from data.sites import STORED_UNIT, documents, effective_sql
from data.store import Cursor

EDITED = ("meters", "devices")
IDS = {"meters": "meter_id", "devices": "device_id"}
_PLACES = ("meter_id", "medium", "role", "building", "group", "line", "equipment", "parent_id")


@dataclass(frozen=True)
class MeterEntry:
    """A meter as it is registered, with its month.

    Parameters
    ----------
    values
        The columns of the import file.
    quantity, unit
        What it used in the month, in the stored unit of its medium; None where not known.
    estimated_h, measured_h, expected_h
        Hours of the month; None where nothing of it is settled.
    depth
        How far below a top meter it is.
    balance
        Against those below it; None where there are none.
    """

    values: Mapping[str, object]
    quantity: float | None
    unit: str
    measured_h: float | None
    estimated_h: float | None
    expected_h: float | None
    depth: int
    balance: Balance | None

    @property
    def meter_id(self) -> str:
        """Its identifier."""
        return str(self.values["meter_id"])


@dataclass(frozen=True)
class Register:
    """A site's register: its document, meters as a tree, devices, the balance of the whole."""

    document: SiteDocument
    meters: Sequence[MeterEntry]
    devices: Sequence[Mapping[str, object]]
    whole: Balance | None


def register(engine: Engine, site: str, month: str) -> Register:
    """Return the register of a site with the quantities of a month.

    Parameters
    ----------
    engine, site
        Where, whose.
    month
        ``2026-07``.

    Returns
    -------
    Register
        Meters in the order of the tree: each is followed by those below it.

    Raises
    ------
    KeyError
        There is no such site.
    """
    first = date.fromisoformat(f"{month}-01")
    with engine.store.read() as cursor:
        document = documents(cursor)[site]
        rows = {str(row["meter_id"]): row for row in _rows(cursor, "meters", site)}
        devices = _rows(cursor, "devices", site)
        used = _used(cursor, site, first)
    meters = [Meter(*(str(row[name] or "") for name in _PLACES)) for row in rows.values()]
    quantities = {name: used.get(name, _NOTHING)[0] for name in rows}
    found, whole = balances(meters, quantities), site_balance(meters, quantities)
    entries = [
        _entry(rows[name], used.get(name, _NOTHING), depth, found.get(name))
        for name, depth in _tree(meters)
    ]
    return Register(document, entries, devices, whole)


Used = tuple[float | None, float | None, float | None, float | None]
_NOTHING: Used = (None, None, None, None)


def _entry(
    row: Mapping[str, object], used: Used, depth: int, balance: Balance | None
) -> MeterEntry:
    return MeterEntry(row, used[0], STORED_UNIT[str(row["medium"])], *used[1:], depth, balance)


def _rows(cursor: Cursor, kind: str, site: str) -> list[dict[str, object]]:
    result = cursor.execute(effective_sql(KINDS[kind]), [site])
    names = [column[0] for column in result.description or ()]
    return [dict(zip(names, row, strict=True)) for row in result.fetchall()]


def _used(cursor: Cursor, site: str, month: date) -> dict[str, Used]:
    rows = cursor.execute(
        "SELECT n.meter_id, CAST(m.quantity AS DOUBLE), m.measured_h, m.estimated_h, m.expected_h "
        "FROM meter_month m JOIN meter_number n USING (meter) WHERE n.site = ? AND m.month = ?",
        [site, month],
    ).fetchall()
    return {name: (quantity, *hours) for name, quantity, *hours in rows}


def _tree(meters: Sequence[Meter]) -> list[tuple[str, int]]:
    """Return meters with their depth, each before those below it; one whose parent is gone is top.

    The import refuses rings; one that came about nevertheless is cut where it is met again.
    """
    known = {meter.meter_id for meter in meters}
    below: dict[str, list[str]] = {}
    for meter in sorted(meters, key=lambda one: (one.medium, one.meter_id)):
        parent = meter.parent_id if meter.parent_id in known else ""
        below.setdefault(parent, []).append(meter.meter_id)
    found: list[tuple[str, int]] = []
    seen: set[str] = set()

    def walk(name: str, depth: int) -> None:
        for child in below.get(name, ()):
            if child not in seen:
                seen.add(child)
                found.append((child, depth))
                walk(child, depth + 1)

    walk("", 0)
    found += [(one.meter_id, 0) for one in meters if one.meter_id not in seen]
    return found


# ---- how an entry came to be as it is ----


@dataclass(frozen=True)
class Step:
    """A change of an entry: when (UTC), by whom, which columns from what to what."""

    at: datetime
    author: str
    changes: Sequence[tuple[str, object, object]]


def history(engine: Engine, kind: str, site: str, ident: str) -> list[Step]:
    """Return how a meter or device came to be as it is, newest first.

    Parameters
    ----------
    engine, kind, site, ident
        Which entry; kind is one of ``EDITED``.

    Returns
    -------
    list of Step
        The first one has no changes: the entry came about.
    """
    names = [column.name for column in KINDS[kind].columns if column.name != "site"]
    columns = ", ".join(f'r."{name}"' for name in names)
    with engine.store.read() as cursor:
        rows = cursor.execute(
            f"SELECT r.batch, b.received_at, {columns} FROM {record_table(KINDS[kind])} r "
            f'LEFT JOIN batch b USING (batch) WHERE r.site = ? AND r."{IDS[kind]}" = ? '
            "ORDER BY r.batch, r.file_row",
            [site, ident],
        ).fetchall()
    found: list[Step] = []
    before: tuple[object, ...] | None = None
    for batch, at, *values in rows:
        kept = engine.spool.find(batch)
        changes = [
            (name, old, new)
            for name, old, new in zip(names, before or values, values, strict=True)
            if old != new
        ]
        if before is None or changes:
            moment = at.replace(tzinfo=UTC) if at else datetime.fromtimestamp(0, UTC)
            found.append(Step(moment, kept.actor if kept else "", changes))
        before = tuple(values)
    return found[::-1]
