"""From posted records to the store, in the process that owns it; idempotent by batch number."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from data.engine import Engine
from data.ingest.kinds import KINDS
from data.ingest.known import Known
from data.ingest.loaders import Loaded, Request, known_rows, load_parsed
from data.ingest.posted import typed
from data.ingest.problems import Refused
from data.posts import Posted
from data.sites import documents
from data.spool import Batch
from data.state import Act, acts
from data.store import Cursor, Topic


def load_posts(engine: Engine, at: datetime) -> int:
    """Load the records that programs posted, oldest first; return how many batches.

    Parameters
    ----------
    engine
        The opened data directory.
    at
        Now, UTC.

    Returns
    -------
    int
        Batches that are in the store, or refused for good with the reason kept, since.

    Raises
    ------
    StoreError
        The store cannot be written; they wait.
    """
    waiting = engine.posts.waiting()
    for posted in waiting:
        with acts(Act(f"api:{posted.post.client}", "system")):
            engine.posts.conclude(posted.seq, _loaded(engine, posted), at)
    return len(waiting)


def _loaded(engine: Engine, posted: Posted) -> Mapping[str, Any]:
    """Load one batch under a number that was noted before; return what came of it."""
    number = posted.batch or _numbered(engine, posted)
    request = _request(engine, posted)
    try:
        loaded = engine.store.write(partial(_write, posted, request, number))
    except Refused as refused:  # what it named is gone since it was acknowledged
        lines = [problem.line(engine.language) for problem in refused.problems]
        return {"refused": True, "problems": lines}
    engine.spool.mark_drained(number)
    return {"new": loaded.new_rows, "same": loaded.same_rows, "corrections": loaded.corrections,
            "left_out": loaded.left_out, "notes": list(loaded.notes)}  # fmt: skip


def load_post_again(engine: Engine, number: int) -> bool:
    """Load records into a store that has lost them; tell whether the number is one of a post.

    What it had refused it refuses again.
    """
    posted = engine.posts.loaded_as(number)
    if posted is None:
        return False
    with acts(Act(f"api:{posted.post.client}", "system")), suppress(Refused):
        engine.store.write(partial(_write, posted, _request(engine, posted), number))
    return True


def _numbered(engine: Engine, posted: Posted) -> int:
    post = posted.post
    number = engine.spool.numbered(
        Batch(post.kind, post.site, f"api:{post.id}", post.id, "", True, f"api:{post.client}",
              post.at)
    )  # fmt: skip
    engine.posts.number(posted.seq, number)
    return number


def _write(posted: Posted, request: Request, number: int, cursor: Cursor) -> Loaded:
    known = cursor.execute(
        "SELECT new_rows, same_rows, corrections FROM batch WHERE batch = ?", [number]
    ).fetchone()
    if known is not None:
        return Loaded(number, *known)
    kind = KINDS[posted.post.kind]
    parsed = typed(kind, posted.post.rows, request.file_name, request.language, request.site)
    return load_parsed(cursor, request, parsed, lambda: number)


def _request(engine: Engine, posted: Posted) -> Request:
    post = posted.post
    return Request(post.kind, post.site, Path(), f"api:{post.id}", post.body_sm3, True, post.at,
                   engine.language, frozenset())  # fmt: skip


def known_now(engine: Engine, cursor: Cursor, kind: str) -> Known:
    """Return what rows of a kind are checked against, with what is posted and waits.

    Parameters
    ----------
    engine
        The opened data directory.
    cursor
        A reading cursor.
    kind
        Which kind of rows.

    Returns
    -------
    Known
        An output may name a batch that was posted a moment before.
    """
    request = Request(kind, "", Path(), "", "", True, datetime.min, engine.language, frozenset())
    found = known_rows(cursor, request, documents(cursor))
    if kind != "outputs":
        return found
    batches, residues = dict(found.batches), dict(found.residues)
    for posted in engine.posts.waiting("batches"):
        for row in typed(KINDS["batches"], posted.post.rows, "", "zh", posted.post.site).rows:
            key = str(row.values["site"]), str(row.values["batch_id"])
            batches[key] = _mass(row.values["mass_in_t"])
            residue = _mass(row.values["residue_t"])
            residues.pop(key, None)
            if residue is not None:
                residues[key] = residue
    return replace(found, batches=batches, residues=residues)


_CHANGED = """
SELECT (SELECT max(batch) FROM site_document), (SELECT max(batch) FROM record_meters),
    (SELECT max(batch) FROM record_batches), (SELECT count(*) FROM site_document),
    (SELECT count(*) FROM record_meters), (SELECT count(*) FROM record_batches)
"""


@dataclass(frozen=True)
class _Kept:
    """What was read, of which version of the store, with which batches waiting."""

    version: int
    waits: Sequence[int]
    changed: object
    known: Known


class KnownRows:
    """What posted rows are checked against, read anew only when it has changed."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._guard = threading.Lock()
        self._kept: dict[str, _Kept] = {}

    def of(self, kind: str) -> Known:
        """Return what rows of a kind are checked against now.

        Parameters
        ----------
        kind
            Name of the kind.
        """
        engine = self._engine
        version = engine.store.version_of(Topic.RECORDS)
        waits = [one.seq for one in engine.posts.waiting("batches")] if kind == "outputs" else []
        with self._guard:
            kept = self._kept.get(kind)
            if kept is not None and (kept.version, kept.waits) == (version, waits):
                return kept.known
            with engine.store.read() as cursor:
                changed = cursor.execute(_CHANGED).fetchone()
                if kept is None or (kept.waits, kept.changed) != (waits, changed):
                    known = known_now(engine, cursor, kind)
                else:
                    known = kept.known
            self._kept[kind] = _Kept(version, waits, changed, known)
            return known


def _mass(value: object) -> Decimal | None:
    return None if value is None or pd.isna(value) else Decimal(str(value))
