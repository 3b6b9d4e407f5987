"""What people fill in by hand: judged and taken in as a file is, readings with quality manual."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp

from data.batch_notes import keep_notes
from data.digest import file_digest
from data.engine import Engine
from data.ingest.kinds import KINDS, MATERIALS
from data.ingest.known import Known
from data.ingest.load import Options, Receipt, import_file
from data.ingest.loaders import Request, known_rows
from data.ingest.plausible import odd_rows
from data.ingest.posted import judged
from data.ingest.problems import Problem
from data.ingest.review import written
from data.ingest.rows import Row
from data.intake import EVER, FORM, median_mass, noted, today_in, usual, vehicles
from data.revoke import NotRevocable, revoke
from data.sites import documents, records
from data.store import Cursor

PRODUCTION = "production"
FORMS: Mapping[str, tuple[str, ...]] = {
    "readings": ("readings",),
    PRODUCTION: ("batches", "outputs"),
    "fuel": ("fuel",),
    "trips": ("trips",),
}
OUTPUT = "out_"  # a material's field of the production form: out_copper
IDS = {"production": "batch_id", "fuel": "fuel_id", "trips": "trip_id"}
_LONGEST = 80


@dataclass(frozen=True)
class Filled:
    """A form as it was filled in: which, for which site, by whom, fields and remark."""

    form: str
    site: str
    actor: str
    values: Mapping[str, str]
    note: str = ""


@dataclass(frozen=True)
class Entered:
    """What came of a form: words by field where something is wrong or doubtful, or receipts."""

    errors: Mapping[str, str] = field(default_factory=dict)
    doubts: Mapping[str, str] = field(default_factory=dict)
    receipts: tuple[Receipt, ...] = ()


def entered(engine: Engine, filled: Filled, language: str) -> Entered:
    """Take a form in, the way every file goes; nothing of it is kept where something is wrong.

    Parameters
    ----------
    engine
        The opened data directory.
    filled
        The form. What is doubtful is taken in only with a remark.
    language
        Of the words.

    Returns
    -------
    Entered
        Errors by field, or doubts that need a remark, or one receipt a kind.

    Raises
    ------
    Refused, DiskFull
        Something has changed meanwhile, or there is no room; nothing was kept.
    """
    rows, errors, doubts = _judged(engine, filled, language)
    if errors or (doubts and not filled.note):
        return Entered(errors, doubts)
    folder = Path(mkdtemp(prefix=".form-", dir=engine.store.inbox))
    receipts: list[Receipt] = []
    try:
        for kind, own in rows.items():
            receipts.append(_taken(engine, filled, kind, own, folder))
    except BaseException:  # both kinds or none
        for receipt in receipts:
            if not receipt.seen_at:
                with suppress(NotRevocable):
                    revoke(engine, receipt.batch, filled.actor, "form")
        raise
    finally:
        rmtree(folder)
    return Entered(receipts=tuple(receipts))


def _taken(engine: Engine, filled: Filled, kind: str, rows: Sequence[Row], folder: Path) -> Receipt:
    path = written(KINDS[kind], rows, folder / f"form-{kind}.csv", 1)
    receipt = import_file(engine, kind, path, Options(filled.site, actor=filled.actor))
    if not receipt.seen_at:
        note = [receipt.batch, FORM, path.name, file_digest(path), 0, 0, filled.note]
        engine.store.write(partial(noted, note))
        keep_notes(engine, receipt.batch)
    return receipt


Judged = tuple[dict[str, Sequence[Row]], dict[str, str], dict[str, str]]


def _judged(engine: Engine, filled: Filled, language: str) -> Judged:
    """Return typed rows by kind, and by field what is wrong and what is doubtful."""
    given = {n: v.strip()[:_LONGEST] for n, v in filled.values.items() if v.strip()}
    errors: dict[str, str] = {}
    doubts: dict[str, str] = {}
    found: dict[str, Sequence[Row]] = {}
    with engine.store.read() as cursor:
        zone = documents(cursor)[filled.site].timezone
        for kind in FORMS[filled.form]:
            rows, names = _rows(filled.form, kind, given)
            if not rows:
                continue
            request = Request(kind, filled.site, Path(), "", "", True, EVER, language,
                              vehicles(engine))  # fmt: skip
            known = known_rows(cursor, request, documents(cursor))
            if kind == "outputs":
                known = _with_batch(known, filled.site, found.get("batches", ()))
            parsed, problems = judged(kind, rows, known, language, filled.site)
            found[kind] = [replace(row, number=row.number + 2) for row in parsed.rows]
            where = ("", language)
            own = usual(cursor, filled.site, zone) if kind == "readings" else {}
            mean_t = median_mass(cursor) if kind == "batches" else None
            problems = [*problems, *(
                odd.problem
                for odd in odd_rows(KINDS[kind], parsed.rows, own, mean_t, where, today_in([zone]))
            )]  # fmt: skip
            for problem in problems:
                into = errors if problem.severity == "error" else doubts
                into.setdefault(
                    _field(kind, problem, names),
                    f"{problem.reason}；{problem.remedy}"
                    if language == "zh"
                    else f"{problem.reason}; {problem.remedy}",
                )
    return found, errors, doubts


def _rows(form: str, kind: str, given: Mapping[str, str]) -> tuple[list[dict[str, str]], list[str]]:
    """Return the rows of a kind that a form stands for, and the field of each output."""
    if kind == "outputs":
        made = [m for m in MATERIALS if given.get(OUTPUT + m)]
        batch = given.get("batch_id", "")
        return [{"batch_id": batch, "material": m, "mass_t": given[OUTPUT + m]} for m in made], made
    names = [column.name for column in KINDS[kind].columns]
    row = {name: given[name] for name in names if name in given}
    if form == "readings":
        row["quality"] = "manual"
    return [row], []


def _field(kind: str, problem: Problem, made: Sequence[str]) -> str:
    if kind == "outputs" and problem.row is not None and problem.column != "batch_id":
        return OUTPUT + made[problem.row]
    return problem.column or ""


def _with_batch(known: Known, site: str, rows: Sequence[Row]) -> Known:
    batches, residues = dict(known.batches), dict(known.residues)
    for row in rows:
        key = site, str(row.values["batch_id"])
        batches[key] = _decimal(row.values["mass_in_t"])
        residues[key] = _decimal(row.values["residue_t"]) or Decimal(0)
    return replace(known, batches=batches, residues=residues)


def _decimal(value: object) -> Decimal | None:
    return value if isinstance(value, Decimal) else None


# ---- what a form offers ----


@dataclass(frozen=True)
class MeterChoice:
    """A meter to read: identifier, name, medium, unit, newest reading with its local time."""

    meter_id: str
    name: str
    medium: str
    unit: str
    last: float | None
    last_at: datetime | None


def meter_choices(engine: Engine, site: str) -> list[MeterChoice]:
    """Return the meters of a site with what they showed last."""
    with engine.store.read() as cursor:
        zone = documents(cursor)[site].timezone
        known = usual(cursor, site, zone)
        rows = records(cursor, "meters", site)
    return [
        MeterChoice(row.meter_id, row.name or "", row.medium, row.unit, known[row.meter_id].last,
                    known[row.meter_id].last_at)
        for row in rows.itertuples()
    ]  # fmt: skip


def next_id(engine: Engine, form: str, site: str, day: date) -> str:
    """Return an identifier that no row of the day has: H, the day and a number."""
    name = IDS[form]
    kind = "batches" if form == PRODUCTION else form
    start = f"H{day:%Y%m%d}-"
    with engine.store.read() as cursor:
        taken = _taken_ids(cursor, kind, name, site, start)
    number = 1
    while f"{start}{number}" in taken:
        number += 1
    return f"{start}{number}"


def _taken_ids(cursor: Cursor, kind: str, name: str, site: str, start: str) -> set[str]:
    rows = records(cursor, kind, site)
    return {str(one) for one in rows[name] if str(one).startswith(start)}
