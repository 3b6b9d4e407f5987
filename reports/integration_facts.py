"""What is known of an interface for its document: configuration, point table, what was recorded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from pydantic_core import PydanticUndefined

from data import connectors
from data.connectors.base import ConnectorConfig, InterfaceDoc, is_secret
from data.digest import digest_of
from data.engine import Engine
from data.ingest.kinds import KINDS
from data.ingest.site_file import SiteDocument
from data.link_book import Event, LastValue
from data.points import table_rows
from data.queries import site_documents
from data.standing_links import REST, UPLOAD, Standing, pushed_meters, upload_fields
from data.state import InterfaceTest, InterfaceVersion
from settings import Settings
from translations import text

HIDDEN = "***"
PHYSICAL = frozenset(("host", "port", "baudrate", "baud", "parity", "bytesize", "stopbits",
                      "stop_bits", "serial_port", "folder", "unit_id", "tls", "ca_file",
                      "url"))  # fmt: skip
ZONE = "Asia/Shanghai"
MOST_EVENTS, MOST_IMPORTS, MOST_LOOKED_AT = 20, 20, 200
API_ROWS = 1000
NEVER = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Setting:
    """A setting as a document shows it; whether it says something of cables and addresses."""

    name: str
    value: str
    meaning: str
    physical: bool


@dataclass(frozen=True)
class Came:
    """Something that came over a standing way in: what, when (UTC), and what became of it."""

    name: str
    kind: str
    at: datetime
    new_rows: int
    same_rows: int
    corrections: int


@dataclass(frozen=True)
class Facts:
    """Everything a document of an interface states.

    Parameters
    ----------
    name, kind, title, site, zone, demo
        Which interface, whose.
    doc, filled
        What its connector says of itself, and what stands in the blanks.
    settings
        As they are in force, secrets hidden.
    head, rows, digest
        The point table, and its SM3.
    polls
        Whether it asks by itself; None where people bring what comes.
    history
        Its versions, newest first; empty for what needs no configuration.
    test, last, events, came
        What was recorded of tests and of running.
    """

    name: str
    kind: str
    title: str
    site: str
    zone: str
    demo: bool
    doc: InterfaceDoc
    filled: Mapping[str, str]
    settings: Sequence[Setting]
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    digest: str
    polls: bool | None
    history: Sequence[InterfaceVersion] = ()
    test: InterfaceTest | None = None
    last: Sequence[LastValue] = ()
    events: Sequence[Event] = ()
    came: Sequence[Came] = field(default=())

    @property
    def as_of(self) -> datetime:
        """The time of the newest of what is stated, UTC."""
        times = [one.at for one in self.history] + [one.at for one in self.came]
        times += [self.test.at] if self.test else []
        found = [at.replace(tzinfo=UTC) for at in times]
        found += [value.received_at for value in self.last]
        return max((*found, *(event.seen for event in self.events)), default=NEVER)

    def local(self, at: datetime) -> str:
        """Return a time as people at the site read it; UTC where it has no zone."""
        known = at if at.tzinfo else at.replace(tzinfo=UTC)
        return f"{known.astimezone(ZoneInfo(self.zone)):%Y-%m-%d %H:%M:%S}"


def configured(engine: Engine, interface: str, language: str) -> Facts:
    """Return what is known of a configured interface.

    Raises
    ------
    NoSuchInterface, UnknownConnector
        There is none of that name, or its connector is not installed.
    """
    version = engine.state.interfaces.find(interface)
    wanted = version.wanted
    kind = connectors.connector(wanted.kind)
    settings = _settings(kind.Config, wanted.settings)
    site = site_documents(engine).get(wanted.site)
    head, *rows = table_rows(wanted.points, language)
    return Facts(
        interface, wanted.kind, wanted.title or interface, _site(site, wanted.site, language),
        site.timezone if site else ZONE, bool(site and site.demo), kind.DOC,
        {one.name: one.value for one in settings}, settings, head, rows, version.points_sm3,
        kind.polls, engine.state.interfaces.history(interface),
        engine.state.interface_tests.last(interface), engine.links.last_values(interface),
        engine.links.events(interface)[:MOST_EVENTS],
    )  # fmt: skip


def _settings(config: type[ConnectorConfig], given: Mapping[str, Any]) -> list[Setting]:
    """Return every setting as it is in force; what a secret is, nobody asks here."""
    found: list[Setting] = []
    for name, declared in config.model_fields.items():
        default = declared.get_default(call_default_factory=True)
        value = given.get(name, "" if default is PydanticUndefined else default)
        shown = HIDDEN if value is not None and is_secret(config, name) else _shown(value)
        found.append(Setting(name, shown, declared.description or "", name in PHYSICAL))
    return found


def _shown(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        return ", ".join(f"{name} = {one}" for name, one in value.items())
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def _site(site: SiteDocument | None, name: str, language: str) -> str:
    if site is None:
        return name
    words = site.name_zh if language == "zh" or not site.name_en else site.name_en
    return f"{words}（{name}）" if language == "zh" else f"{words} ({name})"


def standing(
    engine: Engine, which: Standing, settings: Settings, language: str,
    sites: tuple[str, ...] | None = None,
) -> Facts:  # fmt: skip
    """Return what is known of a way in that is always there, of some sites or of all (None)."""
    known = {
        site: found for site, found in site_documents(engine).items()
        if sites is None or site in sites
    }  # fmt: skip
    names = ", ".join(_site(found, site, language) for site, found in known.items())
    demo = bool(known) and all(found.demo for found in known.values())
    zone = next((found.timezone for found in known.values()), ZONE)
    build = _rest if which is REST else _upload
    return build(engine, settings, _Place(names or "--", zone, demo, sites), language)


@dataclass(frozen=True)
class _Place:
    """Whose data a standing way in brings."""

    names: str
    zone: str
    demo: bool
    sites: tuple[str, ...] | None


def _rest(engine: Engine, settings: Settings, place: _Place, language: str) -> Facts:
    columns = ("meter_id", "site", "name", "medium", "role", "unit", "reading_kind", "step_min")
    titles = {column.name: column.zh for column in KINDS["meters"].columns}
    head = [titles[name] if language == "zh" else name for name in columns]
    meters = pushed_meters(engine, place.sites)
    rows = [["" if m[name] is None else str(m[name]) for name in columns] for m in meters]
    named = {c.name: c.choices for c in KINDS["meters"].columns if c.name != "unit"} | {"unit": {}}
    read = [[_read(named[name], m[name], language) for name in columns] for m in meters]
    filled = {"bind": settings.bind, "port": str(settings.port), "rows": str(API_ROWS),
              "rate": str(settings.api_rate_per_s)}  # fmt: skip
    ours = [f"rest:{site}" for site in dict.fromkeys(str(m["site"]) for m in meters)]
    events = [event for name in ours for event in engine.links.events(name)]
    last = [value for name in ours for value in engine.links.last_values(name)]
    shown = [Setting("CARBON_BIND", filled["bind"], "网页服务监听的地址", physical=True),
             Setting("CARBON_PORT", filled["port"], "网页服务监听的端口", physical=True),
             Setting("CARBON_API_RATE_PER_S", filled["rate"],
                     "每个接口密钥每秒的请求数；可突发两秒的量", physical=False)]  # fmt: skip
    return Facts(
        REST.name, "rest", REST.title, place.names, place.zone, place.demo, REST.doc, filled,
        shown, head, read, digest_of(rows), polls=False, last=last,
        events=sorted(events, key=lambda e: e.began, reverse=True)[:MOST_EVENTS],
    )  # fmt: skip


def _read(choices: Mapping[str, str], value: object, language: str) -> str:
    """Return a cell of the register as people read it."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:g} min"
    return text(choices[str(value)], language) if str(value) in choices else str(value)


def _upload(engine: Engine, _settings: Settings, place: _Place, language: str) -> Facts:
    zh = language == "zh"
    head = (
        ["文件种类", "列名", "英文列名", "必填"]
        if zh
        else ["kind", "column", "chinese", "required"]
    )
    rows = [
        [kind_zh, column_zh, column, "是" if required else ""] if zh
        else [kind, column, column_zh, "yes" if required else ""]
        for kind, kind_zh, column, column_zh, required in upload_fields()
    ]  # fmt: skip
    return Facts(
        UPLOAD.name, "upload", UPLOAD.title, place.names, place.zone, place.demo, UPLOAD.doc,
        {"kinds": str(len(KINDS))}, [], head, rows, digest_of(rows), polls=None,
        came=_imports(engine, place.sites),
    )  # fmt: skip


def _imports(engine: Engine, sites: tuple[str, ...] | None) -> list[Came]:
    """Return the newest imports of files; what came by itself has no file in the spool."""
    with engine.store.read() as cursor:
        rows = cursor.execute(
            "SELECT batch, source, kind, received_at, new_rows, same_rows, corrections FROM batch "
            "WHERE $all OR list_contains($sites, site) ORDER BY batch DESC LIMIT $most",
            {"all": sites is None, "sites": list(sites or ()), "most": MOST_LOOKED_AT},
        ).fetchall()
    found: list[Came] = []
    for batch, source, kind, at, *counts in rows:
        kept = engine.spool.find(batch)
        if kept is not None and kept.path and len(found) < MOST_IMPORTS:
            found.append(Came(source, kind, at, *counts))
    return found
