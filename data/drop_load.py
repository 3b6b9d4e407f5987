"""Importing what drop folders brought, in the process that owns the store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from data.dropped import DONE, KNOWN, REFUSED, Drop, Drops
from data.engine import DiskFull, Engine
from data.ingest.load import Options, import_file
from data.ingest.problems import Refused
from data.state import FAILURE, Act, acts
from translations import text


def load_drops(engine: Engine, at: Callable[[], datetime]) -> int:
    """Import what drop folders brought, each whole or not at all; return how many.

    Raises
    ------
    StoreError, DiskFull
        The store cannot be written; the files wait.
    """
    drops = Drops(engine.arrivals)
    waiting = drops.waiting()
    for drop in waiting:
        with acts(Act(f"interface:{drop.interface}", "system")):
            state, detail = _imported(engine, drops, drop)
        drops.conclude(drop, state, detail, at())
        if state == REFUSED:
            engine.links.raised("file", at(), f"{drop.name}: {detail.splitlines()[0]}",
                                interface=drop.interface)  # fmt: skip
        else:
            engine.links.ended("file", at(), interface=drop.interface)
    return len(waiting)


def _imported(engine: Engine, drops: Drops, drop: Drop) -> tuple[str, str]:
    """Import one file, recorded as any import is; return its state and the answer in words."""
    options = Options(drop.site, accept_good=drop.accept_good, actor=f"interface:{drop.interface}")
    with engine.state.audit.during("data.import", drop.name) as conclusion:
        try:
            receipt = import_file(engine, drop.kind, drops.path(drop), options)
        except Refused as refused:
            conclusion.outcome = FAILURE
            lines = [problem.line(engine.language) for problem in refused.problems]
            return REFUSED, "\n".join(lines)
        except FileNotFoundError:
            conclusion.outcome = FAILURE
            return REFUSED, text("暂存的副本不见了；请把文件再放一次", engine.language)
        except DiskFull:
            conclusion.outcome = FAILURE
            raise
    if receipt.seen_at:
        key = "已导入：内容相同的文件已于 {at} 导入（批次 {batch}）"
        said = text(key, engine.language, at=receipt.seen_at, batch=receipt.batch)
        return KNOWN, said
    key = "新增 {new} 行，相同 {same} 行，更正 {fixed} 行，剔除 {out} 行（批次 {batch}）"
    return DONE, text(key, engine.language, new=receipt.new_rows, same=receipt.same_rows,
                      fixed=receipt.corrections, out=receipt.left_out,
                      batch=receipt.batch)  # fmt: skip
