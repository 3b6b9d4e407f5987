"""A store that was emptied or is an older copy gets back what was acknowledged (9.1.1).

Files, pushed batches and posted records are loaded again under their numbers, in their order, and
batches that were taken back are taken back at the same place among them. Figures follow by
settling.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from data.batch_notes import REVOKED, lacks_notes, put_back
from data.drain import load_again
from data.engine import Engine
from data.ingest.load import load_batch
from data.post_load import load_post_again
from data.push_archive import loaded_groups
from data.pushes import Push
from data.revoke import ALREADY, NotRevocable, revoke_again
from data.spool import Batch
from data.store import Cursor

LOG = logging.getLogger("carbon.data")


@dataclass(frozen=True)
class Revocation:
    """A batch that was taken back: by whom, why, when (UTC)."""

    batch: int
    at: datetime
    actor: str
    reason: str


def rebuilt(engine: Engine) -> int:
    """Load again what the store has lost; return how many batches.

    A store has lost something where the spool says that more was loaded, or taken back, than the
    store knows of, whichever way it came; or where loading again was begun and not ended.

    Parameters
    ----------
    engine
        The opened data directory; nothing else may be writing to it.

    Returns
    -------
    int
        Batches that are in the store again; 0 where nothing was lost.

    Raises
    ------
    StoreError
        The store cannot be written; what is missing is loaded the next time.
    Refused
        A file that was taken once is not taken any more.
    """
    with engine.store.read() as cursor:
        begun = cursor.execute("SELECT 1 FROM rebuilding").fetchone() is not None
        if not begun and not _lacks(engine, cursor):
            return 0
        known = _known(cursor)
    LOG.warning("the store has lost batches: loading them again")
    engine.store.write(_begun)
    with loaded_groups(engine.arrivals, engine.store.inbox) as group:
        count = _all(engine, known, group)
    with engine.store.read() as cursor:
        absent = engine.spool.unload(_known(cursor))
    if absent:  # refused again, or held back by now
        LOG.warning("nothing of these batches is in the store: %s", absent)
    engine.store.write(_ended)
    LOG.warning("loaded %s batches again", count)
    return count


def _lacks(engine: Engine, cursor: Cursor) -> bool:
    """Tell whether the store is older than what the spool says was loaded into it."""
    count, newest = engine.spool.loaded()
    row = cursor.execute("SELECT count(*), coalesce(max(batch), 0) FROM batch").fetchone()
    stored, newest_stored = row or (0, 0)
    return newest > newest_stored or count > stored or lacks_notes(engine, cursor)


def _known(cursor: Cursor) -> set[int]:
    return {number for (number,) in cursor.execute("SELECT batch FROM batch").fetchall()}


def _begun(cursor: Cursor) -> None:
    cursor.execute("INSERT INTO rebuilding SELECT true WHERE NOT EXISTS (FROM rebuilding)")


def _ended(cursor: Cursor) -> None:
    cursor.execute("DELETE FROM rebuilding")


def _all(engine: Engine, known: set[int], group: Callable[[int], list[Push]]) -> int:
    """Load every batch that is missing, and take back at its time what was taken back."""
    notes = engine.spool.notes()
    back = sorted((_revocation(body) for what, _, body in notes if what == REVOKED),
                  key=lambda one: one.at)  # fmt: skip
    count = 0
    for batch in engine.spool.batches():
        while back and back[0].at < batch.received_at:
            _take_back(engine, back.pop(0))
        if batch.seq not in known:
            count += _load(engine, batch, group)
    for one in back:
        _take_back(engine, one)
    for what, _, body in notes:
        if what != REVOKED:
            engine.store.write(partial(put_back, table=what, body=body))
    return count


def _load(engine: Engine, batch: Batch, group: Callable[[int], list[Push]]) -> int:
    """Load one batch the way it came: as a file, as a post of records, as a group of pushes."""
    if batch.path:
        load_batch(engine, batch)
        return 1
    if load_post_again(engine, batch.seq):
        return 1
    pushes = group(batch.seq)
    if pushes:
        load_again(engine, batch, pushes)
    return bool(pushes)


def _revocation(body: str) -> Revocation:
    batch, at, actor, reason, _ = json.loads(body)
    return Revocation(batch, datetime.fromisoformat(at).replace(tzinfo=UTC), actor, reason)


def _take_back(engine: Engine, one: Revocation) -> None:
    try:
        revoke_again(engine, one.batch, one.actor, one.reason, one.at)
    except NotRevocable as error:
        if error.reason != ALREADY:  # an older copy of the store knows of it
            LOG.error("batch %s could not be taken back again: %s", one.batch, error.reason)
