"""Changes that a second person decides: factors, settings, locked months (CONTRACT §1 approve)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from pathlib import Path

from data.digest import copy_with_digest
from data.effects import as_json, factor_effect, setting_effect
from data.engine import Engine
from data.ingest.factor_file import conflicting, read_factors, with_rows
from data.ingest.site_file import SiteDocument
from data.month_book import Approved, Job, Stale, settle_months
from data.settle import begin_run
from data.sites import Pending, documents, pending_settings
from data.state import Decided, NewProposal, Proposal, now
from data.store import Cursor

Progress = Callable[[str, int, int], None]
SYSTEM = "system"


class NotApprovable(Exception):
    """A proposal cannot be decided so; ``reason`` is one of the words of REASONS."""

    def __init__(self, reason: str, *, proposal: int = 0) -> None:
        super().__init__(reason)
        self.reason, self.proposal = reason, proposal


REASONS: Mapping[str, str] = {
    "unknown": "没有这项申请",
    "decided": "这项申请已经处理过",
    "own": "不能批准自己提出的申请，请换一个账号",
    "conflict": "申请提出后因子库有变化：这些因子现在与别的重叠，或原生小于再生；请退回后重新提出",
    "stale": "申请提出后数据又有变化，已生成新的申请，请重新查看",
}


@dataclass(frozen=True)
class Proposed:
    """A new proposal, or none where nothing would change."""

    proposal: int
    rows: int
    months: int
    figures: int


def propose_factors(
    engine: Engine,
    path: Path,
    proposer: str,
    document: Path | None = None,
    progress: Progress = lambda name, done, of: None,
) -> Proposed:
    """Propose the rows of a factor file; they are known only once a second person accepts.

    Parameters
    ----------
    engine
        The opened data directory.
    path
        The file, with the columns of factors.csv.
    proposer
        Who proposes.
    document
        The source document that is kept beside it; without one the file itself is the source.
    progress
        Called with a site, months done and months in all.

    Returns
    -------
    Proposed
        Its number (0 where every row is as before), rows, months and figures it would change.

    Raises
    ------
    data.ingest.problems.Refused
        A row is against the rules; nothing is proposed.
    """
    known = engine.library
    rows = read_factors(path, known, engine.language)
    if not rows:
        return Proposed(0, 0, 0, 0)
    wanted = with_rows(known, {row["factor_id"]: row for row in rows})
    source = document or path
    digest = _kept(engine, source)
    effect = as_json(factor_effect(engine, wanted, progress))
    body = {"rows": rows, "document": source.name, "document_sm3": digest}
    subject = ",".join(sorted(row["factor_id"] for row in rows))
    number = engine.state.approvals.propose(
        NewProposal("factors", subject, proposer, body, effect), now()
    )
    return Proposed(number, len(rows), len(effect["months"]), effect["figures"])


def _kept(engine: Engine, source: Path) -> str:
    """Keep a copy of a source document under its digest and return the digest."""
    folder = engine.home / "documents"
    folder.mkdir(exist_ok=True, mode=0o700)
    part = folder / f".{source.name}.part"
    try:
        digest = copy_with_digest(source, part)
        part.replace(folder / f"{digest}{source.suffix.lower()}")
    finally:
        part.unlink(missing_ok=True)
    return digest


def propose_settings(engine: Engine, proposer: str) -> list[int]:
    """Propose every change of a site's settings that nobody has decided yet.

    Parameters
    ----------
    engine
        The opened data directory.
    proposer
        Who brought the site file.

    Returns
    -------
    list of int
        Numbers of the new proposals. Until one is accepted, the earlier settings stay in force.
    """
    with engine.store.read() as cursor:
        waiting, sites = pending_settings(cursor), documents(cursor)
    decided = {p.body["batch"]: p for p in engine.state.approvals.all() if p.kind == "setting"}
    found = []
    for site, pending in waiting.items():
        if pending.batch in decided:
            continue
        new = _of_settings(engine, sites[site], pending, proposer)
        found.append(engine.state.approvals.propose(new, now()))
    _withdraw_moot(engine, waiting)
    return found


def _of_settings(
    engine: Engine, document: SiteDocument, pending: Pending, proposer: str
) -> NewProposal:
    """Return the proposal of waiting settings with what they would change now."""
    old, site = document.settings, document.site_id
    changed = {
        name: [old.get(name), value]
        for name, value in pending.settings.items()
        if old.get(name) != value
    }
    effect = as_json(setting_effect(engine, replace(document, settings=pending.settings)))
    body = {"site": site, "batch": pending.batch, "settings": changed}
    return NewProposal("setting", site, proposer, body, effect)


def _withdraw_moot(engine: Engine, waiting: Mapping[str, Pending]) -> None:
    """Withdraw proposals of settings that a later file has taken back."""
    for proposal in engine.state.approvals.all(only_open=True):
        if proposal.kind != "setting":
            continue
        pending = waiting.get(proposal.subject)
        if pending is None or pending.batch != proposal.body["batch"]:
            engine.state.approvals.withdraw("setting", proposal.subject, SYSTEM, now())


def restore_settings(engine: Engine) -> None:
    """Bring what the store says of settings in line with what was decided (after a rebuild)."""
    for proposal in engine.state.approvals.all():
        if proposal.kind == "setting":
            approved = proposal.status == "accepted"
            engine.store.write(partial(_approve_document, proposal.body["batch"], approved))


def _approve_document(batch: int, approved: bool, cursor: Cursor) -> None:
    cursor.execute(
        "UPDATE site_document SET approved = ? WHERE batch = ? AND approved <> ?",
        [approved, batch, approved],
    )


def reject(engine: Engine, number: int, by: str, reason: str) -> Proposal:
    """Reject a proposal: everything stays as it is.

    Parameters
    ----------
    engine, number
        The data directory and the proposal.
    by
        Who decides.
    reason
        Why.

    Returns
    -------
    Proposal
        As it was.

    Raises
    ------
    NotApprovable
        It is unknown or decided.
    """
    found = _open(engine, number)
    try:
        engine.state.approvals.reject(number, by, now(), reason)
    except Decided as decided:
        raise NotApprovable("decided") from decided
    return found


def _open(engine: Engine, number: int) -> Proposal:
    found = engine.state.approvals.find(number)
    if found is None:
        raise NotApprovable("unknown")
    if found.status != "open":
        raise NotApprovable("decided")
    return found


def accept(engine: Engine, number: int, by: str, reason: str = "") -> Proposal:
    """Accept a proposal and put it in force; what it changes is settled by the caller.

    Parameters
    ----------
    engine, number
        The data directory and the proposal.
    by
        Who decides: another one than who proposed.
    reason
        What to remark.

    Returns
    -------
    Proposal
        As it was.

    Raises
    ------
    NotApprovable
        It is unknown, decided, one's own, against the factors accepted since, or would change
        other figures than those that were shown: then a new proposal shows what it would.
    """
    found = _open(engine, number)
    if found.proposer == by:
        raise NotApprovable("own")
    try:
        _ACCEPT[found.kind](engine, found, by, reason)
    except Decided as decided:
        raise NotApprovable("decided") from decided
    return found


def _accept_factors(engine: Engine, found: Proposal, by: str, reason: str) -> None:
    rows = {row["factor_id"]: row for row in found.body["rows"]}
    wanted = with_rows(engine.library, rows)
    if conflicting(wanted, rows):
        raise NotApprovable("conflict")
    effect = as_json(factor_effect(engine, wanted))
    if effect["digest"] != found.effect["digest"]:
        again = NewProposal("factors", found.subject, found.proposer, found.body, effect)
        engine.state.approvals.propose(again, now())
        raise NotApprovable("stale")
    engine.state.approvals.accept_factors(found, by, now(), reason)
    engine.libraries.refresh()


def _accept_setting(engine: Engine, found: Proposal, by: str, reason: str) -> None:
    site = str(found.body["site"])
    with engine.store.read() as cursor:
        pending, document = pending_settings(cursor).get(site), documents(cursor).get(site)
    if document is None or pending is None or pending.batch != found.body["batch"]:
        propose_settings(engine, found.proposer)  # a newer file has come since
        raise NotApprovable("stale")
    again = _of_settings(engine, document, pending, found.proposer)
    if again.effect["digest"] != found.effect["digest"]:
        engine.state.approvals.propose(again, now())
        raise NotApprovable("stale")
    engine.store.write(partial(_approve_document, found.body["batch"], True))
    engine.state.approvals.accept(found.proposal, by, now(), reason)


def _accept_reopen(engine: Engine, found: Proposal, by: str, reason: str) -> None:
    """Open a locked month again: whatever it was kept from counts from now on."""
    month = date.fromisoformat(f"{found.body['month']}-01")
    engine.store.write(partial(_due_again, str(found.body["site"]), month))
    engine.state.approvals.accept_reopen(found, by, now(), reason)


def _due_again(site: str, month: date, cursor: Cursor) -> None:
    cursor.execute("INSERT INTO changed_month VALUES (?, ?, 'late data', 0)", [site, month])


def _accept_adjustment(engine: Engine, found: Proposal, by: str, reason: str) -> None:
    """Write the adjustment of a locked month, if it is still what was shown."""
    site, month = str(found.body["site"]), date.fromisoformat(f"{found.body['month']}-01")
    with engine.store.read() as cursor:
        document = documents(cursor)[site]
    run = begin_run(engine)
    approved = Approved(found.proposal, str(found.effect["digest"]))
    job = Job(document, (month,), run, {month: approved})
    try:
        fresh = engine.store.write(partial(_adjusted, engine, job, str(found.body["cause"])))
    except Stale as stale:
        again = replace(job, adjusting=None)
        engine.store.write(partial(_adjusted, engine, again, str(found.body["cause"])))
        engine.state.end_run(run, 1, 0)
        raise NotApprovable("stale") from stale
    engine.state.end_run(run, 1, fresh)
    engine.state.approvals.accept(found.proposal, by, now(), reason)


def _adjusted(engine: Engine, job: Job, cause: str, cursor: Cursor) -> int:
    for month in job.months:
        mark = [job.document.site_id, month, cause]
        cursor.execute("INSERT INTO changed_month VALUES (?, ?, ?, 0)", mark)
    return settle_months(engine, job, cursor)


_ACCEPT: Mapping[str, Callable[[Engine, Proposal, str, str], None]] = {
    "factors": _accept_factors,
    "setting": _accept_setting,
    "reopen": _accept_reopen,
    "adjustment": _accept_adjustment,
}
