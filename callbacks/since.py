"""上次来访以来 on the overview: what changed since the account was here, for its role and sites."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from dash import Dash, Input, Output, State, no_update

from callbacks._reader import PageReader
from callbacks._request import language
from callbacks._scope import may_see
from callbacks.closing import Desk, Who, when, who, zone_of
from data import since as told
from data.closing import LOCKED
from data.since import Digest, Key, MonthStep, NewAlarm, NewFactor, Restatement, Stopped
from data.state import now
from figures import since as figures
from figures.alerts import KINDS
from figures.cells import Cell, change
from figures.closing import CAUSES, named, polarity
from figures.html import Content, el
from figures.number import Units, figure_button, kpi_decimals, percent_button, shown_value, written
from figures.since import Item, proof_link
from figures.view import period_words
from pages import overview
from pages._filters import parse
from pages._panel import Page
from pages._plain import part, query
from security import web
from security.roles import may_open
from translations import text

EVERY_S = 300  # a meter becomes late without any change of the data
ALARMS = ("/alerts", "/emission")


def keys() -> frozenset[Key]:
    """Return the ledger names whose restating the overview tells of: those on its cards."""
    read = {key for panel in overview.PAGE.panels for key in panel.reads or ()}
    return frozenset(key for key in read if key[1] in ("site", "market") or key[0] == "reduction")


@dataclass(frozen=True)
class Asks:
    """Who is told, in which language and units, and which pages they may open."""

    who: Who
    language: str
    units: Units
    pages: Collection[str]
    zone: str = ""

    def t(self, key: str, /, **values: object) -> str:
        """Return a sentence in the reader's language."""
        return text(key, self.language, **values)

    def joined(self, *words: str) -> str:
        """Return phrases as one line, parted by the comma of the language."""
        return ("，" if self.language == "zh" else ", ").join(word for word in words if word)


def bind_since(app: Dash, desk: Desk, pages: Sequence[Page]) -> None:
    """Register the card and its button."""
    key = overview.KEY

    @app.callback(
        Output(part(key, "since"), "children"),
        Input("url", "search"),
        Input(part(key, "act-read"), "data"),
    )
    def refresh(search: str | None, _read: object) -> Content:
        session = web.current()
        if session is None or session.account is None:
            return None
        since = desk.reader.engine.state.visits.since(session.account)
        if since is None:
            return None
        return contents(desk.reader, search, since, _asks(desk, pages, search))

    @app.callback(
        Output(part(key, "act-read"), "data"),
        Input(part(key, "read"), "n_clicks"),
        State(part(key, "upto"), "data"),
        prevent_initial_call=True,
    )
    def read(clicks: object, upto: object) -> object:
        session = web.current()
        if not clicks or session is None or session.account is None:
            return no_update
        return read_upto(desk, session.account, upto)


def _asks(desk: Desk, pages: Sequence[Page], search: str | None) -> Asks:
    asks, known = who(), desk.reader.known()
    units = parse(search, known).units if known else Units()
    open_to = [page.path for page in pages if may_open(asks.role, page.path)]
    return Asks(asks, language(desk.language), units, open_to, zone_of(desk.reader))


def read_upto(desk: Desk, account: int, upto: object) -> object:
    """Note that an account has read what it was shown, and return that time; never a later one."""
    try:
        shown = datetime.fromisoformat(str(upto))
    except ValueError:
        return no_update
    if shown.tzinfo is not None or shown > now():
        return no_update
    desk.reader.engine.state.visits.read(account, shown)
    return shown.isoformat()


def contents(reader: PageReader, search: str | None, since: datetime, asks: Asks) -> Content:
    """Return the card of what changed since a time; nothing where nothing did."""
    known = reader.known()
    if known is None:
        return None
    chosen = parse(search, known).sites
    sites = tuple(dict.fromkeys((*(known.default_sites or known.sites), *chosen)))
    found = _digest(reader, sites, since, asks.who.name)
    items = [item for one in found.changes if (item := _item(reader, one, sites, asks)) is not None]
    ident = {name: part(overview.KEY, name) for name in ("read", "upto")}
    return figures.card(items, when(since, asks.zone), ident, found.upto.isoformat(), asks.language)


def _digest(reader: PageReader, sites: tuple[str, ...], since: datetime, name: str) -> Digest:
    """Return what changed, kept until the data or what was decided change."""
    state, at = reader.engine.state, now()
    marks = (state.months.count(), state.factors.count(), reader.alarms_revision,
             int(at.timestamp()) // EVERY_S)  # fmt: skip
    documents = {site: reader.documents()[site] for site in sites}
    return reader.page(
        ("since", sites, since, name, marks),
        lambda: told.digest(reader.engine, documents, keys(), since, at, name),
    )


# ---- a change in words; None where the reader may not open its proof ----


def _item(reader: PageReader, one: told.Change, sites: Sequence[str], asks: Asks) -> Item | None:
    maker = _MAKERS[type(one)]
    return maker(reader, one, sites, asks)


def _of_site(reader: PageReader, site: str, sites: Sequence[str], asks: Asks) -> str:
    """Return the name of a site where there are several."""
    known = reader.sites()
    return known[site].name(asks.language) if len(sites) > 1 and site in known else ""


def _alarm(reader: PageReader, one: NewAlarm, sites: Sequence[str], asks: Asks) -> Item | None:
    site, rule, entity, level, started = one.name
    path = _first(ALARMS, asks)
    if not path:
        return None
    sign, tone, word = figures.LEVELS[level]
    where = asks.joined(_of_site(reader, site, sites, asks), _entity(entity, asks),
                        f"{started:%m-%d %H:%M}")  # fmt: skip
    cause = ""
    if one.alarm.shown is not None and one.alarm.threshold is not None:
        cause = asks.t("{value} {unit}，限值 {limit} {unit}", value=_plain(one.alarm.shown),
                       limit=_plain(one.alarm.threshold), unit=one.alarm.unit)  # fmt: skip
    if not one.alarm.open:
        cause = asks.joined(cause, asks.t("已恢复"))
    head = asks.t("{level}告警：{rule}", level=asks.t(word),
                  rule=asks.t(KINDS.get(rule, rule)))  # fmt: skip
    href = f"{path}{_site_query(site, sites)}{'#anomalies' if path == '/emission' else ''}"
    if path == ALARMS[0]:
        href = f"{path}{_alarm_query(reader, one, sites)}"
    return Item(sign, tone, head, where, cause,
                proof_link(href, asks.t("看告警")))  # fmt: skip


def _alarm_query(reader: PageReader, one: NewAlarm, sites: Sequence[str]) -> str:
    """Return the query that opens an alarm's issue; of its month where there is none yet."""
    site, rule, entity, _, started = one.name
    issues = [
        issue for issue in reader.engine.state.incidents.of([site])
        if (issue.kind, issue.subject) == (rule, entity)
        and issue.since <= started <= max(issue.since, issue.until)
    ]  # fmt: skip
    more = {"issue": str(issues[0].incident)} if issues else {}
    return _site_query(site, sites, month=f"{started:%Y-%m}", **more)


def _entity(entity: str, asks: Asks) -> str:
    names = {"site": "全站", "diesel": "用油", "pv": "光伏"}
    return asks.t(names[entity]) if entity in names else entity


def _plain(value: float) -> str:
    return written(shown_value(Cell(value, ""), Units().of("")), 0 if abs(value) >= 100 else 1)


def _first(paths: Sequence[str], asks: Asks) -> str:
    return next((path for path in paths if path in asks.pages), "")


def _site_query(site: str, sites: Sequence[str], **more: str) -> str:
    wanted = ({"site": site} if len(sites) > 1 else {}) | more
    return query(wanted) if wanted else ""


def _shown(value: float | None, unit: str, asks: Asks) -> str:
    shown = shown_value(Cell(value, unit), asks.units.of(unit))
    return written(shown, kpi_decimals(shown))


def _restated(
    reader: PageReader, one: Restatement, sites: Sequence[str], asks: Asks
) -> Item | None:
    if not may_see(one.key[0]):
        return None
    month, before, after = one.largest
    unit = asks.units.of(after.unit).word
    cell = Cell(after.value, after.unit, (after.figure_id,), period=month)
    gap = change(cell, Cell(before.value, after.unit, (before.figure_id,), period=month))
    head = asks.t("{period}{name}重述", period=period_words(month, asks.language),
                  name=named(one.key, asks.language))  # fmt: skip
    steps: list[Content] = [
        el("Span", _shown(before.value, before.unit, asks), cls="num since-old"), " → ",
        figure_button(cell, _shown(after.value, after.unit, asks), asks.language, "fig-link"),
        f" {unit}",
    ]  # fmt: skip
    if gap.value is not None:
        good = {"good": gap.value > 0, "bad": gap.value < 0}.get(polarity(one.key[0]))
        meaning = "neutral" if good is None else "good" if good else "bad"
        arrow = "▲" if gap.value > 0 else "▼"
        size = percent_button(Cell(abs(gap.value), "%"), asks.language)
        steps.append(el("Span", f" {arrow} ", size, cls=f"change {meaning}"))
    if len(one.months) > 1:
        steps.append(f" {asks.t('另有 {count} 个月', count=len(one.months) - 1)}")
    cause = asks.joined(_of_site(reader, one.site, sites, asks),
                        asks.t(CAUSES.get(one.cause, "补录数据")))  # fmt: skip
    return Item("square-pen", "info", head, steps, cause, _basis(cell, asks))


def _basis(cell: Cell, asks: Asks) -> Content:
    """Return the button that opens how a number was computed."""
    return figure_button(cell, asks.t("核算依据"), asks.language, "since-proof")


def _missed(reader: PageReader, one: told.Missed, sites: Sequence[str], asks: Asks) -> Item | None:
    site, key, kind, period = one.name
    if not may_see(key[0]):
        return None
    rule = "sum" if len(one.figure_ids) > 1 else ""
    cell = Cell(one.total, one.unit, one.figure_ids, rule, period=period)
    short = kind == "target" and polarity(key[0]) == "good"
    word = asks.t(figures.AIMS[kind])
    sentence = "{period}{name}未达{aim}" if short else "{period}{name}超{aim}"
    head = asks.t(sentence, period=period_words(period, asks.language),
                  name=named(key, asks.language), aim=word)  # fmt: skip
    unit = asks.units.of(one.unit).word
    words: list[Content] = [
        figure_button(cell, _shown(one.total, one.unit, asks), asks.language, "fig-link"),
        f" {unit}", asks.t("，{aim} {value} {unit}", aim=word, unit=unit,
                           value=_shown(one.aim, one.unit, asks)),
    ]  # fmt: skip
    why = asks.t("新设定") if one.by_aim else asks.t(CAUSES.get(one.cause, "新结算的月份"))
    cause = asks.joined(_of_site(reader, site, sites, asks), why)
    return Item("trending-up", "danger" if not short else "warn", head, words, cause,
                _basis(cell, asks))  # fmt: skip


def _stopped(reader: PageReader, one: Stopped, sites: Sequence[str], asks: Asks) -> Item | None:
    site, meter = one.name
    path = _first(ALARMS, asks)
    if not path:
        return None
    head = asks.t("{meter}无上送", meter=meter or asks.t("全站"))
    hours = int(one.late.total_seconds() // 3600)
    late = asks.t("晚 {days} 天", days=hours // 24) if hours >= 48 else ""
    words = asks.joined(_of_site(reader, site, sites, asks),
                        late or asks.t("晚 {hours} 小时", hours=hours))  # fmt: skip
    cause = asks.t("最后读数 {at}", at=when(one.newest, reader.sites()[site].zone))
    href = f"{path}{_site_query(site, sites)}{'#anomalies' if path == '/emission' else ''}"
    return Item("clock", "warn", head, words, cause,
                proof_link(href, asks.t("看告警")))  # fmt: skip


def _step(reader: PageReader, one: MonthStep, sites: Sequence[str], asks: Asks) -> Item | None:
    if "/closing" not in asks.pages:
        return None
    locked = one.step.status == LOCKED
    key = "{month}已锁定" if locked else "{month}已重新打开"
    head = asks.t(key, month=period_words(one.month, asks.language))
    zone = reader.sites()[one.site].zone
    words = asks.joined(_of_site(reader, one.site, sites, asks), one.step.actor,
                        when(one.step.at, zone))  # fmt: skip
    href = f"/closing{_site_query(one.site, sites, month=one.month)}"
    return Item("lock" if locked else "lock-open", "ok" if locked else "warn", head, words,
                one.step.reason, proof_link(href, asks.t("去月结")))  # fmt: skip


def _factor(_reader: PageReader, one: NewFactor, _sites: Sequence[str], asks: Asks) -> Item | None:
    if "/factors" not in asks.pages:
        return None
    row = _reader.engine.library.rows.get(one.factor_id)
    name = one.factor_id
    if row is not None:
        name = row.name_en if asks.language == "en" else row.name_zh
    head = asks.t("因子批准：{name}", name=name)
    before = f"{one.before.value} → " if one.before else ""
    words = f"{before}{one.approved.value} {one.approved.unit}"
    cause = asks.t("{name} 批准", name=one.approved.approver)
    href = f"/factors{query({'factor': one.factor_id})}"
    return Item("book-open-check", "info", head, words, cause,
                proof_link(href, asks.t("看因子")))  # fmt: skip


_MAKERS: dict[type, Callable[..., Item | None]] = {
    NewAlarm: _alarm, Restatement: _restated, told.Missed: _missed, Stopped: _stopped,
    MonthStep: _step, NewFactor: _factor,
}  # fmt: skip
