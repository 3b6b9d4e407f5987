"""月结: steps of months, restatements, and decisions about proposals, which 因子库 has too."""

from __future__ import annotations

import csv
import io
import logging
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, NoReturn
from urllib.parse import quote
from zoneinfo import ZoneInfo

from dash import ClientsideFunction, Dash, Input, Output, State, ctx, no_update
from flask import Response
from werkzeug.exceptions import Forbidden, NotFound

from accounting.ledger import indicators
from callbacks._reader import PageReader
from callbacks._request import language
from callbacks._scope import all_in_scope, denied, in_scope
from callbacks.download import BOM, _safe
from data import approvals, closing, queries
from data.approvals import NotApprovable
from data.closing import MonthState, NotClosable
from data.ingest.site_file import DEFAULT_ZONE
from data.periods import local
from data.settle import settle
from data.state import FAILURE, Entry, Proposal
from data.store import StoreError
from figures import closing as figures
from figures.cards import Built
from figures.cells import Book, Cell
from figures.closing import Decision, Effect, Href, Month, Restatement, Steps, Waiting
from figures.factors import NO_DOCUMENT, strip
from figures.html import Content, core, el, icon, link
from figures.view import SiteInfo, View, months_of, spans
from pages import closing as page
from pages._filters import Filters, Known, parse
from pages._panel import Page, Panel, Rendered, panel_id, render
from pages._plain import part, query
from pages.closing import Choice
from security import policy, web
from security.keys import Keys
from security.roles import DEMONSTRATION, role_name
from translations import text

LOG = logging.getLogger("carbon.pages")
PATIENCE_S = 30.0
STEPS = ("check", "lock", "reopen")
BEYOND = "这项申请还涉及您范围以外的站点，须由可见全部站点的人处理"
Answer = dict[str, Any]


# ---- who asks, and one writer at a time ----


@dataclass(frozen=True)
class Who:
    """Whoever asks: account, role."""

    name: str = ""
    role: str = ""

    @property
    def demonstration(self) -> bool:
        """Whether it is a demonstration session, which changes nothing."""
        return self.role == DEMONSTRATION


def who() -> Who:
    """Return whoever asks in this request."""
    session = web.current()
    return Who(session.name, session.role) if session else Who()


@dataclass(frozen=True)
class Desk:
    """What the working pages work with: the reader, the lock of everything that writes, the keys.

    The keys are opened only by what needs them.
    """

    reader: PageReader
    writing: threading.Lock
    language: str = "zh"
    keys: Callable[[], Keys] | None = None


class Busy(Exception):
    """Something else has been writing for too long."""


@contextmanager
def writes(desk: Desk) -> Iterator[None]:
    """Hold the lock that commands and pages share while something is changed."""
    if not desk.writing.acquire(timeout=PATIENCE_S):
        raise Busy
    try:
        yield
    finally:
        desk.writing.release()


@contextmanager
def announced(desk: Desk, event: str, what: str) -> Iterator[None]:
    """Announce in the audit trail what will be written to the store, and conclude it (9.5)."""
    with desk.reader.engine.state.audit.during(event, what):
        yield


def not_done(desk: Desk, event: str, what: str, said: Said) -> Said:
    """Return what is said of an action that was refused, once that is recorded (9.5)."""
    desk.reader.engine.state.audit.record(Entry(event, what, said.words, FAILURE))
    return said


def forbidden() -> NoReturn:
    """Refuse: the role may not do this, whatever the page offered."""
    raise Forbidden(response=Response('{"error":"forbidden"}', 403, mimetype="application/json"))


def missing(what: str) -> NoReturn:
    """Refuse: it is of a site that whoever asks may not see, which is recorded (9.4.3)."""
    denied(what)
    raise NotFound(response=Response('{"error":"unknown"}', 404, mimetype="application/json"))


def may(reader: PageReader, who: Who, of: str, action: str) -> bool:
    """Tell whether whoever asks may do something on a page now."""
    return policy.may(reader.engine.state, who.role, of, action)


def may_decide(reader: PageReader, who: Who, proposal: Proposal | None) -> bool:
    """Tell whether the role of whoever asks may decide about a proposal."""
    return may(reader, who, policy.page_of_proposal(proposal.kind if proposal else ""), "decide")


# ---- whose sites a proposal is about ----


def touched(proposal: Proposal) -> set[str]:
    """Return the sites that a proposal would change."""
    found = {str(name).rpartition(" ")[0] for name in proposal.effect.get("months", ())}
    return found | ({str(proposal.body["site"])} if "site" in proposal.body else set())


def visible(proposal: Proposal) -> bool:
    """Tell whether whoever asks may see a proposal; the factor library belongs to all sites."""
    return proposal.kind == "factors" or in_scope(str(proposal.body.get("site", "")))


def open_proposals(reader: PageReader) -> list[Proposal]:
    """Return the open proposals that whoever asks may see, oldest first."""
    return [p for p in reader.engine.state.approvals.all(only_open=True) if visible(p)]


def seen(reader: PageReader, number: int) -> Proposal | None:
    """Return a proposal by its number; None for one of another site, which is recorded."""
    proposal = reader.engine.state.approvals.find(number) if number else None
    if proposal is None or visible(proposal):
        return proposal
    denied(f"proposal={number}")
    return None


@dataclass(frozen=True)
class Said:
    """What came of an action: whether it was done, in words, and the numbers it is told by."""

    done: bool
    words: str
    facts: Mapping[str, Any]


def failed(words: str) -> Said:
    """Return that nothing was done, and why."""
    return Said(False, words, {})


# ---- decisions ----


def decided(desk: Desk, who: Who, found: int, *, accept: bool, reason: str, chosen: str) -> Said:
    """Accept or reject a proposal; what is accepted is settled at once."""
    proposal = desk.reader.engine.state.approvals.find(found)
    if not may_decide(desk.reader, who, proposal):
        forbidden()
    if proposal is not None and not visible(proposal):
        missing(f"proposal={found}")
    if proposal is not None and not all_in_scope(touched(proposal)):
        denied(f"proposal={found}")
        return failed(text(BEYOND, chosen))
    reason = reason.strip()
    if not accept and not reason:
        return failed(text(closing.REASONS["reason"], chosen))
    try:
        with writes(desk), announced(desk, "proposal.decide", f"proposal={found}"):
            return _decided(desk, who, found, accept=accept, reason=reason, chosen=chosen)
    except NotApprovable as error:
        return failed(text(approvals.REASONS[error.reason], chosen))
    except Busy:
        return failed(text("另一项写入还没有结束，请稍后再试", chosen))
    except StoreError as error:
        LOG.exception("proposal %s", found)
        return failed(text("数据库拒绝了这次操作，没有写入任何数据：{reason}", chosen,
                           reason=error))  # fmt: skip


def _decided(desk: Desk, who: Who, found: int, *, accept: bool, reason: str, chosen: str) -> Said:
    engine = desk.reader.engine
    facts = {"proposal": found, "accepted": accept, "figures": 0}
    if not accept:
        approvals.reject(engine, found, who.name, reason)
        LOG.info("proposal %s rejected by %s", found, who.name)
        return Said(True, text("已驳回申请 {number}", chosen, number=found), facts)
    approvals.accept(engine, found, who.name, reason)
    LOG.info("proposal %s accepted by %s", found, who.name)
    try:
        count = settle(engine).figures
    except StoreError as error:
        LOG.exception("settling after proposal %s", found)
        key = "已批准申请 {number}，但重算没有完成，下次结算会补上：{reason}"
        return Said(True, text(key, chosen, number=found, reason=error), facts)
    key = "已批准申请 {number}，重新结算写入 {figures} 个数值"
    return Said(True, text(key, chosen, number=found, figures=count), facts | {"figures": count})


def told(facts: object, proposal: int, chosen: str) -> Content:
    """Return what came of a decision about the proposal that is shown."""
    if not isinstance(facts, Mapping) or facts.get("proposal") != proposal or not proposal:
        return None
    words = text("已驳回申请 {number}", chosen, number=proposal)
    if facts.get("accepted") is True:
        key = "已批准申请 {number}，重新结算写入 {figures} 个数值"
        figures_written = facts.get("figures")
        count = figures_written if isinstance(figures_written, int) else 0
        words = text(key, chosen, number=proposal, figures=count)
    return figures.said_strip("ok", words)


def bind_decision(app: Dash, of: Page, desk: Desk, proposal_of: Callable[[object], int]) -> None:
    """Register the two buttons of a proposal on a page."""

    @app.callback(
        output={
            "said": Output(part(of.key, "act-said"), "children"),
            "done": Output(part(of.key, "act-done"), "data"),
        },
        inputs={
            "accepted": Input(part(of.key, "accept"), "n_clicks"),
            "rejected": Input(part(of.key, "reject"), "n_clicks"),
        },
        state={
            "reason": State(part(of.key, "reason"), "value"),
            "search": State("url", "search"),
        },
        running=[
            (Output(part(of.key, "busy"), "className"), "work-busy", "work-hidden"),
        ],
        prevent_initial_call=True,
    )
    def act(accepted: object, rejected: object, reason: object, search: object) -> Answer:
        pressed = _pressed()
        if not (accepted or rejected) or pressed not in ("accept", "reject"):
            return {"said": None, "done": no_update}
        said = decided(
            desk, who(), proposal_of(search), accept=pressed == "accept",
            reason=str(reason or ""), chosen=language(desk.language),
        )  # fmt: skip
        return said_answer(said)


def _pressed() -> str:
    """Return the part of the button that was pressed."""
    found = ctx.triggered_id
    return str(found.get("part", "")) if isinstance(found, Mapping) else ""


def said_answer(said: Said) -> Answer:
    """Return what a callback sends of an action: words where it failed, facts where not.

    Facts make the page anew; words do not, so that nothing that was filled in is lost.
    """
    if not said.done:
        return {"said": figures.said_strip("danger", said.words), "done": no_update}
    at = datetime.now(UTC).isoformat()
    return {"said": None, "done": {**said.facts, "at": at}}


# ---- a proposal on the screen ----


def zone_of(reader: PageReader) -> str:
    """Return the time zone that the pages write times in: the first site's."""
    return next((site.zone for site in reader.sites().values()), DEFAULT_ZONE)


def when(moment: datetime | None, zone: str) -> str:
    """Return a time of the state in words, site-local."""
    return "" if moment is None else f"{local(moment, zone):%Y-%m-%d %H:%M}"


def effect_of(reader: PageReader, proposal: Proposal, filters: Filters) -> Effect | None:
    """Return what a proposal would change at one site: the chosen one, if it is touched."""
    rows = figures.effect_rows(proposal.effect)
    known = reader.sites()
    touched = [known[name] for name in dict.fromkeys(row.site for row in rows) if name in known]
    if not touched:
        return None
    site = next((one for one in touched if one.site in filters.sites), touched[0])
    own = tuple(row for row in rows if row.site == site.site)
    return Effect(
        own, site, tuple(touched), len(proposal.effect.get("months", ())),
        int(proposal.effect.get("figures", 0)), proposal.status == "accepted",
    )  # fmt: skip


def decision_of(
    reader: PageReader, proposal: Proposal, effect: Effect | None, asks: Who, chosen: str
) -> Decision:
    """Return a proposal as it stands for whoever asks."""
    zone = zone_of(reader)
    matching = (0, 0)
    if effect is not None and proposal.status == "accepted":
        matching = figures.held(reader.book((effect.site.site,)), effect.rows)
    return Decision(
        proposal.proposal, proposal.kind, proposal.status, proposal.proposer,
        when(proposal.proposed_at, zone), proposal.decided_by or "",
        when(proposal.decided_at, zone), proposal.reason or "",
        _hindrances(reader, proposal, asks, chosen),
        may_decide(reader, asks, proposal), matching,
        proposal.body.get("document") == NO_DOCUMENT,
    )  # fmt: skip


def _hindrances(reader: PageReader, proposal: Proposal, asks: Who, chosen: str) -> tuple[str, ...]:
    """Return why whoever asks cannot approve a proposal, in words."""
    if asks.demonstration:
        return (text("演示会话只读，不能批准", chosen),)
    if not may_decide(reader, asks, proposal):
        role = role_name(asks.role, chosen) if asks.role else "--"
        return (text("{role}不能批准申请", chosen, role=role),)
    if not all_in_scope(touched(proposal)):
        return (text(BEYOND, chosen),)
    if proposal.proposer == asks.name:
        return (text(approvals.REASONS["own"], chosen),)
    return ()


def site_view(
    reader: PageReader, site: SiteInfo, months: Sequence[str], filters: Filters, chosen: str,
    table: str,
) -> View:  # fmt: skip
    """Return a view of one site over some months."""
    return View(
        book=reader.book((site.site,)), days=Book({}, 0), sites=(site,),
        periods=spans(months[0], months[-1], "month"), units=filters.units, language=chosen,
        compare="none", switches={"table": table},
    )  # fmt: skip


def effect_parts(
    reader: PageReader, of: Page, panel: Panel, effect: Effect, filters: Filters, chosen: str,
    address: str, table: str,
) -> tuple[Rendered, Content]:  # fmt: skip
    """Return the chart of an effect and the table beside it."""
    drawn = effect.range()[-figures.MONTHS_DRAWN :]
    view = site_view(reader, effect.site, drawn, filters, chosen, table)
    shown = replace(panel, build=partial(figures.effect_built, effect=effect))
    whole = site_view(reader, effect.site, effect.range(), filters, chosen, "")
    csv_of = f"/download/{of.key}/{panel.key}.csv{address}"
    return render(of, shown, view, address), figures.affected(whole, effect, csv_of)


def effect_head(effect: Effect | None, proposal: Proposal, href: Href, chosen: str) -> Content:
    """Return the head of a proposal's effect, with the sites to choose from."""
    kind = text(figures.KINDS[proposal.kind][1], chosen)
    key = "申请 {number}：{kind}，批准前的影响测算"
    if proposal.status == "accepted":
        key = "申请 {number}：{kind}，已批准"
    title = text(key, chosen, number=proposal.proposal, kind=kind)
    note = text("没有数值会变化", chosen)
    sites: Content = None
    if effect is not None:
        months = effect.range()
        note = text(
            "{site}，{first} ～ {last}；共 {months} 个站点月、{figures} 个数值", chosen,
            site=effect.site.name(chosen), first=months[0], last=months[-1],
            months=effect.months, figures=effect.figures,
        )  # fmt: skip
        sites = _site_switch(effect, href, chosen)
    return el("Div", el("H2", title, cls="section-title"), el("Span", note, cls="section-note"),
              sites, cls="section-head", id="effect")  # fmt: skip


def _site_switch(effect: Effect, href: Href, chosen: str) -> Content:
    if len(effect.sites) < 2:
        return None
    items = [
        el("A", site.name(chosen), href=href(site=site.site), cls="segment",
           aria_current="true" if site is effect.site else None)
        for site in effect.sites
    ]  # fmt: skip
    return el("Div", items, cls="segments", role="group", aria_label=text("站点", chosen))


def notes_of(proposal: Proposal, reader: PageReader, chosen: str) -> list[Content]:
    """Return what must be known of a proposal besides its numbers."""
    found: list[Content] = []
    body = proposal.body
    if body.get("document") == NO_DOCUMENT and proposal.status == "open":
        words = text("缺出处文件：提出时没有附公告原文，批准前请核对出处", chosen)
        found.append(strip("warn", "file-x", words))
    newest = max((v.known_from for v in reader.engine.libraries.versions()), default=None)
    outdated = newest is not None and newest > proposal.proposed_at
    if outdated and proposal.kind == "factors" and proposal.status == "open":
        words = text("提出之后另有因子获批，下面的试算未计入；批准后以重算为准", chosen)
        found.append(strip("warn", "triangle-alert", words))
    locked = [p for p in open_proposals(reader) if p.kind == "adjustment"]
    if proposal.status == "accepted" and locked:
        words = text("锁定的月份不直接改写：{count} 项调整申请待批准", chosen, count=len(locked))
        found.append(strip("warn", "lock", words,
                           link(f"/{page.KEY}", text("去月结", chosen), icon("chevron-right"),
                                cls="strip-link")))  # fmt: skip
    if proposal.kind == "setting":
        rows = [(name, _plain(old), _plain(new))
                for name, (old, new) in sorted(body["settings"].items())]  # fmt: skip
        found.append(el("Div", figures.subject_note(rows, chosen), cls="card"))
    if proposal.kind == "adjustment":
        cause = figures.CAUSES.get(str(body["cause"]), str(body["cause"]))
        words = text("{month} 已锁定，{cause}会改变它的数值；批准后写成调整，锁定不变", chosen,
                     month=body["month"], cause=text(cause, chosen))  # fmt: skip
        found.append(strip("info", "square-pen", words))
    if proposal.kind == "reopen":
        words = text("重新打开 {month}，原因：", chosen, month=body["month"])
        found.append(strip("info", "lock-open", words, " ",
                           el("Span", str(body["reason"]), data_verbatim="1")))  # fmt: skip
    return found


def _plain(value: object) -> str:
    return "--" if value is None else str(value)


def effect_csv(reader: PageReader, found: int, chosen: str) -> Response | None:
    """Return every figure that a proposal would change, as CSV; None for no such proposal."""
    proposal = seen(reader, found)
    if proposal is None:
        return None
    head = ("站点", "期间", "指标", "维度", "对象", "名称", "现行", "试算", "差", "单位")
    rows = [[text(word, chosen) for word in head]]
    for row in figures.effect_rows(proposal.effect):
        if not in_scope(row.site):
            continue
        gap = None if row.old is None or row.new is None else row.new - row.old
        rows.append([row.site, row.period, row.indicator, row.dimension, row.entity,
                     figures.named(row.key, chosen), _full(row.old), _full(row.new), _full(gap),
                     row.unit])  # fmt: skip
    return csv_answer(rows, text("申请 {number} 的影响", chosen, number=found))


def _full(value: float | None) -> str:
    return "" if value is None else repr(value)


def csv_answer(rows: Sequence[Sequence[str]], title: str) -> Response:
    """Return rows as a CSV that a spreadsheet opens."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerows([[_safe(c) for c in row] for row in rows])
    today = datetime.now(ZoneInfo(DEFAULT_ZONE)).date()
    return Response(
        (BOM + out.getvalue()).encode(), mimetype="text/csv",
        headers={"Content-Disposition":
                 f"attachment; filename*=UTF-8''{quote(f'{title}_{today}.csv')}"},
    )  # fmt: skip


# ---- the page ----


def bind_closing(app: Dash, desk: Desk) -> None:
    """Register the page's callbacks."""
    key = page.KEY
    outputs = {
        name: Output(part(key, name), "children")
        for name in ("top", "months-sub", "months", "month", "waiting", "effect-head", "affected",
                     "decide", "restated-menus", "restated")
    } | {
        "charts": Output(part(key, "charts"), "data"),
        "months-state": Output(part(key, "months-card"), "data-state"),
        "effect-box": Output(part(key, "effect-box"), "className"),
        **panel_outputs(key, page.EFFECT), **panel_outputs(key, page.RESTATED),
    }  # fmt: skip

    @app.callback(
        output=outputs,
        inputs={
            "search": Input("url", "search"),
            "done": Input(part(key, "act-done"), "data"),
            "step": Input(part(key, "act-step-done"), "data"),
        },
    )
    def refresh(search: object, done: object, step: object) -> Answer:
        asks = Asked(search, who(), language(desk.language), done, step)
        return contents(desk.reader, asks)

    bind_drawing(app, page.PAGE, (page.EFFECT, page.RESTATED))
    bind_decision(app, page.PAGE, desk, lambda search: page.choice(search).proposal)
    _bind_steps(app, desk)


def panel_outputs(key: str, panel: Panel) -> dict[str, Output]:
    """Return the outputs of a chart: its words and state."""
    return {
        f"{panel.key}-words": Output(panel_id(key, panel.key, "words"), "children"),
        f"{panel.key}-state": Output(panel_id(key, panel.key, "panel"), "data-state"),
    }


def bind_drawing(app: Dash, of: Page, panels: Sequence[Panel]) -> None:
    """Register the drawing of a page's charts, which is done in the browser."""
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("carbon", "draw"),
        [
            Output(panel_id(of.key, panel.key, f"plot{at}"), "figure")
            for panel in panels
            for at in range(len(panel.heights))
        ],
        Input(part(of.key, "charts"), "data"),
        Input("screen", "data"),
    )


def _bind_steps(app: Dash, desk: Desk) -> None:
    key = page.KEY

    @app.callback(
        output={
            "said": Output(part(key, "act-step-said"), "children"),
            "done": Output(part(key, "act-step-done"), "data"),
        },
        inputs={step: Input(part(key, step), "n_clicks") for step in STEPS},
        state={
            "of": State(part(key, "step-month"), "data"),
            "reason": State(part(key, "step-reason"), "value"),
        },
        prevent_initial_call=True,
    )
    def act(check: object, lock: object, reopen: object, of: object, reason: object) -> Answer:
        pressed = _pressed()
        if not (check or lock or reopen) or pressed not in STEPS:
            return {"said": None, "done": no_update}
        site, month = _site_month(of)
        said = stepped(
            desk, who(), step=pressed, site=site, month=month, reason=str(reason or ""),
            chosen=language(desk.language),
        )  # fmt: skip
        return said_answer(said)


def _site_month(of: object) -> tuple[str, str]:
    if not isinstance(of, Mapping):
        return "", ""
    return str(of.get("site", "")), str(of.get("month", ""))


def stepped(
    desk: Desk, asks: Who, *, step: str, site: str, month: str, reason: str, chosen: str
) -> Said:
    """Check, lock or reopen a month; a refusal says why in words."""
    if not may(desk.reader, asks, f"/{page.KEY}", step):
        forbidden()
    if not in_scope(site):
        missing(f"month {site} {month}")
    engine = desk.reader.engine
    facts: dict[str, Any] = {"site": site, "month": month, "step": step, "proposal": 0}
    try:
        with writes(desk):
            if step == "check":
                closing.check(engine, site, month, asks.name)
            elif step == "lock":
                closing.lock(engine, site, month, asks.name)
            else:
                facts["proposal"] = closing.reopen(engine, site, month, asks.name, reason.strip())
    except NotClosable as error:
        why = failed(f"{month}: {text(closing.REASONS[error.reason], chosen)}")
        return not_done(desk, "period.step", f"{site} {month}", why)
    except Busy:
        busy = failed(text("另一项写入还没有结束，请稍后再试", chosen))
        return not_done(desk, "period.step", f"{site} {month}", busy)
    LOG.info("month %s %s: %s by %s", site, month, step, asks.name)
    return Said(True, _step_words(facts, chosen), facts)


def _step_words(facts: Mapping[str, Any], chosen: str) -> str:
    month = str(facts.get("month", ""))
    if facts.get("proposal"):
        key = "{month}：重新打开已锁定的月份须由另一账号批准（申请 {number}）"
        return text(key, chosen, month=month, number=facts["proposal"])
    words = {"check": "已核对", "lock": "已锁定", "reopen": "已重新打开"}
    return f"{month} {text(words.get(str(facts.get('step')), '已核对'), chosen)}"


@dataclass(frozen=True)
class Asked:
    """What the page is asked for: address, who, language, what was just done."""

    search: object
    who: Who
    language: str
    done: object = None
    step: object = None


def contents(reader: PageReader, asked: Asked) -> Answer:
    """Return everything the page shows for an address."""
    known = reader.known()
    if known is None:
        return _nothing(asked.language)
    chosen = page.choice(asked.search)
    search = asked.search if isinstance(asked.search, str) else ""
    filters = parse(search, known)
    site = reader.sites()[filters.sites[0]]
    proposals = open_proposals(reader)
    months = month_rows(reader, site, proposals)
    month = _chosen_month(months, chosen.month)
    found: Answer = {
        "top": _top(reader, site, months, proposals, chosen, asked),
        "months-sub": text("新的在前；核对、锁定只对已结束并结算的月份", asked.language),
        "months": figures.months_table(months, month, chosen.shown, chosen.href, asked.language),
        "months-state": "ready" if months else "empty",
        "month": _month(reader, site, month, asked) if month else None,
        "waiting": figures.waiting(
            [waiting_row(reader, p, asked.language) for p in reversed(proposals)],
            chosen.proposal, chosen.href, asked.language,
        ),
    }  # fmt: skip
    shown, charts = proposal_parts(
        reader, page.PAGE, page.EFFECT, asked, chosen.proposal, filters, chosen.href, chosen.table
    )
    view, restated, table, menus = _restated(reader, site, filters, known, chosen, asked.language)
    rendered = render(page.PAGE, restated, view, search)
    if rendered.chart is not None:
        charts[page.RESTATED.key] = rendered.chart
    return found | shown | {
        "charts": charts, "restated": table, "restated-menus": menus,
        "restated-words": rendered.words, "restated-state": rendered.state,
    }  # fmt: skip


def proposal_parts(
    reader: PageReader, of: Page, panel: Panel, asked: Asked, found: int, filters: Filters,
    href: Href, table: str,
) -> tuple[Answer, dict[str, Any]]:  # fmt: skip
    """Return the parts of a page that show one proposal, and the charts among them."""
    proposal = seen(reader, found)
    blank: Answer = {
        "effect-head": None, "affected": None, "decide": None, "effect-box": "work-hidden",
        "effect-words": None, "effect-state": "empty",
    }  # fmt: skip
    chosen = asked.language
    if proposal is None:
        if found:
            words = text(approvals.REASONS["unknown"], chosen)
            blank |= {"effect-head": strip("warn", "circle-x", words), "effect-box": "work-bare"}
        return blank, {}
    effect = effect_of(reader, proposal, filters)
    said = told(asked.done, found, chosen)
    decision = decision_of(reader, proposal, effect, asked.who, chosen)
    parts = blank | {
        "effect-head": [effect_head(effect, proposal, href, chosen),
                        *notes_of(proposal, reader, chosen)],
        "decide": figures.decide(decision, lambda name: part(of.key, name), said, chosen),
        "effect-box": "work-bare",
    }  # fmt: skip
    if effect is None:
        return parts, {}
    address = query({"proposal": str(found), "site": effect.site.site})
    rendered, affected = effect_parts(reader, of, panel, effect, filters, chosen, address, table)
    charts = {panel.key: rendered.chart} if rendered.chart is not None else {}
    plots = len(rendered.chart["plots"]) if rendered.chart is not None else 0
    return parts | {
        "affected": affected, "effect-words": rendered.words, "effect-state": rendered.state,
        "effect-box": f"work-box plots-{plots}",
    }, charts  # fmt: skip


def _nothing(chosen: str) -> Answer:
    """Return the page without any figure: what is missing and what to do."""
    words = text("还没有结算过的数据：先导入计量数据并结算，或建立演示厂", chosen)
    empty = el("Div", el("Span", cls="icon icon-inbox", aria_hidden="true"),
               el("P", words, cls="empty-reason"), cls="empty")  # fmt: skip
    head = el("Div", el("Div", el("H1", text(page.PAGE.title, chosen), cls="page-title")),
              cls="page-head")  # fmt: skip
    names = ("months-sub", "month", "waiting", "effect-head", "affected", "decide",
             "restated-menus", "restated", "effect-words", "restated-words")  # fmt: skip
    return dict.fromkeys(names) | {
        "top": head, "months": empty, "months-state": "empty", "effect-state": "empty",
        "restated-state": "empty", "effect-box": "work-hidden", "charts": {},
    }  # fmt: skip


def month_rows(reader: PageReader, site: SiteInfo, proposals: Sequence[Proposal]) -> list[Month]:
    """Return the months of a site as the table shows them, newest first."""
    states = closing.month_states(reader.engine, site.site)
    return [_row(state, site.zone, proposals) for state in reversed(states)]


def _row(state: MonthState, zone: str, proposals: Sequence[Proposal]) -> Month:
    name = f"{state.site} {state.month}"
    waits = sum(
        name in p.effect.get("months", ()) or p.subject == name.replace(" ", "/") for p in proposals
    )
    return Month(
        state.site, state.month, state.status, state.actor, when(state.at, zone), state.figures,
        state.incomplete, state.unknown, state.running, state.due, state.changed,
        state.adjustments, waits,
    )  # fmt: skip


def _chosen_month(months: Sequence[Month], asked: str) -> Month | None:
    """Return the month asked for, else the oldest that is over and not locked, else the newest."""
    here = next((m for m in months if m.month == asked), None)
    if here is not None or not months:
        return here
    ready = [m for m in months if m.status != "locked" and not m.running]
    return ready[-1] if ready else months[0]


def _month(reader: PageReader, site: SiteInfo, month: Month, asked: Asked) -> list[Content]:
    events = [e for e in reader.engine.state.months.history(site.site) if e.month == month.month]
    history = tuple((e.status, e.actor, when(e.at, site.zone), e.reason) for e in events)
    steps = Steps(_month_hindrance(reader, asked.who, asked.language), history)
    store = core("Store", id=part(page.KEY, "step-month"),
                 data={"site": site.site, "month": month.month})  # fmt: skip
    facts = asked.step
    said = None
    if isinstance(facts, Mapping) and _site_month(facts) == (site.site, month.month):
        said = figures.said_strip("ok", _step_words(facts, asked.language))
    card = figures.month_card(month, steps, lambda name: part(page.KEY, name), asked.language)
    return [store, said, card] if said else [store, card]


def _month_hindrance(reader: PageReader, asks: Who, chosen: str) -> str:
    if asks.demonstration:
        return text("演示会话只读，不能核对或锁定", chosen)
    if not any(may(reader, asks, f"/{page.KEY}", step) for step in STEPS):
        role = role_name(asks.role, chosen) if asks.role else "--"
        return text("{role}不能核对或锁定月份", chosen, role=role)
    return ""


def waiting_row(reader: PageReader, proposal: Proposal, chosen: str) -> Waiting:
    """Return a proposal as the list of open ones shows it."""
    subject = proposal.subject
    if proposal.kind == "factors":
        subject = subject.replace(",", ", ")
    site, _, month = subject.partition("/")
    known = reader.sites()
    if site in known:
        subject = " ".join(word for word in (known[site].name(chosen), month) if word)
    return Waiting(
        proposal.proposal, proposal.kind, subject, proposal.proposer,
        when(proposal.proposed_at, zone_of(reader)), len(proposal.effect.get("months", ())),
        int(proposal.effect.get("figures", 0)),
    )  # fmt: skip


def _top(
    reader: PageReader, site: SiteInfo, months: Sequence[Month], proposals: Sequence[Proposal],
    chosen: Choice, asked: Asked,
) -> list[Content]:  # fmt: skip
    words = figures.closing_finding(months, len(proposals), asked.language)
    sites = page.site_menu(chosen, site, list(reader.sites().values()), asked.language)
    download = el(
        "A", el("Span", cls="icon icon-download", aria_hidden="true"),
        el("Span", text("导出", asked.language)), cls="button", download="", target="_self",
        href=f"/download/{page.KEY}/{page.MONTHS.key}.csv{query({'site': site.site})}",
    )  # fmt: skip
    name = site.name(asked.language)
    joint = "，" if asked.language == "zh" else ", "
    return [
        el("Div",
           el("Div", el("H1", text(page.PAGE.title, asked.language), cls="page-title"),
              el("P", f"{name}{joint}", words, cls="finding", aria_live="polite")),
           el("Div", sites, download, figures.demo_mark(asked.language) if site.demo else None,
              cls="work-tools"), cls="page-head"),
    ]  # fmt: skip


# ---- restatements ----


def _restated(
    reader: PageReader, site: SiteInfo, filters: Filters, known: Known, chosen: Choice,
    language: str,
) -> tuple[View, Panel, Content, Content]:  # fmt: skip
    """Return the view, the panel, the table and the menus of the restatements."""
    view = site_view(reader, site, months_of(filters.first, filters.last), filters, language,
                     chosen.table)  # fmt: skip
    runs = queries.restating_runs(reader.engine, [site.site])
    times = [page.Since(run.run, _since_words(run, site.zone, language)) for run in runs]
    menus = page.restated_menus(
        view, filters, known, chosen, times,
        lambda one: figures.named((one, "site", "site"), language),
    )  # fmt: skip
    if not runs:
        empty = text("没有重述：所有数值都是首次核算的", language)
        return view, replace(page.RESTATED, build=lambda _view: Built(empty=empty)), None, menus
    run = next((one for one in runs if one.run == chosen.since), runs[-1])
    found = restatement(reader, site, chosen.indicator, filters, run)
    panel = replace(page.RESTATED, build=partial(figures.restated_built, found=found))
    table = figures.restated_table(found, filters.units, language)
    return view, panel, table, menus


def _since_words(run: queries.Restating, zone: str, language: str) -> str:
    causes = "、" if language == "zh" else ", "
    why = causes.join(text(figures.CAUSES.get(c, c), language) for c in run.causes)
    return text("{at} 之前（{why}，{count} 个数值）", language, at=when(run.at, zone), why=why,
                count=run.figures)  # fmt: skip


def restatement(
    reader: PageReader, site: SiteInfo, indicator: str, filters: Filters, run: queries.Restating
) -> Restatement:
    """Return how an indicator of a site was restated from just before a settle run until now."""
    key = (indicator, "site", "site")
    since = run.at - timedelta(microseconds=1)
    found = queries.restated(reader.engine, [site.site], *key, filters.first, filters.last, since)
    unit = found.unit or indicators()[indicator, "site"].unit
    months = tuple(
        (m.period, Cell(m.old, unit, (m.old_id,), period=m.period),
         Cell(m.new, unit, (m.new_id,), period=m.period), m.parts)
        for m in found.months
    )  # fmt: skip
    why = {"later": "当时还没有核算", "unknown": "当时或现在缺数"}
    left = tuple((period, why[reason]) for _, period, reason in found.left_out)
    return Restatement(
        key, unit, found.old, found.new, found.parts, months, left, when(run.at, site.zone)
    )


# ---- downloads ----


def download(desk: Desk, name: str, search: str) -> Response | None:
    """Return a download of the page; None where there is none of that name."""
    reader, chosen = desk.reader, language(desk.language)
    known = reader.known()
    if name == page.EFFECT.key:
        return effect_csv(reader, page.choice(search).proposal, chosen)
    if known is None or name not in ("", page.MONTHS.key, page.RESTATED.key):
        return None
    filters = parse(search, known)
    site = reader.sites()[filters.sites[0]]
    if name == page.RESTATED.key:
        return _restated_csv(reader, site, filters, page.choice(search), chosen)
    return _months_csv(reader, site, chosen)


def _months_csv(reader: PageReader, site: SiteInfo, chosen: str) -> Response:
    proposals = open_proposals(reader)
    head = ("站点", "月份", "状态", "谁", "何时", "数值个数", "不完整", "缺数", "进行中", "待结算",
            "核对后有变化", "已批准的调整", "待批准的申请")  # fmt: skip
    rows = [[text(word, chosen) for word in head]]
    for m in month_rows(reader, site, proposals):
        status = text(figures.STATUS[m.status][2], chosen)
        marks = ["1" if there else "0" for there in (m.running, m.due, m.changed)]
        rows.append([m.site, m.month, status, m.actor, m.at, str(m.figures), str(m.incomplete),
                     str(m.unknown), *marks, str(m.adjustments), str(m.waiting)])  # fmt: skip
    return csv_answer(rows, f"{site.name(chosen)}_{text('月结', chosen)}")


def _restated_csv(
    reader: PageReader, site: SiteInfo, filters: Filters, asked: Choice, chosen: str
) -> Response:
    runs = queries.restating_runs(reader.engine, [site.site])
    head = ("月份", "指标", "单位", "当时", "现在", "差", *figures.CAUSES.values(), "核算编号")
    rows = [[text(word, chosen) for word in head]]
    if runs:
        run = next((one for one in runs if one.run == asked.since), runs[-1])
        found = restatement(reader, site, asked.indicator, filters, run)
        for period, before, now, parts in found.months:
            steps = [format(parts[c], "f") if c in parts else "" for c in figures.CAUSES]
            gap = (now.value or 0.0) - (before.value or 0.0)
            rows.append([period, figures.named(found.key, chosen), found.unit, _full(before.value),
                         _full(now.value), _full(gap), *steps,
                         f"{before.ids[0]} {now.ids[0]}"])  # fmt: skip
    return csv_answer(rows, f"{site.name(chosen)}_{text('重述', chosen)}")
