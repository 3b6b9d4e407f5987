"""Files and forms that people bring in: checked, tried, taken in, remembered (clause 5.3 f, 7)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from zoneinfo import ZoneInfo

from data.batch_notes import keep_notes
from data.engine import Engine
from data.ingest.guard import guarded
from data.ingest.headers import Header, folded, named_header
from data.ingest.kinds import KINDS, Kind
from data.ingest.large import PART_ROWS, TOGETHER, Counted, counted
from data.ingest.load import Options, Receipt, import_file
from data.ingest.loaders import Request, known_rows
from data.ingest.mapping import CHOSEN, GUESSED, Head, Matches, guessed_kind, head_of, matched
from data.ingest.parquet import parquet_parts
from data.ingest.plausible import Usual
from data.ingest.problems import Refused
from data.ingest.readings import zone_of
from data.ingest.review import Against, Corrections, Reviewed, reviewed, written
from data.ingest.sources import format_of, refusal
from data.ingest.suggest import Known as Names
from data.ingest.tables import Table, named_parts, named_table
from data.ingest.watch import Watch
from data.periods import local
from data.sites import UNIT_SCALE, documents, records
from data.store import Cursor
from translations import text

MOST_MB = 64
MOST_BYTES = MOST_MB << 20
EDITED_MB = 16
EDITED_BYTES = EDITED_MB << 20  # of what is larger no cell is corrected; workbooks end there
UPLOAD, FORM = "upload", "form"


@dataclass(frozen=True)
class Draft:
    """A file in work: what it is, what its columns are taken for, what was corrected in it.

    Parameters
    ----------
    account, name, path, size_bytes, digest
        Who brought it; its name as it came; its copy; SM3 of its bytes.
    kind, site
        What it holds, empty while nobody knows; the site given with it, empty for none.
    head, matches
        Its first rows and what its columns are; None for Parquet, which has the contract's.
    made
        What was corrected.
    """

    account: str
    name: str
    path: Path
    size_bytes: int
    digest: str
    kind: str = ""
    site: str = ""
    head: Head | None = None
    matches: Matches = field(default_factory=lambda: Matches(0, ()))
    made: Corrections = field(default_factory=Corrections)

    @property
    def editable(self) -> bool:
        """Whether its cells can be corrected here."""
        return self.head is not None and self.size_bytes <= EDITED_BYTES

    @property
    def as_it_came(self) -> bool:
        """Whether the importer reads it as it came, so that nothing need be written anew."""
        unchanged = not self.made.edits and not self.made.dropped
        return unchanged and (self.head is None or self.matches.plain())


def begun(engine: Engine, draft: Draft, sites: tuple[str, ...], *, always: bool = False) -> Draft:
    """Return a file that has come with its kind, columns and site guessed.

    Parameters
    ----------
    engine
        The opened data directory.
    draft
        The file.
    sites
        Those that whoever brings it may see.
    always
        Whether a site is given even where the rows name theirs: rows of others are refused then.

    Raises
    ------
    Refused
        It is no table, or carries what none needs.
    """
    guarded(draft.path, engine.language)
    if format_of(draft.path) == "parquet":
        return replace(draft, kind="readings", site=sites[0] if len(sites) == 1 else "")
    limit = MOST_BYTES if format_of(draft.path) == "text" else EDITED_BYTES
    head = head_of(draft.path, engine.language, limit)
    kind = guessed_kind(head)
    found = replace(draft, head=head)
    return as_kind(engine, found, kind, sites, always=always) if kind else found


def as_kind(
    engine: Engine, draft: Draft, kind: str, sites: tuple[str, ...], *, always: bool = False
) -> Draft:
    """Return a file taken for another kind: columns and site are guessed anew."""
    if draft.head is None:
        return draft
    remembered = _remembered(engine, draft.account, kind)
    matches = matched(draft.head, KINDS[kind], remembered)
    named = "site" in matches.names and not always
    site = draft.site or (sites[0] if len(sites) == 1 else "")
    return replace(draft, kind=kind, matches=matches, site="" if named else site,
                   made=Corrections())  # fmt: skip


def table_of(draft: Draft, language: str, watch: Watch | None = None) -> Table:
    """Return a file's raw cells by what its columns are taken for.

    Raises
    ------
    Refused
        A required column is missing or its unit is not known.
    """
    kind, head, header = _opening(draft)
    source = (head.encoding, head.delimiter, head.sheet)
    return named_table(draft.path, kind, language, header, source, watch)


def _opening(draft: Draft) -> tuple[Kind, Head, Header]:
    if draft.head is None:
        raise ValueError("a Parquet file has no cells")
    kind = KINDS[draft.kind]
    titles = [one.title for one in draft.matches.columns]
    return kind, draft.head, named_header(kind, draft.matches.row, titles, draft.matches.names)


def checked(
    engine: Engine, draft: Draft, table: Table, language: str, watch: Watch | None = None
) -> Reviewed:
    """Return what is wrong with a file in work."""
    kind = KINDS[draft.kind]
    with engine.store.read() as cursor:
        against = _against(engine, cursor, draft, kind, language)
    return reviewed(kind, table, draft.made, against, watch)


def checked_whole(engine: Engine, draft: Draft, language: str, watch: Watch) -> Counted:
    """Return what is wrong with a file in work of which no cell can be corrected.

    It is read in parts. A text's good rows are written beside it; Parquet is taken in as it came,
    the importer leaves the same rows out.

    Raises
    ------
    Refused
        It cannot be read, or its rows are judged by each other: those are held at once.
    Stopped
        Nobody waits any more.
    DiskFull
        There is no room for its good rows.
    """
    if draft.head is None:
        return _checked_parquet(engine, draft, language, watch)
    kind, head, header = _opening(draft)
    if kind.name in TOGETHER:
        raise _too_large(draft, language)
    with engine.store.read() as cursor:
        against = _against(engine, cursor, draft, kind, language)
    engine.require_space(2 * draft.size_bytes)
    folder = Path(mkdtemp(dir=draft.path.parent))  # another check may be about to end
    parts = named_parts(draft.path, kind, language, header, (head.encoding, head.delimiter),
                        PART_ROWS, watch)  # fmt: skip
    path = folder / f"{Path(draft.name).stem}.corrected.csv"
    try:
        return counted(kind, parts, against, path, draft.matches.row, watch)
    except BaseException:
        rmtree(folder, ignore_errors=True)
        raise


def _too_large(draft: Draft, language: str) -> Refused:
    reason = text("表计、产出物和行情的各行要一起判断，文件不能超过 {limit}", language,
                  limit=f"{EDITED_MB} MB")  # fmt: skip
    remedy = text("请按月拆分；若内容猜错了，请返回上一步改正", language)
    return refusal(Path(draft.name), reason, remedy)


def _checked_parquet(engine: Engine, draft: Draft, language: str, watch: Watch) -> Counted:
    kind = KINDS[draft.kind]
    with engine.store.read() as cursor:
        against = _against(engine, cursor, draft, kind, language)
        zone = zone_of(draft.site, documents(cursor), draft.name, language)
    parts = parquet_parts(engine.store, draft.path, zone, language, PART_ROWS, watch)
    return counted(kind, parts, against, None, 0, watch)


def _against(engine: Engine, cursor: Cursor, draft: Draft, kind: Kind, language: str) -> Against:
    sites = documents(cursor)
    request = Request(draft.kind, draft.site, draft.path, draft.name, draft.digest, True,
                      EVER, language, vehicles(engine))  # fmt: skip
    known = known_rows(cursor, request, sites)
    here = [site for site in sites if draft.site in ("", site)]
    meters = tuple(m for site, m in known.meters if site in here)
    names = Names(
        meter_id=meters, parent_id=meters, site=tuple(here),
        batch_id=tuple(b for site, b in known.batches if site in here),
        vehicle_class=tuple(sorted(known.vehicle_classes)),
    )  # fmt: skip
    shown: dict[str, Usual] = {}
    if kind.name == "readings":
        for site in here:
            shown |= usual(cursor, site, sites[site].timezone)
    mean_t = median_mass(cursor) if kind.name == "batches" else None
    return Against(known, names, shown, mean_t, draft.site, draft.name, language,
                   today_in(sites[one].timezone for one in here))  # fmt: skip


EVER = datetime(1900, 1, 1)


def today_in(zones: Iterable[str]) -> date:
    """Return the last day that has begun in any of the zones."""
    now = datetime.now(UTC)
    return max((now.astimezone(ZoneInfo(zone)).date() for zone in zones), default=now.date())


def vehicles(engine: Engine) -> frozenset[str]:
    """Return the factors that a trip's vehicle may name."""
    rows = engine.library.rows.items()
    return frozenset(name for name, row in rows if row.category == "transport")


_MEANS = """
SELECT n.meter_id, sum(d.quantity) / nullif(sum(d.measured_h + d.estimated_h), 0)
FROM meter_day d JOIN meter_number n USING (meter) JOIN meter_extent e USING (meter)
WHERE n.site = ? AND d.day > CAST(e.newest AS DATE) - 30 AND d.quantity IS NOT NULL
GROUP BY n.meter_id
"""
_NEWEST = """
SELECT n.meter_id, r.ts, CAST(r.value AS DOUBLE)
FROM meter_number n JOIN meter_extent e USING (meter)
JOIN reading r ON r.meter = e.meter AND r.ts = e.newest
WHERE n.site = $site AND r.ts BETWEEN
    (SELECT min(newest) FROM meter_extent JOIN meter_number USING (meter) WHERE site = $site)
    AND (SELECT max(newest) FROM meter_extent JOIN meter_number USING (meter) WHERE site = $site)
QUALIFY row_number() OVER (PARTITION BY r.meter ORDER BY r.batch DESC, r.line DESC) = 1
"""


def usual(cursor: Cursor, site: str, zone: str) -> dict[str, Usual]:
    """Return what the meters of a site usually show, in their own unit."""
    means = dict(cursor.execute(_MEANS, [site]).fetchall())
    newest = {m: (ts, value) for m, ts, value in cursor.execute(_NEWEST, {"site": site}).fetchall()}
    found = {}
    for row in records(cursor, "meters", site).itertuples():
        scale = UNIT_SCALE.get((row.medium, row.unit), 1.0)
        mean, most = means.get(row.meter_id), row.rated_max_per_hour
        at, last = newest.get(row.meter_id, (None, None))
        found[row.meter_id] = Usual(
            row.reading_kind == "register", float(row.multiplier), float(row.step_min) / 60.0,
            None if most is None or most != most else float(most),
            None if mean is None else float(mean) / scale,
            None if at is None else local(at, zone), last,
        )  # fmt: skip
    return found


def median_mass(cursor: Cursor) -> float | None:
    """Return the median mass of the last year's batches, t; None without any."""
    row = cursor.execute(
        "SELECT median(CAST(mass_in_t AS DOUBLE)) FROM record_batches "
        "WHERE date > (SELECT max(date) FROM record_batches) - INTERVAL 1 YEAR"
    ).fetchone()
    return row[0] if row else None


# ---- what was taken for what, and what came before ----


def _remembered(engine: Engine, account: str, kind: str) -> Mapping[str, str]:
    with engine.store.read() as cursor:
        rows = cursor.execute(
            "SELECT header, name FROM intake_alias WHERE account = ? AND kind = ?", [account, kind]
        ).fetchall()
    return dict(rows)


def _remember(cursor: Cursor, draft: Draft) -> None:
    """Keep what an account has taken columns for that their titles do not say."""
    for one in draft.matches.columns:
        if one.name and one.by in (CHOSEN, GUESSED):
            cursor.execute(
                "INSERT INTO intake_alias VALUES (?, ?, ?, ?) ON CONFLICT (account, kind, header) "
                "DO UPDATE SET name = excluded.name",
                [draft.account, draft.kind, folded(one.title), one.name],
            )


@dataclass(frozen=True)
class Before:
    """An earlier batch of the same bytes: its number, and when it came, UTC."""

    batch: int
    at: datetime


def came_before(engine: Engine, digest: str) -> Before | None:
    """Return the batch that the same bytes came with, corrected there or not; None if none."""
    with engine.store.read() as cursor:
        row = cursor.execute(
            "SELECT b.batch, b.received_at FROM batch b LEFT JOIN intake i USING (batch) "
            "WHERE (b.digest = ? OR i.digest = ?) AND b.batch NOT IN "
            "(SELECT batch FROM revoked_batch) ORDER BY b.batch DESC LIMIT 1",
            [digest, digest],
        ).fetchone()
    return None if row is None else Before(row[0], row[1])


# ---- taking in ----


@dataclass(frozen=True)
class Reason:
    """Why a kind of warning is let pass, and how many rows it concerns."""

    warning: str
    rows: int
    words: str


@dataclass(frozen=True)
class Wish:
    """How a file in work is taken in: by whom, why its warnings are let pass, bad rows or not."""

    actor: str
    reasons: tuple[Reason, ...] = ()
    good_only: bool = False


Found = Reviewed | Counted


def file_to_take(draft: Draft, found: Found, folder: Path) -> Path:
    """Return the file that the importer is given: as it came, or as it was corrected.

    Of a large one bad rows are left out before, and cells are written so that the store reads them
    in one go: whatever else is written waits for it.
    """
    if isinstance(found, Counted):
        as_it_came = found.path is None or (draft.as_it_came and found.plain and not found.bad)
        return draft.path if as_it_came or found.path is None else found.path
    if draft.as_it_came:
        return draft.path
    name = f"{Path(draft.name).stem}.corrected.csv"
    return written(KINDS[draft.kind], found.good, folder / name, draft.matches.row)


def taken_in(engine: Engine, draft: Draft, found: Found, wish: Wish) -> Receipt:
    """Take a file in work in, the way every file goes, and note how it came.

    Parameters
    ----------
    engine
        The opened data directory.
    draft, found
        The file and what its check found.
    wish
        How it is taken in.

    Returns
    -------
    Receipt
        As for a file that a command brings.

    Raises
    ------
    Refused
        It still has errors and only good rows were not asked for.
    DiskFull
        There is no room; nothing was taken.
    """
    path = file_to_take(draft, found, draft.path.parent)
    options = Options(draft.site, accept_good=wish.good_only, actor=wish.actor)
    receipt = import_file(engine, draft.kind, path, options)
    if receipt.batch and not receipt.seen_at:
        out = len(draft.made.dropped) + found.counts[1]
        note = [receipt.batch, UPLOAD, draft.name, draft.digest, len(draft.made.edits), out,
                ""]  # fmt: skip
        engine.store.write(partial(_uploaded, note, draft, wish.reasons))
        keep_notes(engine, receipt.batch)
    return receipt


def _uploaded(
    note: list[object], draft: Draft, reasons: tuple[Reason, ...], cursor: Cursor
) -> None:
    """Keep how a batch came, why its warnings passed, and what its sender took columns for."""
    noted(note, cursor)
    for one in reasons:
        values = [note[0], one.warning, one.rows, one.words]
        cursor.execute("INSERT INTO intake_reason VALUES (?, ?, ?, ?)", values)
    _remember(cursor, draft)


def noted(note: list[object], cursor: Cursor) -> None:
    """Keep how a batch came."""
    cursor.execute("INSERT INTO intake VALUES (?, ?, ?, ?, ?, ?, ?)", note)
