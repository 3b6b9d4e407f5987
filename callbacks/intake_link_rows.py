"""接口: interfaces as the tab shows them, read from configuration, health and newest values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from callbacks._reader import PageReader
from callbacks._scope import in_scope, scope
from data import connectors, interfaces
from data.batches import batches
from data.connectors.base import Point, ProbeRow
from data.engine import Engine
from data.interfaces import InterfaceRow
from data.link_book import EVENTS, Event, LastValue
from data.link_diff import difference
from data.slots import utc_now
from data.standing_links import REST, UPLOAD, pushed_meters, upload_fields
from data.state import InterfaceVersion
from figures.intake_gone import GoneRow
from figures.intake_links import (
    ORDERS,
    Changed,
    Detail,
    LinkRow,
    PointRow,
    Probe,
    Probed,
    VersionRow,
)
from figures.number import MINUS
from figures.view import SiteInfo
from pages.data import Choice
from translations import text

ZONE = "Asia/Shanghai"
FAR = 10**12


def rows_of(reader: PageReader, chosen: str) -> list[LinkRow]:
    """Return the interfaces that whoever asks may see, then the ways that are always there."""
    engine, at, sites = reader.engine, utc_now(), reader.sites()
    lasting: dict[str, int] = {}
    for event in engine.links.events(lasting=True):
        lasting[event.interface] = lasting.get(event.interface, 0) + 1
    found = [
        _row(engine, row, sites, lasting, at, chosen)
        for row in interfaces.listed(engine, at)
        if in_scope(row.version.wanted.site)
    ]
    return [*found, _rest(engine, sites, lasting, at, chosen), _upload(engine, sites, at, chosen)]


def gone_of(reader: PageReader, chosen: str) -> list[GoneRow]:
    """Return the removed interfaces of sites that whoever asks may see, newest first."""
    kept, sites = reader.engine.state.interfaces, reader.sites()
    gone = sorted(kept.removed().items(), key=lambda pair: pair[1].version, reverse=True)
    rows = []
    for name, version in gone:
        wanted, site = version.wanted, sites.get(version.wanted.site)
        if in_scope(wanted.site):
            rows.append(
                GoneRow(name, wanted.title or name, kind_words(wanted.kind, chosen),
                        site.name(chosen) if site else wanted.site,
                        moment(version.at, site.zone if site else ZONE), version.author,
                        len(kept.history(name)))
            )  # fmt: skip
    return rows


def _row(
    engine: Engine, row: InterfaceRow, sites: Mapping[str, SiteInfo], lasting: Mapping[str, int],
    at: datetime, chosen: str,
) -> LinkRow:  # fmt: skip
    wanted = row.version.wanted
    site = sites.get(wanted.site)
    zone = site.zone if site else ZONE
    units = {point.point_id: point.unit for point in wanted.points}
    values = interfaces.last_values(engine, wanted.interface_id)
    last, last_at = newest(values, units, zone)
    health = row.health
    error, lag_s = health.error if health else "", health.lag_s if health else None
    if health is None and wanted.enabled:  # nobody says how it is: what came last still tells
        error = "采集程序没有运行或没有应答"
        lag_s = min(((at - one.ts).total_seconds() for one in values), default=None)
    return LinkRow(
        wanted.interface_id, wanted.title or wanted.interface_id, kind_words(wanted.kind, chosen),
        site.name(chosen) if site else wanted.site, interfaces.state_of(row).value,
        text(error, chosen) if error else "", last, last_at, span(lag_s, chosen),
        today(engine, wanted.interface_id, zone, at, chosen),
        lasting.get(wanted.interface_id, 0), len(wanted.points), row.waiting, row.held,
        row.missing,
    )  # fmt: skip


def kind_words(kind: str, chosen: str) -> str:
    """Return what a kind of interface is called."""
    try:
        return text(connectors.connector(kind).title, chosen)
    except connectors.UnknownConnector:
        return kind


def newest(values: Iterable[LastValue], units: Mapping[str, str], zone: str) -> tuple[str, str]:
    """Return the newest of all values in words, and when it was, site-local."""
    found = max(values, key=lambda value: value.ts, default=None)
    if found is None:
        return "", ""
    shown = "--" if found.value is None else amount(found.value)
    return f"{found.point} {shown} {units.get(found.point, '')}".strip(), moment(found.ts, zone)


def amount(value: Decimal) -> str:
    """Return a value as it was read; of what no meter shows the size alone."""
    return (f"{value:.6g}" if abs(value) >= FAR else f"{value:f}").replace("-", MINUS)


def moment(at: datetime, zone: str) -> str:
    """Return a time as people at a site read it; UTC where it has no zone."""
    known = at if at.tzinfo else at.replace(tzinfo=UTC)
    return f"{known.astimezone(ZoneInfo(zone)):%Y-%m-%d %H:%M:%S}"


def span(seconds: float | None, chosen: str) -> str:
    """Return how long something takes, in the unit that people would use; empty for unknown."""
    if seconds is None:
        return ""
    for unit, length in (("{n} 天", 86400), ("{n} 小时", 3600), ("{n} 分钟", 60)):
        if seconds >= 2 * length:
            return text(unit, chosen, n=round(seconds / length))
    return text("{n} 秒", chosen, n=round(seconds))


def today(engine: Engine, interface: str, zone: str, at: datetime, chosen: str) -> str:
    """Return how many readings came since midnight at the site."""
    count, readings = engine.pushes.since(interface, midnight(at, zone))
    if not count:
        return "0"
    return text("{readings} 条 / {batches} 批", chosen, readings=f"{readings:,}",
                batches=f"{count:,}")  # fmt: skip


def _rest(
    engine: Engine, sites: Mapping[str, SiteInfo], lasting: Mapping[str, int], at: datetime,
    chosen: str,
) -> LinkRow:  # fmt: skip
    ours = [f"rest:{site}" for site in sites]
    zone = next((site.zone for site in sites.values()), ZONE)
    values = [value for name in ours for value in engine.links.last_values(name)]
    last, last_at = newest(values, {}, zone)
    counts = [engine.pushes.since(name, midnight(at, zone)) for name in ours]
    came = text("{readings} 条 / {batches} 批", chosen, readings=sum(n for _, n in counts),
                batches=sum(n for n, _ in counts))  # fmt: skip
    allowed = scope()
    meters = len(pushed_meters(engine, None if allowed is None else tuple(allowed)))
    return LinkRow(
        REST.name, text(REST.title, chosen), text("由对方推送", chosen),
        text("全部站点", chosen), "open", "", last, last_at, "", came,
        sum(lasting.get(name, 0) for name in ours), meters, standing=True,
    )  # fmt: skip


def _upload(
    engine: Engine, sites: Mapping[str, SiteInfo], at: datetime, chosen: str
) -> LinkRow:  # fmt: skip
    since = midnight(at, next((site.zone for site in sites.values()), ZONE))
    came = [one for one in batches(engine, scope())
            if one.at.replace(tzinfo=UTC) >= since and one.revoked_at is None]  # fmt: skip
    told = text("{rows} 行 / {batches} 批", chosen, rows=f"{sum(one.rows for one in came):,}",
                batches=len(came))  # fmt: skip
    return LinkRow(
        UPLOAD.name, text(UPLOAD.title, chosen), text("由人员导入", chosen),
        text("全部站点", chosen), "open", "", "", "", "", told, 0, len(upload_fields()),
        standing=True,
    )  # fmt: skip


def midnight(at: datetime, zone: str) -> datetime:
    """Return when the day began at a site."""
    return at.astimezone(ZoneInfo(zone)).replace(hour=0, minute=0, second=0, microsecond=0)


# ---- one of them ----


def detail_of(reader: PageReader, row: LinkRow, asked: Choice, chosen: str) -> Detail:
    """Return an interface opened: facts, points, what lasts, versions, the newest probe."""
    engine = reader.engine
    if row.standing:
        facts = [("编号", row.name), ("种类", row.kind), ("今日收到", row.today or "--")]
        return Detail(row, facts, (), (), (), 0, (), None, every=False)
    version = engine.state.interfaces.find(row.name)
    site = reader.sites().get(version.wanted.site)
    zone = site.zone if site else ZONE
    history = engine.state.interfaces.history(row.name)
    picked = int(asked.get("version", 9)) if asked.get("version", 9).isdecimal() else 0
    changes = _changes(history, picked, chosen)
    return Detail(
        row, _facts(engine, row, version, zone, chosen), _points(engine, version, zone, chosen),
        [_event(one, zone, chosen) for one in interfaces.events(engine, row.name, lasting=True)],
        [VersionRow(one.version, moment(one.at, zone), one.author, one.act,
                    len(one.wanted.points), one.points_sm3) for one in history],
        picked if changes is not None else 0, changes or (),
        _probe(engine, version, zone, chosen), every=asked.get("all", 1) == "1",
    )  # fmt: skip


def _facts(
    engine: Engine, row: LinkRow, version: InterfaceVersion, zone: str, chosen: str
) -> list[tuple[str, str]]:
    counts = engine.pushes.counts(row.name)
    return [
        ("编号", row.name), ("种类", row.kind), ("站点", row.site),
        ("配置版本", f"{version.version}  {version.author}\n{moment(version.at, zone)}"),
        ("最近数值", f"{row.last or '--'}\n{row.last_at}".strip()), ("落后", row.lag or "--"),
        ("今日收到", row.today),
        ("待入库", str(counts["waiting"])), ("隔离", str(counts["held"])),
        ("待补序号", str(row.missing)), ("错误", row.error or "--"),
        ("点表 SM3", version.points_sm3[:16]),
    ]  # fmt: skip


def _points(engine: Engine, version: InterfaceVersion, zone: str, chosen: str) -> list[PointRow]:
    values = {one.point: one for one in interfaces.last_values(engine, version.wanted.interface_id)}
    found = engine.links.health().get(version.wanted.interface_id)
    off = dict(found[0].disabled) if found else {}
    silent = set(found[0].silent) if found else set()
    at = utc_now()
    return [
        _point(point, values.get(point.point_id), _Trouble(off, silent), zone, at, chosen)
        for point in version.wanted.points
    ]


class _Trouble:
    """Why a point gives nothing."""

    def __init__(self, off: Mapping[str, str], silent: set[str]) -> None:
        self._off, self._silent = off, silent

    def of(self, point: str, chosen: str) -> str:
        if point in self._off:
            return text("停采：{reason}", chosen, reason=text(self._off[point], chosen))
        return text("停更", chosen) if point in self._silent else ""


def _point(
    point: Point, value: LastValue | None, trouble: _Trouble, zone: str, at: datetime, chosen: str
) -> PointRow:
    shown, when, quality, lag = "", "", None, ""
    if value is not None:
        shown = "--" if value.value is None else f"{amount(value.value)} {point.unit}".strip()
        when, quality = moment(value.ts, zone), int(value.q)
        lag = span(max(0.0, (at - value.ts).total_seconds()), chosen)
    return PointRow(point.point_id, point.name, point.meter_id, point.address, shown, when, quality,
                    lag, trouble.of(point.point_id, chosen))  # fmt: skip


def _event(event: Event, zone: str, chosen: str) -> tuple[str, str]:
    more = " ".join(word for word in (event.point, _told(event, zone, chosen)) if word)
    since = text("自 {at} 起，{times} 次", chosen, at=moment(event.began, zone), times=event.times)
    return text(EVENTS[event.code], chosen), f"{more} {since}".strip()


def _told(event: Event, zone: str, chosen: str) -> str:
    """Return an event's detail as people read it: a time at the site, a reason in words."""
    row, joint, reason = event.detail.partition(": ")
    if event.code == "config" and joint and row.isdecimal():
        return text("点表第 {row} 行：{reason}", chosen, row=row, reason=text(reason, chosen))
    try:
        return moment(datetime.fromisoformat(event.detail), zone)
    except ValueError:
        return text(event.detail, chosen) if event.detail else ""


def _changes(history: list[InterfaceVersion], picked: int, chosen: str) -> list[Changed] | None:
    """Return what a version changed in the one before it; None where there is no such pair."""
    for after, before in zip(history, history[1:], strict=False):
        if after.version == picked:
            found = difference(before.wanted, after.wanted, chosen)
            return [Changed(one.point, one.column, one.before, one.after) for one in found]
    return None


def _probe(engine: Engine, version: InterfaceVersion, zone: str, chosen: str) -> Probe | None:
    test = engine.state.interface_tests.last(version.wanted.interface_id)
    if test is None:
        return None
    report = test.report
    skew = "" if report.clock_skew_s is None else f"{report.clock_skew_s:+.1f}"
    return Probe(
        moment(test.at, zone), test.author, report.ok, test.version == version.version,
        text(report.error, chosen) if report.error else "", skew,
        [_probed(row, chosen) for row in report.rows],
    )  # fmt: skip


def _probed(row: ProbeRow, chosen: str) -> Probed:
    by_order = dict(row.orders)
    orders = tuple(
        "--" if (one := by_order.get(o)) is None else f"{one:.6g}".replace("-", MINUS)
        for o in ORDERS
    )
    said = "；".join(text(words, chosen) for words in (row.error, row.hint) if words)
    value = "--" if row.value is None else f"{amount(row.value)} {row.unit}".strip()
    return Probed(row.point_id, row.raw_hex, value, orders, said)
