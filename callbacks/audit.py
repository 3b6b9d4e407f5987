"""安全审计: the auditor's page, which is itself audited; its downloads and papers (9.5.4)."""

from __future__ import annotations

import calendar
import csv
import io
import json
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from functools import partial
from math import ceil
from urllib.parse import quote

from dash import ClientsideFunction, Dash, Input, Output, no_update
from flask import Flask, Response, g, request

from callbacks._reader import PageReader
from callbacks._request import language
from callbacks.closing import Answer, bind_drawing, forbidden, panel_outputs, who
from data.state import DENIED, FAILURE, Entry, Record, State, now
from data.state.audit import EVENTS
from data.state.audit_search import NOBODY, AuditSearch, Sought, Summary
from figures import audit as figures
from figures.audit import Line, Place, Sign, TrailState
from figures.closing import said_strip
from figures.factors import strip
from figures.html import Content, Node, el, icon, link
from jobs.schedule import Schedule
from pages import audit as page
from pages._bar import menu, option
from pages._panel import render
from pages._plain import part
from pages.audit import Choice
from security import web
from security.audit_export import BOM, table
from security.audit_report import (
    actor_words,
    day_page,
    event_words,
    fault_words,
    month_of,
    printed_day,
    report_of,
    role_words,
    written,
)
from security.notary import local
from translations import text

AUDITOR = "auditor"
MONTHS_SHOWN = 13
WHOLE = 300_000  # up to so many records a verification on the page goes through all of them
MOST_ASKED = 1000
DAY, MONTH = f"{page.PAGE.path}/day", f"{page.PAGE.path}/report"
PAPERS = frozenset((DAY, MONTH))
SPANS = {"1": "今天", "7": "近 7 天", "30": "近 30 天", "90": "近 90 天", "all": "全部时间"}


@dataclass
class AuditDesk:
    """What the auditor's page works with: the trail, what watches it, what searches it."""

    reader: PageReader
    trail: Schedule
    language: str = "zh"
    _asked: dict[tuple[str, str], str] = field(default_factory=dict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.search = AuditSearch(self.state.engine)

    def warm(self) -> None:
        """Count what there is before the first auditor would have to wait for it."""
        self.search.names()

    @property
    def state(self) -> State:
        """The state whose trail it is."""
        return self.reader.engine.state

    def note(self, chosen: Choice) -> None:
        """Record what is asked for, each query once a minute."""
        words = json.dumps(chosen.filters(), ensure_ascii=False)
        key, minute = (who().name, words), f"{now():%Y-%m-%d %H:%M}"
        with self._guard:
            if self._asked.get(key) == minute:
                return
            self._asked = {k: m for k, m in self._asked.items() if m == minute}
            if len(self._asked) < MOST_ASKED:
                self._asked[key] = minute
        self.state.audit.record(Entry("audit.query", page.RECORDS.key, words))


def today() -> date:
    """Return the day as records write it."""
    return local(now()).date()


def sought_of(chosen: Choice, top: int = 0) -> Sought:
    """Return what an address asks the trail for."""
    first, last = chosen.days(today())
    return Sought(first, last, chosen.actor, chosen.event, chosen.outcome, chosen.address,
                  chosen.words, bool(chosen.beats), top)  # fmt: skip


# ---- the page ----


def bind_audit(app: Dash, desk: AuditDesk) -> None:
    """Register the page's callbacks."""
    key = page.KEY
    outputs = {
        name: Output(part(key, name), "children")
        for name in ("top", "state-card-trail", "state-card-checkpoint", "state-card-anchors",
                     "state-card-verified", "filters", "outcomes", "events", "actors", "signs",
                     "records-title", "records", "record")
    } | {
        "charts": Output(part(key, "charts"), "data"),
        "records-state": Output(part(key, "records-card"), "data-state"),
        **panel_outputs(key, page.DAYS),
    }  # fmt: skip

    @app.callback(
        output=outputs,
        inputs={
            "search": Input("url", "search"),
            "done": Input(part(key, "act-done"), "data"),
        },
    )
    def refresh(search: object, done: object) -> Answer:
        return contents(desk, search, language(desk.language))

    bind_drawing(app, page.PAGE, (page.DAYS,))
    _bind_verify(app, desk)
    for name, properties in (("searched", ("search", "value")), ("search", ("sent", "data"))):
        source = Input("url", "search") if name == "searched" else Input(part(key, "search"),
                                                                         "value")  # fmt: skip
        app.clientside_callback(  # type: ignore[no-untyped-call]
            ClientsideFunction("work", name), Output(part(key, properties[0]), properties[1]),
            source, prevent_initial_call=name == "search",
        )  # fmt: skip


def _bind_verify(app: Dash, desk: AuditDesk) -> None:
    key = page.KEY

    @app.callback(
        output={
            "said": Output(part(key, "act-said"), "children"),
            "done": Output(part(key, "act-done"), "data"),
        },
        inputs={"pressed": Input(part(key, "verify"), "n_clicks")},
        running=[
            (Output(part(key, "busy"), "className"), "work-busy", "work-hidden"),
            (Output(part(key, "verify"), "disabled"), True, False),
        ],
        prevent_initial_call=True,
    )
    def act(pressed: object) -> Answer:
        if not pressed:
            return {"said": None, "done": no_update}
        return verified(desk, language(desk.language))


def verified(desk: AuditDesk, chosen: str) -> Answer:
    """Verify the trail at the auditor's request, and record it."""
    if who().role != AUDITOR:
        forbidden()
    check, size = desk.trail.watch.check, desk.state.audit.head()[0]
    result = check.verify(now(), full=size <= WHOLE)
    check.record(result)
    found = result.findings
    if found.ok:
        words = text("校验完好：核对 {count} 条", chosen, count=figures.number(found.checked))
    else:
        words = text("校验不完好：{fault}", chosen, fault=fault_words(found.reason, chosen))
    kind = "ok" if found.ok else "danger"
    return {"said": said_strip(kind, words), "done": {"at": f"{result.at:%Y-%m-%dT%H:%M:%S.%f}"}}


def contents(desk: AuditDesk, search: object, chosen: str) -> Answer:
    """Return everything the page shows for an address; the query is recorded first."""
    asked = page.choice(search)
    top = asked.top or desk.state.audit.head()[0]
    desk.note(asked)
    state = state_of(desk, chosen)
    summary = desk.search.summary(sought_of(asked))
    found: Answer = {
        "top": _top(desk, asked, summary, state, chosen),
        "state-card-trail": figures.trail_card(state, chosen),
        "state-card-checkpoint": figures.checkpoint_card(state, chosen),
        "state-card-anchors": figures.anchors_card(state, chosen),
        "state-card-verified": figures.verified_card(state, chosen),
        "filters": _filters(desk, asked, chosen),
        "record": _record(desk, asked, chosen),
    }
    return (
        found
        | _counts(desk, asked, summary, chosen)
        | _days(asked, summary, search, chosen)
        | (_records(desk, asked, top, summary.total, chosen))
    )


def _days(asked: Choice, summary: Summary, search: object, chosen: str) -> Answer:
    first, last = (day or today().isoformat() for day in asked.days(today()))
    view = figures.days_view(summary.days, (first, last), chosen, asked.table)
    panel = page.DAYS
    shown = replace(panel, build=partial(figures.days_built, days=summary.days))
    rendered = render(page.PAGE, shown, view, search if isinstance(search, str) else "")
    words = rendered.words
    if rendered.state == "ready":  # a count has neither quality nor source
        words = words[:-1]
    charts = {} if rendered.chart is None else {panel.key: rendered.chart}
    return {"charts": charts, f"{panel.key}-words": words, f"{panel.key}-state": rendered.state}


def _counts(desk: AuditDesk, asked: Choice, summary: Summary, chosen: str) -> Answer:
    def of(name: str) -> Callable[[str], str]:
        return lambda value: asked.href(**{name: value})

    events = [(n, event_words(n, chosen), count, bad) for n, count, bad in summary.events]
    actors = [(n or NOBODY, el("Span", actor_words(n, chosen), data_verbatim="1"), count, bad)
              for n, count, bad in summary.actors]  # fmt: skip
    note = text("条数；△ 后为失败或拒绝", chosen)
    return {
        "outcomes": figures.outcomes_card(summary.outcomes, asked.outcome, of("outcome"), chosen),
        "events": figures.ranking(text("按事件", chosen), note, events, asked.event, of("event"),
                                  chosen),
        "actors": figures.ranking(text("按账号", chosen), note, actors, asked.actor, of("actor"),
                                  chosen),
        "signs": _signs(desk, asked, summary, chosen),
    }  # fmt: skip


def _signs(desk: AuditDesk, asked: Choice, summary: Summary, chosen: str) -> Content:
    first, last = asked.days(today())
    alarms = desk.search.page(Sought(first, last, event="alarm.security"), 1, 5)
    return figures.signs_card(
        [Sign(el("Span", actor_words(name, chosen), data_verbatim="1"), figures.number(count),
              asked.href(actor=name or NOBODY)) for name, count in summary.night.items()],
        [Sign(el("Span", one.address, data_verbatim="1"), figures.short_time(one.at)[5:16],
              asked.href(address=one.address)) for one in summary.addresses],
        [Sign(el("Span", one.object, data_verbatim="1"), figures.short_time(one.at)[5:16],
              asked.href(record=one.seq)) for one in alarms],
        chosen,
    )  # fmt: skip


def _records(desk: AuditDesk, asked: Choice, top: int, total: int, chosen: str) -> Answer:
    pages = max(1, ceil(total / page.ROWS))
    number = min(asked.page, pages)
    found = desk.search.page(sought_of(asked, top), number, page.ROWS)
    first = (number - 1) * page.ROWS
    shown = text("新的在前，第 {first}–{last} 条，共 {total} 条", chosen,
                 first=figures.number(first + 1), last=figures.number(first + len(found)),
                 total=figures.number(max(total, first + len(found))))  # fmt: skip
    lines = [line_of(record, chosen) for record in found]
    clear = asked.href(actor="", event="", outcome="", address="", q="", span="all", since="",
                       until="")  # fmt: skip
    rows = figures.records_table(lines, asked.record, asked.href, clear, chosen)
    turned = figures.pager(number, pages, lambda n: asked.href(page=n, top=top, record=0), chosen)
    return {
        "records-title": figures.records_title(shown if found else "\u00a0", chosen),
        "records": [*rows, turned],
        "records-state": "ready" if found else "empty",
    }


def line_of(record: Record, chosen: str) -> Line:
    """Return a record as the table shows it."""
    return Line(
        record.seq, record.at, actor_words(record.actor, chosen), role_words(record.role, chosen),
        record.address, record.event, event_words(record.event, chosen), record.object,
        record.description, record.outcome,
    )  # fmt: skip


def _record(desk: AuditDesk, asked: Choice, chosen: str) -> Content:
    """Return the record that is opened, with all its fields."""
    record = desk.search.find(asked.record) if asked.record else None
    if record is None:
        return None
    fields: list[tuple[str, Content, bool]] = [
        (text("时间", chosen), record.at, False),
        (text("账号", chosen), actor_words(record.actor, chosen), False),
        (text("角色", chosen), role_words(record.role, chosen) or "--", False),
        (text("地址", chosen), record.address or "--", False),
        (text("会话", chosen), record.session or "--", True),
        (text("事件", chosen), record.event, True),
        (text("涉及对象", chosen), record.object or "--", False),
        (text("描述", chosen), record.description or "--", False),
        (text("之前", chosen), record.before or "--", False),
        (text("之后", chosen), record.after or "--", False),
        (text("请求", chosen), record.request or "--", True),
        (text("预告", chosen), str(record.intent or "--"), True),
        (text("启动编号", chosen), record.boot, True),
        (text("单调时钟", chosen), f"{record.mono_ns:,} ns", True),
        (text("上一条哈希", chosen), record.prev.hex(), True),
        (text("本条哈希", chosen), record.hash.hex(), True),
    ]
    related = [line_of(one, chosen) for one in desk.search.related(record)]
    return figures.record_card(line_of(record, chosen), fields, related, asked.href, chosen)


# ---- the trail's state ----


def state_of(desk: AuditDesk, chosen: str) -> TrailState:
    """Return how the trail stands."""
    size, head = desk.state.audit.head()
    newest = desk.state.checkpoints.newest()
    reached = {one.place: one for one in desk.state.checkpoints.delivered()}
    wanted = newest.size if newest else 0
    places = []
    for anchor in desk.trail.watch.notary.anchors:
        there = reached.get(anchor.place)
        places.append(Place(anchor.place, there.size if there else 0,
                            _time(there.at) if there else "",
                            (there.size if there else 0) < wanted))  # fmt: skip
    checkpoint = (newest.size, _time(newest.at), newest.kid) if newest else None
    return TrailState(size, head.hex(), checkpoint, places, _verified(desk, chosen),
                      last.full if (last := desk.trail.watch.check.last) else True)  # fmt: skip


def _verified(desk: AuditDesk, chosen: str) -> tuple[bool, str, int, str] | None:
    """Return the last verification: of this process, or as it was recorded before."""
    last = desk.trail.watch.check.last
    if last is not None:
        found = last.findings
        return found.ok, _time(last.at), found.checked, fault_words(found.reason, chosen)
    kept = desk.search.page(Sought(event="audit.verify"), 1, 1)
    if not kept:
        return None
    try:
        said = json.loads(kept[0].description)
    except ValueError:
        said = {}
    said = said if isinstance(said, Mapping) else {}
    reason = fault_words(str(said.get("reason", "")), chosen)
    return kept[0].outcome == "success", kept[0].at, int(said.get("checked", 0)), reason


def _time(at: datetime) -> str:
    return local(at).isoformat("T", "seconds")


def _top(
    desk: AuditDesk, asked: Choice, summary: Summary, state: TrailState, chosen: str
) -> list[Content]:
    bad = summary.outcomes.get(FAILURE, 0) + summary.outcomes.get(DENIED, 0)
    words = figures.finding(summary.total, bad, _span_words(asked, chosen), state, chosen)
    csv_of = f"/download/{page.KEY}/{page.RECORDS.key}.csv{asked.href(page=1, top=0, record=0)}"
    day = asked.until or today().isoformat()
    tools = el(
        "Div",
        el("A", icon("download"), el("Span", text("导出 CSV", chosen)), cls="button", download="",
           href=csv_of, target="_self"),
        menu("", text("月度审计报告", chosen), _reports(desk, chosen), "audit-reports",
              "file-text"),
        el("A", icon("printer"), el("Span", text("每日打印页", chosen)), cls="button",
           href=f"{DAY}?day={day}", target="_blank", rel="noopener"),
        cls="work-tools",
    )  # fmt: skip
    head = el("Div", el("Div", el("H1", text(page.PAGE.title, chosen), cls="page-title"),
                        el("P", words, cls="finding", aria_live="polite")), tools,
              cls="page-head")  # fmt: skip
    return [head, *_strips(state, asked, chosen)]


def _strips(state: TrailState, asked: Choice, chosen: str) -> list[Content]:
    """Return what must be looked at before anything else."""
    found: list[Content] = []
    if state.verified is not None and not state.verified[0]:
        words = text("审计记录可能被改动：{fault}。请保全现场并用独立程序核对。", chosen,
                     fault=state.verified[3])  # fmt: skip
        found.append(strip("danger", "siren", words,
                           link(asked.href(event="alarm.security"), text("看告警", chosen),
                                icon("chevron-right"), cls="strip-link")))  # fmt: skip
    behind = [one.name for one in state.places if one.behind]
    if behind:
        words = text("检查点还没有送达：{places}；会自动重试", chosen, places=", ".join(behind))
        found.append(strip("warn", "triangle-alert", el("Span", words, data_verbatim="1")))
    return found


def _reports(desk: AuditDesk, chosen: str) -> list[Node]:
    """Return the months that there can be a report of, newest first."""
    return [
        el("A", el("Span", cls="icon-gap"), el("Span", month), cls="menu-item",
           href=f"{MONTH}?month={month}", target="_blank", rel="noopener")
        for month in _months(desk)
    ]  # fmt: skip


def _months(desk: AuditDesk) -> list[str]:
    first, now_ = desk.search.first_day()[:7], f"{today():%Y-%m}"
    found: list[str] = []
    at = today().replace(day=1)
    while len(found) < MONTHS_SHOWN and f"{at:%Y-%m}" >= (first or now_):
        found.append(f"{at:%Y-%m}")
        at = date.fromordinal(at.toordinal() - 1).replace(day=1)
    return found


# ---- filters ----


def _span_words(asked: Choice, chosen: str) -> str:
    if not (asked.since or asked.until):
        return text(SPANS[asked.span], chosen)
    return f"{asked.since or '…'} – {asked.until or '…'}"


def _filters(desk: AuditDesk, asked: Choice, chosen: str) -> list[Content]:
    actors, addresses = desk.search.names()
    every = text("全部", chosen)
    spans = [option(asked.href(span=key, since="", until=""), text(words, chosen),
                     chosen=not (asked.since or asked.until) and key == asked.span)
             for key, words in SPANS.items()]  # fmt: skip
    months = [option(asked.href(since=f"{m}-01", until=_last_day(m)), m,
                      chosen=asked.since == f"{m}-01" and asked.until == _last_day(m))
              for m in _months(desk)]  # fmt: skip

    def of(name: str, rows: Sequence[tuple[str, str]], now_: str) -> list[Node]:
        return [option(asked.href(**{name: key}), words, chosen=key == now_)
                for key, words in [("", every), *rows]]  # fmt: skip

    events = [(key, event_words(key, chosen)) for key in EVENTS]
    shown = event_words(asked.event, chosen) if asked.event else every
    people = [(name or NOBODY, actor_words(name, chosen)) for name in actors]
    someone = "" if asked.actor == NOBODY else asked.actor
    return [
        menu("", _span_words(asked, chosen), [*spans, el("Hr", cls="menu-rule"), *months],
              "audit-span", "calendar"),
        menu(text("账号", chosen), actor_words(someone, chosen) if asked.actor else every,
              of("actor", people, asked.actor), "audit-actor"),
        menu(text("事件", chosen), shown, of("event", events, asked.event), "audit-event"),
        menu(text("地址", chosen), asked.address or every,
              of("address", [(one, one) for one in addresses if one][:200], asked.address),
              "audit-address-menu"),
        link(asked.href(beats="" if asked.beats else "1"),
             icon("check") if asked.beats else el("Span", cls="icon-gap"),
             el("Span", text("含运行心跳", chosen)), cls="button audit-beats",
             aria_pressed="true" if asked.beats else "false", role="button"),
        link(asked.href(actor="", event="", outcome="", address="", q=""), icon("x"),
             el("Span", text("清除筛选", chosen)), cls="button audit-clear")
        if asked.filtered else None,
    ]  # fmt: skip


def _last_day(month: str) -> str:
    year, number = int(month[:4]), int(month[5:])
    return f"{month}-{calendar.monthrange(year, number)[1]:02d}"


# ---- downloads and papers ----


def download(desk: AuditDesk, name: str, search: str) -> Response | None:
    """Return a download of the page; None where there is none of that name."""
    asked, chosen = page.choice(search), language(desk.language)
    if name == page.DAYS.key:
        return _streamed(_day_rows(desk, asked, chosen), text("每日审计记录", chosen))
    if name not in ("", page.RECORDS.key):
        return None
    sought = sought_of(asked, desk.state.audit.head()[0])
    words = json.dumps(asked.filters(), ensure_ascii=False)
    _recorded(desk, Entry("audit.export", f"{page.RECORDS.key}.csv", words))
    return _streamed(table(desk.search.each(sought)), text("审计记录", chosen))


def _recorded(desk: AuditDesk, entry: Entry) -> None:
    """Record what leaves the house here, in its own words; the gate need not."""
    desk.state.audit.record(entry)
    g.recorded = True


def _day_rows(desk: AuditDesk, asked: Choice, chosen: str) -> Iterator[list[str]]:
    summary = desk.search.summary(sought_of(asked))
    yield [text("日期", chosen), *(text(words, chosen) for _, words, _ in figures.OUTCOMES)]
    for day, counts in summary.days.items():
        yield [day, *(str(counts.get(key, 0)) for key, _, _ in figures.OUTCOMES)]


def _streamed(rows: Iterator[list[str]], title: str) -> Response:
    """Return rows as CSV, sent while they are read."""

    def body() -> Iterator[str]:
        yield BOM
        out = io.StringIO()
        writer = csv.writer(out, lineterminator="\r\n")
        for number, row in enumerate(rows):
            writer.writerow(row)
            if number % 500 == 499:
                yield out.getvalue()
                out.seek(0)
                out.truncate()
        yield out.getvalue()

    named = quote(f"{title}_{today()}.csv")
    headers = {"Content-Disposition": f"attachment; filename*=UTF-8''{named}"}
    return Response(body(), mimetype="text/csv", headers=headers)


def bind_papers(server: Flask, desk: AuditDesk) -> None:
    """Register the report of a month and the page of a day, each recorded."""

    @server.get(MONTH)
    def audit_report() -> Response:
        month, check = request.args.get("month", ""), desk.trail.watch.check
        try:
            month_of(month)
        except ValueError:
            return web.refused_page(404)
        result = check.verify(now(), full=True)  # what is signed on paper was looked at whole
        body = written(report_of(desk.state, month, result), language(desk.language))
        _recorded(desk, Entry("audit.report", month))
        return Response(body, mimetype="text/html")

    @server.get(DAY)
    def audit_day() -> Response:
        day = page.choice(f"?until={request.args.get('day', '')}").until
        if not day:
            return web.refused_page(404)
        body = printed_day(day_page(desk.state, day, desk.search), language(desk.language))
        _recorded(desk, Entry("audit.report", day))
        return Response(body, mimetype="text/html")
