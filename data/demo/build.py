"""The demonstration plant enters as any plant's files do, and leaves without a trace."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import pandas as pd

from data.demo.plant import generate
from data.engine import Engine
from data.ingest.kinds import KINDS
from data.ingest.load import Options, import_file
from data.market import forget_market
from data.prices import take_shipped
from data.schema import RECORD_KINDS, aside_table, record_table
from data.sites import documents
from data.spool import Batch
from data.store import Cursor, view
from translations import text

EARLY = ("meters", "meter_changes")
SITE_ID = "demo-langfang"
Progress = Callable[[str, int, int], None]
ACTOR = "demo"


def build_demo(engine: Engine, last_day: date, months: int, seed: int, progress: Progress) -> None:
    """Generate the demonstration plant and import its files.

    Parameters
    ----------
    engine
        The opened data directory.
    last_day
        The last day with readings.
    months
        How many whole months before the one of ``last_day``.
    seed
        The same seed makes the same plant.
    progress
        Told what is done, how much, of how much.

    Raises
    ------
    Refused
        Never, unless the generator writes what the import does not accept.
    """
    task = text("演示厂", engine.language)
    progress(task, 0, 100)
    plant = generate(last_day, months, seed)
    progress(task, 20, 100)
    kinds = [kind for kind in KINDS if kind in plant.tables]
    early = [kind for kind in kinds if kind in EARLY]
    late = [kind for kind in kinds if kind not in EARLY]
    steps = len(kinds) + len(plant.readings) + 1
    with TemporaryDirectory(dir=engine.store.inbox, prefix=".demo-") as name:
        folder, done = Path(name), 0

        def take(kind: str, path: Path, site: str) -> None:
            nonlocal done
            import_file(engine, kind, path, Options(site=site, actor=ACTOR))
            path.unlink()
            done += 1
            progress(task, 20 + 80 * done // steps, 100)

        document = folder / "site.toml"
        document.write_text(plant.site_toml, encoding="utf-8")
        take("site", document, "")
        for kind in early:
            take(kind, _as_csv(folder, kind, plant.tables[kind]), _site_of(kind))
        for delivery in plant.readings:
            path = folder / delivery.name
            _as_parquet(engine, delivery.frame, path)
            take("readings", path, SITE_ID)
        for kind in late:
            take(kind, _as_csv(folder, kind, plant.tables[kind]), _site_of(kind))
    take_shipped(engine)
    progress(task, 100, 100)


def _site_of(kind: str) -> str:
    """Return the site to name on import: rows that carry a site need none."""
    return "" if any(column.name == "site" for column in KINDS[kind].columns) else SITE_ID


def _as_csv(folder: Path, kind: str, table: pd.DataFrame) -> Path:
    path = folder / f"{kind}.csv"
    table.to_csv(path, index=False, lineterminator="\n")
    return path


def _as_parquet(engine: Engine, readings: pd.DataFrame, path: Path) -> None:
    with engine.store.read() as cursor, view(cursor, "made", readings):
        cursor.execute("COPY (SELECT * FROM made) TO $path (FORMAT parquet)", {"path": str(path)})


def remove_demo(engine: Engine) -> tuple[list[str], list[str]]:
    """Delete every demonstration site; return what was deleted and what stays.

    Returns
    -------
    tuple
        Identifiers of the deleted sites, and of the sites that stay.
    """
    with engine.store.read() as cursor:
        sites = documents(cursor)
    gone = [site for site, document in sites.items() if document.demo]
    batches = [b for b in engine.spool.batches() if b.actor == ACTOR or b.site in gone]
    if gone:
        engine.spool.forget([batch.seq for batch in batches])
    for site in gone:
        engine.store.write(partial(_delete, site, batches))
    engine.store.write(forget_market)
    for batch in (one for one in batches if gone and one.path):
        (engine.store.inbox / batch.path).unlink(missing_ok=True)
    return gone, [site for site in sites if site not in gone]


_BY_METER = (
    "reading", "aside_reading", "repeated_stretch", "superseded_reading", "meter_extent",
    "changed_reading", "meter_hour", "meter_gap", "meter_event", "meter_day", "meter_month",
)  # fmt: skip
_BY_SITE = (
    "site_document", "changed_month", "settled_month", "site_state", "alarm", "alarm_due",
    *(table(KINDS[kind]) for kind in RECORD_KINDS for table in (record_table, aside_table)),
    "withdrawn_figure", "ledger", "meter_number",
)  # fmt: skip


def _delete(site: str, batches: list[Batch], cursor: Cursor) -> None:
    """Delete a site's rows everywhere."""
    cursor.execute(
        "DELETE FROM lineage WHERE figure_id IN (SELECT figure_id FROM ledger WHERE site = ?)",
        [site],
    )
    for table in _BY_METER:
        cursor.execute(
            f"DELETE FROM {table} WHERE meter IN (SELECT meter FROM meter_number WHERE site = ?)",
            [site],
        )
    for table in _BY_SITE:
        cursor.execute(f"DELETE FROM {table} WHERE site = ?", [site])
    for table in ("batch", "revoked_batch", "intake", "intake_reason"):
        cursor.execute(
            f"DELETE FROM {table} WHERE batch IN (SELECT unnest(?::INTEGER[]))",
            [[batch.seq for batch in batches]],
        )
