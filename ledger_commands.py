"""Commands around the ledger as a book: factors, month closing, what waits for approval."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

from accounting.factors import Factor, FactorLibrary, library
from data import approvals, closing
from data.approvals import NotApprovable
from data.closing import MonthState, NotClosable
from data.effects import as_json as _as_json
from data.effects import factor_effect
from data.engine import Engine
from data.ingest.factor_file import read_factors, text_of
from data.settle import settle
from data.sites import documents
from data.state import Account, Proposal, acting, acts, now
from security import policy
from security.accounts import PASSWORD, enter
from security.keys import Keys
from security.passwords import Busy
from security.roles import role_name
from translations import text

DONE, FAILED = 0, 1
SHOWN = 20


class Console(Protocol):
    """Where a command speaks; see commands.Console."""

    def out(self, line: str) -> None:
        """Write a line of the result."""

    def err(self, line: str) -> None:
        """Write a line of the conversation."""

    def progress(self, task: str, done: int, of: int) -> None:
        """Tell how far a task is."""


def _moment(words: str) -> datetime | None:
    return datetime.fromisoformat(words).astimezone(UTC).replace(tzinfo=None) if words else None


def _library(engine: Engine, as_of: str) -> FactorLibrary:
    moment = _moment(as_of)
    return engine.library if moment is None else engine.libraries.as_of(moment)


def factors_list(engine: Engine, console: Console, *, as_of: str, as_json: bool) -> int:
    """Print the factor library as it is known, or was known at a time."""
    known = _library(engine, as_of)
    rows = [_described(engine, known, one) for one in known.rows.values()]
    if as_json:
        console.out(json.dumps(rows, ensure_ascii=False))
        return DONE
    for row in rows:
        span = f"{row['valid_from'] or '…'} ～ {row['valid_to'] or '…'}"
        console.out(f"{row['factor_id']}  {row['value']!r} {row['unit']}  {span}  {row['source']}")
    return DONE


def _described(engine: Engine, known: FactorLibrary, one: Factor) -> dict[str, Any]:
    version = engine.libraries.version_of(one.factor_id, known)
    row = asdict(one)
    row |= {n: None if row[n] is None else row[n].isoformat() for n in ("valid_from", "valid_to")}
    return row | {
        "version": version.version if version else 0,
        "known_from": version.known_from.isoformat() + "Z" if version else None,
        "document": version.document if version else "factors.csv",
        "document_sm3": version.document_sm3 if version else known_digest(engine),
        "approver": version.approver if version else None,
    }


def known_digest(engine: Engine) -> str:
    """Return the digest of the shipped factor document."""
    return engine.libraries.as_of(datetime(1, 1, 1)).digest


def factors_show(
    engine: Engine, console: Console, *, factor_id: str, as_of: str, as_json: bool
) -> int:
    """Print one factor with every version of it."""
    known = _library(engine, as_of)
    if factor_id not in known.rows:
        console.err(text("没有因子 {name}", engine.language, name=factor_id))
        return FAILED
    shown = _described(engine, known, known.rows[factor_id])
    shown["versions"] = [
        {"version": v.version, "value": v.columns["value"],
         "known_from": v.known_from.isoformat() + "Z", "document": v.document,
         "document_sm3": v.document_sm3, "proposer": v.proposer, "approver": v.approver}
        for v in engine.libraries.versions() if v.factor_id == factor_id
    ]  # fmt: skip
    if as_json:
        console.out(json.dumps(shown, ensure_ascii=False))
        return DONE
    for name, value in shown.items():
        console.out(f"{name}: {'--' if value is None else value}")
    return DONE


def factors_import(
    engine: Engine,
    console: Console,
    *,
    file: str,
    document: str,
    actor: str,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Propose the rows of a factor file, with what they would change."""
    language = engine.language
    if dry_run:
        return factors_diff(engine, console, file=file, first="", last="", as_json=as_json)
    made = approvals.propose_factors(
        engine, Path(file), actor, Path(document) if document else None,
        lambda site, done, of: console.progress(text("试算 {site}", language, site=site), done, of),
    )  # fmt: skip
    if as_json:
        console.out(json.dumps(asdict(made)))
    elif made.proposal == 0:
        console.out(text("与因子库相同，没有变化", language))
    else:
        key = (
            "申请 {number}：{rows} 个因子，将改变 {months} 个站点月的 {figures} 个数值；"
            "须由另一账号批准（approve show {number}）"
        )
        console.out(
            text(key, language, number=made.proposal, rows=made.rows, months=made.months,
                 figures=made.figures)
        )  # fmt: skip
    return DONE


def factors_diff(
    engine: Engine, console: Console, *, file: str, first: str, last: str, as_json: bool
) -> int:
    """Print what a file would change, or what changed between two times."""
    before, after = _library(engine, first), _library(engine, last)
    effect: dict[str, Any] = {}
    if file:
        rows = read_factors(Path(file), before, engine.language)
        texts = {name: text_of(row) for name, row in before.rows.items()}
        after = library([*(texts | {row["factor_id"]: row for row in rows}).values()], "")
        effect = _as_json(factor_effect(engine, after))
    found = _differences(before, after)
    if as_json:
        console.out(json.dumps({"factors": found, "effect": effect}, ensure_ascii=False))
        return DONE
    for row in found:
        console.out(f"{row['factor_id']} {row['column']}: {row['old']} → {row['new']}")
    if not found:
        console.out(text("没有变化", engine.language))
    _effect_lines(console, engine.language, effect)
    return DONE


def _differences(before: FactorLibrary, after: FactorLibrary) -> list[dict[str, str | None]]:
    found: list[dict[str, str | None]] = []
    for name in sorted({*before.rows, *after.rows}):
        old, new = (text_of(lib.rows[name]) if name in lib.rows else {} for lib in (before, after))
        for column in {**old, **new}:
            if old.get(column) != new.get(column):
                found.append(
                    {"factor_id": name, "column": column, "old": old.get(column),
                     "new": new.get(column)}
                )  # fmt: skip
    return found


def _effect_lines(console: Console, language: str, effect: Mapping[str, Any]) -> None:
    if not effect:
        return
    console.out(
        text("涉及 {months} 个站点月、{figures} 个数值", language,
             months=len(effect["months"]), figures=effect["figures"])
    )  # fmt: skip
    for site, period, indicator, dimension, entity, unit, old, new, change in effect["rows"][
        :SHOWN
    ]:
        shown = ["--" if number is None else f"{number:.6g}" for number in (old, new, change)]
        console.out(
            f"  {site} {period} {indicator} {dimension}/{entity}: "
            f"{shown[0]} → {shown[1]} {unit} (Δ {shown[2]})"
        )
    if len(effect["rows"]) > SHOWN:
        rest = len(effect["rows"]) - SHOWN
        console.out(text("  其余 {count} 行见 --json", language, count=rest))


def _sites(engine: Engine, site: str) -> list[str]:
    with engine.store.read() as cursor:
        known = list(documents(cursor))
    return [site] if site else known


def period_list(engine: Engine, console: Console, *, site: str, as_json: bool) -> int:
    """Print the closing of every month."""
    states = [s for name in _sites(engine, site) for s in closing.month_states(engine, name)]
    if as_json:
        rows = [asdict(s) | {"at": s.at.isoformat() + "Z" if s.at else None} for s in states]
        console.out(json.dumps(rows, ensure_ascii=False))
        return DONE
    for state in states:
        console.out(_state_line(engine.language, state))
    return DONE


_STATUS = {"open": "未结", "checked": "已核对", "locked": "已锁定"}


def _state_line(language: str, state: MonthState) -> str:
    notes = [
        text(words, language)
        for words, there in (("进行中", state.running), ("待结算", state.due),
                             ("核对后有变化", state.changed))
        if there
    ]  # fmt: skip
    line = text(
        "{site} {month} {status}：数值 {figures} 个，不完整 {incomplete}，缺数 {unknown}",
        language, site=state.site, month=state.month, status=text(_STATUS[state.status], language),
        figures=state.figures, incomplete=state.incomplete, unknown=state.unknown,
    )  # fmt: skip
    return " ".join([line, *notes])


def period_step(
    engine: Engine,
    console: Console,
    *,
    step: str,
    month: str,
    site: str,
    actor: str,
    reason: str,
    as_json: bool,
) -> int:
    """Check, lock or reopen a month of a site; of every site where none is named."""
    language, failed, said = engine.language, False, []
    for name in _sites(engine, site):
        try:
            number = _step(engine, step, name, month, actor, reason)
        except NotClosable as error:
            why = text(closing.REASONS[error.reason], language)
            console.err(f"{name} {month}: {why}")
            failed = True
            continue
        said.append({"site": name, "month": month, "step": step, "proposal": number})
        if not as_json:
            console.out(_step_line(language, name, month, step, number))
    if as_json:
        console.out(json.dumps(said, ensure_ascii=False))
    return FAILED if failed or not said else DONE


def _step(engine: Engine, step: str, site: str, month: str, actor: str, reason: str) -> int:
    if step == "check":
        closing.check(engine, site, month, actor)
    elif step == "lock":
        closing.lock(engine, site, month, actor)
    else:
        return closing.reopen(engine, site, month, actor, reason)
    return 0


def _step_line(language: str, site: str, month: str, step: str, number: int) -> str:
    if number:
        key = "{site} {month}：重新打开已锁定的月份须由另一账号批准（申请 {number}）"
        return text(key, language, site=site, month=month, number=number)
    words = {"check": "已核对", "lock": "已锁定", "reopen": "未结"}[step]
    return f"{site} {month}: {text(words, language)}"


def approve_list(engine: Engine, console: Console, *, every: bool, as_json: bool) -> int:
    """Print what waits for a second person."""
    found = engine.state.approvals.all(only_open=not every)
    if as_json:
        console.out(json.dumps([_proposal(p, rows=False) for p in found], ensure_ascii=False))
        return DONE
    for proposal in found:
        console.out(_proposal_line(engine.language, proposal))
    if not found:
        console.out(text("没有待批准的申请", engine.language))
    return DONE


KINDS = {
    "factors": "因子", "setting": "站点设置", "adjustment": "锁定月份调整",
    "reopen": "重新打开月份",
}  # fmt: skip


def _proposal(proposal: Proposal, *, rows: bool) -> dict[str, Any]:
    effect = dict(proposal.effect)
    if not rows:
        effect.pop("rows", None)
    return {
        "id": proposal.proposal,
        "kind": proposal.kind,
        "subject": proposal.subject,
        "proposer": proposal.proposer,
        "proposed_at": proposal.proposed_at.isoformat() + "Z",
        "status": proposal.status,
        "decided_by": proposal.decided_by,
        "decided_at": proposal.decided_at.isoformat() + "Z" if proposal.decided_at else None,
        "reason": proposal.reason,
        "body": dict(proposal.body),
        "effect": effect,
    }


def _proposal_line(language: str, proposal: Proposal) -> str:
    return text(
        "{id} {kind} {subject}（{proposer} 于 {at} 提出）：{months} 个站点月、{figures} 个数值",
        language, id=proposal.proposal, kind=text(KINDS[proposal.kind], language),
        subject=proposal.subject, proposer=proposal.proposer,
        at=proposal.proposed_at.isoformat(timespec="seconds") + "Z",
        months=len(proposal.effect.get("months", ())), figures=proposal.effect.get("figures", 0),
    )  # fmt: skip


def approve_show(engine: Engine, console: Console, *, number: int, as_json: bool) -> int:
    """Print a proposal with the figures it would change."""
    found = engine.state.approvals.find(number)
    if found is None:
        console.err(text(approvals.REASONS["unknown"], engine.language))
        return FAILED
    if as_json:
        console.out(json.dumps(_proposal(found, rows=True), ensure_ascii=False))
        return DONE
    console.out(_proposal_line(engine.language, found))
    for name, value in found.body.items():
        console.out(f"  {name}: {json.dumps(value, ensure_ascii=False)}")
    _effect_lines(console, engine.language, found.effect)
    return DONE


def approve_decide(
    engine: Engine,
    console: Console,
    *,
    number: int,
    accepted: bool,
    user: str,
    password_file: str,
    code: str,
    reason: str,
    as_json: bool,
    keys: Keys,
) -> int:
    """Accept or reject a proposal as an account, which is asked for its password.

    A one-time code is taken where one is given; the operating system has asked already who is at
    the console.
    """
    language = engine.language
    lines = Path(password_file).read_text(encoding="utf-8-sig", errors="replace").splitlines()
    given = (user, lines[0] if lines else "", code)
    account = _who(engine, console, given, number, keys)
    if account is None:
        return FAILED
    name = account.name
    try:
        with acts(replace(acting(), actor=name, role=account.role)):
            if accepted:
                approvals.accept(engine, number, name, reason)
            else:
                approvals.reject(engine, number, name, reason)
    except NotApprovable as error:
        console.err(text(approvals.REASONS[error.reason], language))
        return FAILED
    done = settle(engine) if accepted else None
    restated = done.figures if done else 0
    if as_json:
        said = {"id": number, "status": "accepted" if accepted else "rejected",
                "by": name, "figures": restated}  # fmt: skip
        console.out(json.dumps(said, ensure_ascii=False))
    elif accepted:
        console.out(
            text("已批准申请 {number}，重新结算写入 {figures} 个数值", language, number=number,
                 figures=restated)
        )  # fmt: skip
    else:
        console.out(text("已驳回申请 {number}", language, number=number))
    return DONE


def _who(
    engine: Engine, console: Console, given: tuple[str, str, str], number: int, keys: Keys
) -> Account | None:
    """Return the account that decides, once its password, role and sites are right."""
    language = engine.language
    user, password, code = given
    try:
        entry = enter(
            engine.state, user, password, now(), code=code, keys=keys, by_password_alone=True
        )
    except Busy:
        console.err(text("正在登录的人太多，请稍后再试", language))
        return None
    account = entry.account
    if account is None:
        console.err(text("账号或密码不正确，或账号已锁定", language))
        return None
    if entry.stage == PASSWORD:
        console.err(text("密码须先在网页上修改", language))
        return None
    proposal = engine.state.approvals.find(number)
    page = policy.page_of_proposal(proposal.kind if proposal else "")
    if not policy.may(engine.state, account.role, page, "decide"):
        role = role_name(account.role, language)
        console.err(text("{role}不能批准申请", language, role=role))
        return None
    return account


COMMANDS: dict[str, Callable[..., int]] = {
    "factors-list": factors_list,
    "factors-show": factors_show,
    "factors-import": factors_import,
    "factors-diff": factors_diff,
    "period-list": period_list,
    "period-step": period_step,
    "approve-list": approve_list,
    "approve-show": approve_show,
    "approve-decide": approve_decide,
}
WRITING = frozenset({"factors-import", "period-step", "approve-decide"})
