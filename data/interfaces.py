"""Interfaces for people: what there is, how it is, and every change checked in one place.

The page, the command line and files go through the same functions; secrets are written as where
they are kept and never come back out.
"""

from __future__ import annotations

import asyncio
import re
import shutil
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from data import connectors
from data.connectors.base import (
    ConnectorConfig,
    Health,
    LinkState,
    Point,
    ProbeReport,
    is_secret,
)
from data.engine import Engine
from data.ingest.problems import Problem, Refused
from data.link_book import Event, LastValue
from data.points import Target, check_points, load_points
from data.posts import OWN
from data.push_pauses import pause, pushing
from data.sites import documents
from data.state import Entry, InterfaceVersion, NoSuchInterface, WantedInterface, acting, now
from data.store import Cursor
from settings import load
from translations import text

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,39}")
STALE_S = 15.0
DISK_SHARE = 10  # percent that must stay free
# What is wrong with a setting, in words; pydantic's own are for programmers.
_REASONS: Mapping[str, str] = {
    "missing": "这一项没有填写",
    "extra_forbidden": "没有这一项设置",
    "int_parsing": "这不是整数",
    "int_from_float": "这不是整数",
    "int_type": "这不是整数",
    "float_parsing": "这不是数字",
    "float_type": "这不是数字",
    "decimal_parsing": "这不是数字",
    "decimal_type": "这不是数字",
    "bool_parsing": "只能填是或否（true、false）",
    "bool_type": "只能填是或否（true、false）",
    "string_type": "这不是文字",
    "string_too_short": "这一项是空的",
    "string_too_long": "这一项太长",
    "string_pattern_mismatch": "写法不对",
    "literal_error": "不在可选值之中",
    "enum": "不在可选值之中",
    "greater_than": "太小",
    "greater_than_equal": "太小",
    "less_than": "太大",
    "less_than_equal": "太大",
    "path_type": "这不是路径",
}


@dataclass(frozen=True)
class Draft:
    """An interface as somebody wrote it, not checked yet.

    Parameters
    ----------
    interface_id, kind, site, title
        Its name, its connector, whose data it brings, what people call it.
    settings
        As written.
    points
        A point table's file, points that are typed already, or none.
    source
        Where it is from, for messages.
    """

    interface_id: str
    kind: str
    site: str
    title: str
    settings: Mapping[str, Any]
    points: Path | Sequence[Point] = ()
    source: str = ""


@dataclass(frozen=True)
class InterfaceRow:
    """One interface as the page lists it.

    Parameters
    ----------
    version
        Its newest version.
    health
        How its collector says it is; None where no collector runs.
    waiting, held
        Batches not loaded yet; readings held back.
    missing
        How many of the sender's numbers have not come.
    """

    version: InterfaceVersion
    health: Health | None
    waiting: int
    held: int
    missing: int


def read_draft(path: Path, language: str) -> Draft:
    """Return the interface of a TOML file: id, kind, site, title, points (a file beside it).

    Raises
    ------
    Refused
        It cannot be read, or says something unknown.
    """
    try:
        body = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise Refused(
            (
                _problem(
                    path.name, None, str(error), "这个文件读不了", "请检查它是否为 TOML", language
                ),
            )
        ) from error
    known = {"id", "kind", "site", "title", "points", "settings"}
    wrong = [
        _problem(path.name, name, None, "没有这一项设置", "请删去或改正", language)
        for name in body if name not in known
    ]  # fmt: skip
    wrong += [
        _problem(path.name, name, None, "这一项没有填写", "请填写", language)
        for name in ("id", "kind", "site") if not isinstance(body.get(name), str)
    ]  # fmt: skip
    settings = body.get("settings", {})
    if not isinstance(settings, dict):
        wrong.append(_problem(path.name, "settings", None, "写法不对", "请写成一节", language))
    if wrong:
        raise Refused(tuple(wrong))
    table = body.get("points")
    points: Path | Sequence[Point] = path.parent / str(table) if table else ()
    return Draft(body["id"], body["kind"], body["site"], str(body.get("title", "")), settings,
                 points, path.name)  # fmt: skip


def checked(draft: Draft, sites: Sequence[str], language: str) -> WantedInterface:
    """Return an interface that can be kept; the one check for files, commands and screens.

    Parameters
    ----------
    draft
        As written.
    sites
        The sites there are.
    language
        Of the messages.

    Raises
    ------
    Refused
        Every setting and cell that is wrong.
    """
    name = draft.source or draft.interface_id
    wrong = []
    if not _NAME.fullmatch(draft.interface_id):
        wrong.append(_problem(name, "id", draft.interface_id, "接口编号只能用字母、数字、- 和 _",
                              "请改短，至多 40 个字符", language))  # fmt: skip
    if draft.site not in sites:
        wrong.append(_problem(name, "site", draft.site, "没有这个站点", "请先导入站点", language))
    try:
        kind = connectors.connector(draft.kind)
    except connectors.UnknownConnector:
        allowed = ", ".join(connectors.names())
        remedy = text("可用的有：{allowed}", language, allowed=allowed)
        wrong.append(_problem(name, "kind", draft.kind, "没有这种接口", remedy, language))
        raise Refused(tuple(wrong)) from None
    try:
        cfg = kind.Config.model_validate(dict(draft.settings))
    except ValidationError as error:
        wrong += [_setting_problem(name, kind.Config, one, language) for one in error.errors()]
        raise Refused(tuple(wrong)) from None
    points = _checked_points(draft, Target(kind, cfg), name, language)
    if wrong:
        raise Refused(tuple(wrong))
    return WantedInterface(draft.interface_id, draft.kind, draft.site, draft.title,
                           dict(draft.settings), points)  # fmt: skip


def _checked_points(draft: Draft, target: Target, name: str, language: str) -> tuple[Point, ...]:
    if isinstance(draft.points, Path):
        return load_points(draft.points, target, language)
    wrong = check_points(draft.points, target, name, language)
    if wrong:
        raise Refused(wrong)
    return tuple(draft.points)


def _problem(
    source: str, column: str | None, value: str | None, reason: str, remedy: str, language: str
) -> Problem:
    return Problem(source, None, column, value, text(reason, language), text(remedy, language))


def _setting_problem(
    source: str, config: type[ConnectorConfig], error: ErrorDetails, language: str
) -> Problem:
    """Return a setting's problem; what stands in a secret's place is not repeated."""
    name = str(error["loc"][0]) if error["loc"] else ""
    said = error.get("ctx", {}).get("error")
    reason = str(said) if said is not None else _REASONS.get(error["type"], "这一项的值不可用")
    declared = config.model_fields.get(name)
    about = declared.description if declared is not None and declared.description else ""
    value = (
        None if is_secret(config, name) or error["type"] == "missing" else str(error.get("input"))
    )
    remedy = about or "请对照手册填写"
    return _problem(source, name, value, reason, remedy, language)


def save(
    engine: Engine, draft: Draft, author: str, *, new: bool = False
) -> tuple[int, tuple[str, ...]]:
    """Keep an interface as a new version; return its number and remarks.

    Where it is to be ``new``, another one of its name is not changed but told.

    Raises
    ------
    Refused
        Something is wrong; the version before stays.
    """
    with engine.store.read() as cursor:
        wanted = checked(draft, tuple(documents(cursor)), engine.language)
        _keep_off(wanted, engine, draft.source or draft.interface_id)
        remarks = _unknown_meters(cursor, wanted, engine.language)
    if wanted.interface_id in engine.state.interfaces.removed():
        raise Refused((_problem(wanted.interface_id, "id", wanted.interface_id,
                                "这个编号的接口已移除，它的历史仍用这个编号", "请换一个编号",
                                engine.language),))  # fmt: skip
    before = engine.state.interfaces.current().get(wanted.interface_id)
    if new and before is not None:
        raise Refused((_problem(wanted.interface_id, "id", wanted.interface_id,
                                "已有这个编号的接口", "请换一个编号，或修改那个接口",
                                engine.language),))  # fmt: skip
    if before is not None:
        wanted = replace(wanted, enabled=before.wanted.enabled)
    return engine.state.interfaces.save(wanted, author, now()), remarks


def _keep_off(wanted: WantedInterface, engine: Engine, name: str) -> None:
    """Refuse a path among our own data or keys: a folder's files are read and moved away."""
    cfg = connectors.connector(wanted.kind).Config.model_validate(dict(wanted.settings))
    own = load()
    ours = (engine.home.resolve(), own.home, own.keys, own.audit_anchor.parent)
    wrong = [
        _problem(name, setting, str(value), "这是系统自己的目录", "请另选一个文件夹",
                 engine.language)
        for setting, value in cfg
        if isinstance(value, Path) and any(value.resolve().is_relative_to(one) for one in ours)
    ]  # fmt: skip
    if wrong:
        raise Refused(tuple(wrong))


def _unknown_meters(cursor: Cursor, wanted: WantedInterface, language: str) -> tuple[str, ...]:
    rows = cursor.execute("SELECT meter_id FROM meter_number WHERE site = ?", [wanted.site])
    known = {meter for (meter,) in rows.fetchall()}
    key = "站点 {site} 还没有表号 {meter}：它的读数先隔离，导入表计台账后可重新入库"
    return tuple(
        text(key, language, site=wanted.site, meter=point.meter_id)
        for point in wanted.points
        if point.meter_id and point.kind.metered and point.meter_id not in known
    )


def listed(engine: Engine, at: datetime) -> list[InterfaceRow]:
    """Return every interface with its newest version, its health and what waits."""
    health = engine.links.health()
    rows = []
    for name, version in engine.state.interfaces.current().items():
        found, said = health.get(name, (None, at))
        if found is None or (at - said).total_seconds() > STALE_S or not version.wanted.enabled:
            found = None
        counts = engine.pushes.counts(name)
        rows.append(
            InterfaceRow(version, found, counts["waiting"], counts["held"],
                         len(engine.pushes.missing(name)))
        )  # fmt: skip
    return rows


def state_of(row: InterfaceRow) -> LinkState:
    """Return what an interface is doing, whoever says so."""
    if not row.version.wanted.enabled:
        return LinkState.OFF
    return row.health.state if row.health is not None else LinkState.WAITING


def last_values(engine: Engine, interface: str) -> list[LastValue]:
    """Return the newest value of each point."""
    return engine.links.last_values(interface)


def events(engine: Engine, interface: str | None = None, *, lasting: bool = False) -> list[Event]:
    """Return what happened, newest first."""
    return engine.links.events(interface, lasting=lasting)


def switch(engine: Engine, interface: str, author: str, *, on: bool) -> int:
    """Let the collector run an interface, or not; return the version that says so."""
    return engine.state.interfaces.switch(interface, author, now(), on=on)


def remove(engine: Engine, interface: str, author: str) -> int:
    """Take an interface away for good; what it brought, its versions and its name stay."""
    return engine.state.interfaces.remove(interface, author, now())


def resend(engine: Engine, interface: str, at: datetime) -> int:
    """Judge what is held back again, by the point table and ledger as they are now.

    Returns
    -------
    int
        How many readings go through the rules once more.

    Raises
    ------
    NoSuchInterface
        There is none of that name.
    """
    version = engine.state.interfaces.find(interface)
    engine.state.audit.record(Entry("interface.resend", interface))
    for code in ("future", "late", "unknown", "unit"):
        for event in engine.links.events(interface, lasting=True):
            if event.code == code:
                engine.links.ended(code, at, interface=interface, point=event.point)
    return engine.pushes.release(interface, version.version, at)


def probe(engine: Engine, interface: str, points: Sequence[str] = ()) -> ProbeReport:
    """Read every point of an interface once, or some of them: raw bytes and all byte orders.

    What it gave is kept for the integration document.

    Raises
    ------
    NoSuchInterface
        There is none of that name.
    ValidationError, UnknownConnector
        Its settings cannot be used any more.
    """
    found = engine.state.interfaces.find(interface)
    report = probe_wanted(found.wanted, points)
    engine.state.interface_tests.add(interface, found.version, report, acting().actor, now())
    return report


def probe_wanted(wanted: WantedInterface, points: Sequence[str] = ()) -> ProbeReport:
    """Read the points of an interface that need not be saved."""
    kind = connectors.connector(wanted.kind)
    cfg = kind.Config.model_validate(dict(wanted.settings))
    chosen = [p for p in wanted.points if not points or p.point_id in points]
    return asyncio.run(kind(cfg, chosen).probe())


def look(
    engine: Engine, at: datetime, *, collector_runs: bool, stalled_since: datetime | None = None
) -> None:
    """Begin and end the events that are nobody's in particular: disk, fullness, gaps, collector.

    ``stalled_since`` says since when nothing has been loaded although something waits.
    """
    usage = shutil.disk_usage(engine.home)
    free = usage.free * 100 / usage.total
    _told(engine, "disk", at, f"{free:.1f} %", so=free < DISK_SHARE)
    pressure = engine.pushes.pressure()
    _told(engine, "pressure", at, str(pressure.waiting), so=pressure.busy)
    since = "" if stalled_since is None else f"> {stalled_since:%Y-%m-%d %H:%M:%S} UTC"
    _told(engine, "stall", at, since, so=stalled_since is not None)
    current = engine.state.interfaces.brief()
    wanted = any(one.enabled for one in current.values())
    _told(engine, "collector", at, "", so=wanted and not collector_runs)
    for name in current:
        missing = engine.pushes.missing(name)
        shown = ", ".join(map(str, missing[:20]))
        _told(engine, "gap", at, f"{len(missing)}: {shown}", so=bool(missing), interface=name)
    _look_at_pushes(engine, at)


def _look_at_pushes(engine: Engine, at: datetime) -> None:
    """Tell of programs that pushed and have stopped, unless nobody may push any more."""
    for site, able in pushing(engine.arrivals, engine.state.api_keys.all(), at).items():
        found = pause(engine.arrivals, site, at)
        if found is None and able:
            continue
        hushed = able and found is not None and found.too_long
        said = found.since.isoformat(timespec="seconds") if found is not None else ""
        _told(engine, "hushed", at, said, so=hushed, interface=OWN + site)


def _told(
    engine: Engine, code: str, at: datetime, detail: str, *, so: bool, interface: str = ""
) -> None:
    if so:
        engine.links.raised(code, at, detail, interface=interface)
    else:
        engine.links.ended(code, at, interface=interface)


__all__ = [
    "Draft", "InterfaceRow", "NoSuchInterface", "checked", "events", "last_values",
    "listed", "look", "probe", "probe_wanted", "read_draft", "remove", "resend", "save",
    "state_of", "switch",
]  # fmt: skip
