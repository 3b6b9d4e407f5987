"""补录: the forms as somebody sees them, and what comes of one that is sent."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from dash import ClientsideFunction, Dash, Input, Output, no_update

from callbacks._intake_review import kind_words, sites_of
from callbacks._request import language
from callbacks._scope import scope
from callbacks.closing import Answer, Busy, Desk, Who, forbidden, may, when, who, writes, zone_of
from data.batches import batches
from data.engine import DiskFull
from data.ingest.columns import Column
from data.ingest.kinds import KINDS, MATERIALS
from data.ingest.problems import Refused
from data.intake import FORM
from data.intake_forms import (
    FORMS,
    IDS,
    OUTPUT,
    Entered,
    Filled,
    MeterChoice,
    entered,
    meter_choices,
    next_id,
)
from data.state import FAILURE, Entry
from data.store import StoreError
from figures import intake_forms as figures
from figures.closing import said_strip
from figures.factors import strip
from figures.html import Content
from figures.intake_forms import Field
from figures.number import exact, written
from pages import data as page
from pages._plain import part
from security.policy import IMPORT
from translations import text

LOG = logging.getLogger("carbon.pages")
TAB = "forms"
LEFT_OUT = {
    "readings": ("quality",), "production": ("site",), "fuel": ("site",), "trips": ("site",),
}  # fmt: skip
RECENT = 6
UNITS = {
    "mass_in_t": "t", "residue_t": "t", "length_km": "km", "litres": "L", "tonnes": "t", "km": "km",
    "units": "台",
}  # fmt: skip
KEPT = ("date", "timestamp")  # what stays in the form for the next entry


def bind(app: Dash, desk: Desk) -> None:
    """Register the tab's callbacks."""
    key = page.KEY

    @app.callback(
        output={name: Output(part(key, f"forms-{name}"), "children")
                for name in ("pick", "body", "recent")}
        | {"state": Output(part(key, "forms-card"), "data-state")},
        inputs={"search": Input("url", "search")},
    )  # fmt: skip
    def refresh(search: object) -> Answer:
        chosen = page.choice(search)
        if chosen.tab != TAB:  # nobody waits for what is not seen
            return dict.fromkeys(("pick", "body", "recent"), no_update) | {"state": "empty"}
        return contents(desk, chosen, who(), language(desk.language))

    @app.callback(
        output={
            "said": Output(part(key, "act-forms-said"), "children"),
            "done": Output(part(key, "act-forms-done"), "data"),
            "recent": Output(part(key, "forms-recent"), "children", allow_duplicate=True),
        },
        inputs={"sent": Input(part(key, "forms-do"), "data")},
        prevent_initial_call=True,
    )
    def send(sent: object) -> Answer:
        return taken(desk, sent if isinstance(sent, Mapping) else {}, who(),
                     language(desk.language))  # fmt: skip

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("intake", "answered"),
        Output(part(key, "forms-shown"), "data"),
        Input(part(key, "act-forms-done"), "data"),
        prevent_initial_call=True,
    )


def _site(desk: Desk, asked: str) -> str:
    sites = sites_of(desk)
    return asked if asked in sites else sites[0] if sites else ""


# ---- what is shown ----


def contents(desk: Desk, chosen: page.Choice, asks: Who, words: str) -> Answer:
    """Return everything that the tab shows."""
    asked = chosen.get("form")
    form = asked if asked in FORMS else next(iter(FORMS))
    site = _site(desk, chosen.get("for"))
    names = desk.reader.every_site()
    sites = [(names[one].name(words), chosen.href(**{"for": one}), one == site)
             for one in sites_of(desk)]  # fmt: skip
    empty = {"pick": None, "recent": None, "state": "empty"}
    if not may(desk.reader, asks, page.PAGE.path, IMPORT):
        return empty | {"body": strip("info", "lock", text("您的角色不能导入数据", words))}
    if not site:
        return empty | {
            "body": strip("info", "info", text("还没有站点：先导入站点文件，或建立演示厂", words))
        }
    fields, parts = fields_of(desk, form, site, words)
    return {
        "pick": figures.pick(form, sites, chosen.href, words),
        "body": figures.form(form, fields, parts, site, words),
        "recent": _recent(desk, words), "state": "ready",
    }  # fmt: skip


def fields_of(desk: Desk, form: str, site: str, words: str) -> tuple[list[Field], list[Field]]:
    """Return a form's fields, and those of a batch's products."""
    engine = desk.reader.engine
    zone = ZoneInfo(desk.reader.documents()[site].timezone)
    now = datetime.now(UTC).astimezone(zone).replace(second=0, microsecond=0, tzinfo=None)
    quarter = now.replace(minute=now.minute // 15 * 15)
    firsts = {"date": f"{now:%Y-%m-%d}", "timestamp": f"{quarter:%Y-%m-%d %H:%M}"}
    if form in IDS:
        firsts[IDS[form]] = next_id(engine, form, site, now.date())
    kind = KINDS[FORMS[form][0]]
    meters = meter_choices(engine, site) if form == "readings" else []
    fields = [
        _field(column, firsts.get(column.name, ""), meters, words)
        for column in kind.columns
        if column.name not in LEFT_OUT[form]
    ]
    if form == "trips":
        fields = [_vehicles(desk, one, words) if one.name == "vehicle_class" else one
                  for one in fields]  # fmt: skip
    parts = [
        Field(OUTPUT + name, zh if words == "zh" else english(name), "t", number=True, once=True)
        for name, zh in MATERIALS.items()
    ] if form == "production" else []  # fmt: skip
    return fields, parts


NAMED_BY_UNIT = {"km": "distance", "tonnes": "mass", "litres": "volume", "units": "pieces"}


def english(name: str) -> str:
    """Return a column or a material of the contract in English words; its unit stands beside."""
    words = NAMED_BY_UNIT.get(name) or re.sub(r"_(id|t|km)$", "", name).replace("_", " ")
    return re.sub(r"\b(pvc|pe|xlpe)$", lambda found: found[0].upper(), words)


def _field(column: Column, first: str, meters: Sequence[MeterChoice], words: str) -> Field:
    zh = words == "zh"
    title = column.zh if zh else english(column.name)
    options: list[tuple[str, str]] = []
    if column.name == "meter_id":
        options = [(one.meter_id, _meter(one, words)) for one in meters]
    elif column.choices:
        options = [(name, label if zh else english(name)) for name, label in column.choices.items()]
        if not column.required:
            options.insert(0, ("", text("（不填）", words)))
    elif column.type == "flag":
        options = [("0", text("否", words)), ("1", text("是", words))]
    hints = {"timestamp": "例如 2026-07-20 08:15", "date": "例如 2026-07-20"}
    return Field(
        column.name, title, text(UNITS[column.name], words) if column.name in UNITS else "",
        options, first, number=column.type == "number", required=column.required,
        once=not options and column.name not in KEPT,
        hint=text(hints[column.type], words) if column.type in hints else "",
    )  # fmt: skip


def _meter(one: MeterChoice, words: str) -> str:
    head = f"{one.meter_id} {one.name}".strip()
    if one.last is None or one.last_at is None:
        return f"{head}  {one.unit}"
    at, value = f"{one.last_at:%m-%d %H:%M}", written(exact(one.last), 2)
    key = "{meter}，上次 {value} {unit}（{at}）"
    return text(key, words, meter=head, value=value, unit=one.unit, at=at)


def _vehicles(desk: Desk, one: Field, words: str) -> Field:
    names = sorted(name for name, row in desk.reader.engine.library.rows.items()
                   if row.category == "transport")  # fmt: skip
    options = [("", text("（按区段取默认值）", words)), *((name, name) for name in names)]
    return Field(one.name, one.title, options=options)


def _recent(desk: Desk, words: str) -> Content:
    rows = [one for one in batches(desk.reader.engine, scope()) if one.way == FORM][:RECENT]
    zone = zone_of(desk.reader)
    return figures.recent(
        [(str(one.batch), kind_words(one.kind, words)
          + (f"（{text('已撤回', words)}）" if one.revoked_at else ""), one.actor,
          when(one.at, zone), _address(one.batch)) for one in rows],
        words,
    )  # fmt: skip


def _address(batch: int) -> str:
    return page.Choice("import").href(batch=batch) + "#batch-card"


# ---- what is done ----


def taken(desk: Desk, sent: Mapping[str, Any], asks: Who, words: str) -> Answer:
    """Take a form in; what is wrong is said beside its field."""
    if not may(desk.reader, asks, page.PAGE.path, IMPORT):
        forbidden()
    form, given = str(sent.get("form", "")), sent.get("values")
    site = str(sent.get("site", ""))
    if form not in FORMS or site not in sites_of(desk) or not isinstance(given, Mapping):
        return _not_taken(desk, form[:20], text("没有这张表单", words))
    values = {str(n)[:40]: str(v)[:80] for n, v in list(given.items())[:40]}
    filled = Filled(form, site, asks.name, values, values.get("note", "").strip())
    engine = desk.reader.engine
    told = f"{site}; {filled.note}"
    try:
        with writes(desk), engine.state.audit.during("data.import", f"form {form}", told) as end:
            found = entered(engine, filled, words)
            if not found.receipts:
                end.outcome = FAILURE
                end.description = "; ".join(sorted({**found.errors, **found.doubts}))
            else:
                numbers = ", ".join(str(one.batch) for one in found.receipts)
                end.description = f"{told}; batch {numbers}"
    except Busy:
        return _failed(text("另一项写入还没有完成，请稍后再试", words))
    except Refused as refused:
        return _failed(refused.problems[0].line(words))
    except (DiskFull, StoreError) as error:
        return _failed(str(error))
    return _answer(desk, filled, found, words)


def _answer(desk: Desk, filled: Filled, found: Entered, words: str) -> Answer:
    if not found.receipts:
        told = {"errors": dict(found.errors), "doubts": dict(found.doubts), "ok": False}
        return {"said": figures.said(found.errors, found.doubts, words), "done": told,
                "recent": _recent(desk, words)}  # fmt: skip
    again = all(one.seen_at for one in found.receipts)
    links = [(one.batch, _address(one.batch)) for one in found.receipts if not one.seen_at]
    following = {}
    if filled.form in IDS:
        zone = ZoneInfo(desk.reader.documents()[filled.site].timezone)
        today = datetime.now(UTC).astimezone(zone).date()
        following = {IDS[filled.form]: next_id(desk.reader.engine, filled.form, filled.site, today)}
    LOG.info("form %s taken in by %s", filled.form, filled.actor)
    done = {"errors": {}, "doubts": {}, "ok": True, "next": following,
            "at": datetime.now(UTC).isoformat()}  # fmt: skip
    return {"said": figures.done(links, again, words), "done": done,
            "recent": _recent(desk, words)}  # fmt: skip


def _failed(words: str) -> Answer:
    done = {"errors": {}, "doubts": {}, "ok": False}
    return {"said": said_strip("danger", words), "done": done, "recent": None}


def _not_taken(desk: Desk, what: str, words: str) -> Answer:
    desk.reader.engine.state.audit.record(Entry("data.import", f"form {what}", words, FAILURE))
    return _failed(words)
