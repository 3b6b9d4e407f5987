"""台账: entries of a register as the tab shows them, and the form of one."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, date

from accounting.meter_tree import Balance
from callbacks.closing import Desk, open_proposals, when
from data.ingest.columns import Column
from data.ingest.kinds import KINDS
from data.ingest.site_file import SETTINGS
from data.register import MeterEntry, Register, history, register
from data.register_edit import AREA, settings_of
from data.slots import utc_now
from figures import intake_register as figures
from figures.factors import strip
from figures.html import Content, el, link
from figures.intake_register import BalanceRow, Field, Form, MeterRow
from figures.number import MINUS, share_words
from figures.view import SiteInfo, months_of, period_words
from pages._bar import menu, option
from pages.data import Choice
from translations import text

BUILDINGS = {"plant": "厂区", "office": "办公楼"}
FORMS = {"meter": "meters", "device": "devices"}
MONTHS_OFFERED = 36


def month_of(desk: Desk, chosen: Choice) -> str:
    """Return the month that an address asks for; the last that is known else."""
    known = desk.reader.known()
    wanted = chosen.get("month", 7)
    if known is None:
        return f"{utc_now():%Y-%m}"
    return wanted if known.first <= wanted <= known.last else known.last


def tools_of(desk: Desk, site: SiteInfo, chosen: Choice, month: str, words: str) -> Content:
    """Return the choice of the site and of the month whose quantities are shown."""
    sites = desk.reader.sites().values()
    menus: list[Content] = []
    if len(sites) > 1:
        items = [option(chosen.href(site=one.site, edit=""), one.name(words),
                         chosen=one.site == site.site) for one in sites]  # fmt: skip
        menus.append(menu(text("站点", words), site.name(words), items, "filter-month-site"))
    known = desk.reader.known()
    if known is not None:
        months = months_of(known.first, known.last)[-MONTHS_OFFERED:]
        items = [option(chosen.href(month=one), period_words(one, words), chosen=one == month)
                 for one in reversed(months)]  # fmt: skip
        menus.append(menu("", period_words(month, words), items, "filter-alert-month", "calendar"))
    return el("Div", menus, cls="work-tools")


def body_of(
    desk: Desk, site: SiteInfo, month: str, chosen: Choice, *, may: bool, words: str
) -> list[Content]:
    """Return the cards of a site's register."""
    found = register(desk.reader.engine, site.site, month)
    rows = [_meter(entry, words) for entry in found.meters]
    whole = None if found.whole is None else _balance(found.whole, "kWh", whole=True)
    return [
        figures.site_card(_facts(found, words), _areas(found), _waiting(desk, site, words),
                          chosen.href, may=may, language=words),
        figures.meters_card(rows, whole, period_words(month, words), chosen.href, may=may,
                            language=words),
        figures.devices_card([_device(row) for row in found.devices], chosen.href, may=may,
                             language=words),
    ]  # fmt: skip


def _facts(found: Register, words: str) -> list[tuple[str, str]]:
    one = found.document
    name = one.name_zh if words == "zh" or not one.name_en else one.name_en
    return [
        ("编号", one.site_id), ("名称", name), ("省份", one.province), ("时区", one.timezone),
        ("投运日期", _day(one.commissioned_on)), ("基准年", str(one.base_year or "--")),
    ]  # fmt: skip


def _areas(found: Register) -> list[tuple[str, str, str, str]]:
    return [
        (BUILDINGS[area.building], f"{area.m2:,.1f}", _day(area.valid_from),
         "" if area.valid_to is None else _day(area.valid_to))
        for area in found.document.areas
    ]  # fmt: skip


def _waiting(desk: Desk, site: SiteInfo, words: str) -> Content:
    """Return the settings of a site that wait for a second person."""
    open_ = [p for p in open_proposals(desk.reader)
             if p.kind == "setting" and p.subject == site.site]  # fmt: skip
    if not open_:
        return None
    said = text("设置的变化正等待另一账号批准：{names}", words,
                names=", ".join(name for p in open_ for name in p.body["settings"]))  # fmt: skip
    lead = link(f"/closing?proposal={open_[0].proposal}", text("查看申请", words), cls="strip-link")
    return strip("info", "clock", el("Span", said, data_verbatim="1"), lead)


def _day(found: object) -> str:
    return f"{found:%Y-%m-%d}" if isinstance(found, date) else "--"


def amount(value: float | None) -> str:
    """Return a quantity in words: two decimals, thousands parted, -- where not known."""
    return "--" if value is None else f"{value:,.2f}".replace("-", MINUS)


def unit_words(unit: str) -> str:
    """Return a meter's unit as it is printed."""
    return unit.replace("m3", "m³")


def _balance(found: Balance, unit: str, *, whole: bool = False) -> BalanceRow:
    shown = amount(found.difference)
    return BalanceRow(
        amount(found.below), shown if found.difference is None else f"{shown} {unit_words(unit)}",
        found.pct,
        found.why, ", ".join(found.lacking), whole,
    )  # fmt: skip


def _meter(entry: MeterEntry, words: str) -> MeterRow:
    row = entry.values
    titles = {column.name: column.choices for column in KINDS["meters"].columns}
    place = [text(titles[name][str(row[name])], words)
             for name in ("medium", "role", "building", "line", "equipment")
             if row[name]]  # fmt: skip
    joint = "，" if words == "zh" else ", "
    complete = "--"
    if entry.expected_h:
        complete = f"{share_words(100 * (entry.measured_h or 0) / entry.expected_h)}%"
    since, until = row["valid_from"], row["valid_to"]
    valid = "" if since is None and until is None else f"{_day(since)} – {_day(until)}"
    found = None if entry.balance is None else _balance(entry.balance, entry.unit)
    return MeterRow(
        entry.meter_id, str(row["name"] or entry.meter_id), str(row["medium"]), joint.join(place),
        entry.depth, amount(entry.quantity), unit_words(entry.unit), complete,
        bool(entry.estimated_h), valid, found,
    )  # fmt: skip


def _device(row: Mapping[str, object]) -> tuple[str, str, str, str, str]:
    kinds = next(c.choices for c in KINDS["devices"].columns if c.name == "kind")
    until = row["in_service_to"]
    return (str(row["device_id"]), kinds[str(row["kind"])],
            f"{float(str(row['capacity'])):,g} {row['unit']}", _day(row["in_service_from"]),
            "" if until is None else _day(until))  # fmt: skip


# ---- forms ----


def titles_of(what: str) -> dict[str, str]:
    """Return the titles of a form's fields."""
    if what in FORMS:
        return {column.name: column.zh for column in KINDS[FORMS[what]].columns}
    return {"building": "建筑", "m2": "面积（m²）", "valid_from": "启用日期",
            "valid_to": "停用日期", "name": "设置", "value": "取值"}  # fmt: skip


def form_of(desk: Desk, site: SiteInfo, chosen: Choice, words: str) -> Form | None:
    """Return the form that an address asks for; None for none."""
    what, _, ident = chosen.get("edit").partition(":")
    found = register(desk.reader.engine, site.site, month_of(desk, chosen))
    if what in FORMS:
        return _row_form(desk, site, found, (what, ident), words)
    if what == "area" and ident.isdecimal() and int(ident) <= len(found.document.areas):
        return _area_form(found, int(ident), words)
    return _setting_form(found, ident, words) if what == "setting" else None


def _row_form(
    desk: Desk, site: SiteInfo, found: Register, which: tuple[str, str], words: str
) -> Form | None:
    what, ident = which
    key = f"{what}_id"
    rows = [one.values for one in found.meters] if what == "meter" else found.devices
    row = next((one for one in rows if str(one[key]) == ident), None)
    if ident and row is None:
        return None
    columns = [c for c in KINDS[FORMS[what]].columns if c.name != "site"]
    fields = [_field(column, row, fixed=bool(ident) and column.name == key) for column in columns]
    name = {"meter": ("增加计量点", "计量点 {ident}"), "device": ("增加设备", "设备 {ident}")}[what]
    title = text(name[1], words, ident=ident) if ident else text(name[0], words)
    note = (
        text("带 * 的必填；上级表号决定它在树中的位置", words)
        if what == "meter"
        else text("带 * 的必填", words)
    )
    return Form(what, ident, title, note, fields,
                _story(desk, site, FORMS[what], ident, words) if ident else ())  # fmt: skip


def _field(column: Column, row: Mapping[str, object] | None, *, fixed: bool) -> Field:
    value = _written(row[column.name]) if row is not None else ""
    if row is None and column.default is not None:
        value = _written(column.default)
    hint = column.meaning or ("2026-07-01" if column.type == "date" else "")
    return Field(column.name, column.zh, value, tuple(column.choices.items()), column.required,
                 hint, fixed)  # fmt: skip


def _written(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, date):
        return _day(value)
    words = str(value)
    return words.rstrip("0").rstrip(".") if "." in words and words[0].isdigit() else words


def _story(
    desk: Desk, site: SiteInfo, kind: str, ident: str, words: str
) -> Sequence[tuple[str, Sequence[str]]]:
    titles = {column.name: text(column.zh, words) for column in KINDS[kind].columns}
    told = []
    for step in history(desk.reader.engine, kind, site.site, ident):
        head = f"{when(step.at.astimezone(UTC).replace(tzinfo=None), site.zone)}  {step.author}"
        lines = [f"{titles[name]}: {_written(old) or '--'} → {_written(new) or '--'}"
                 for name, old, new in step.changes]  # fmt: skip
        told.append((head, lines or [text("建立", words)]))
    return told


def _area_form(found: Register, place: int, words: str) -> Form:
    areas = found.document.areas
    values = dict.fromkeys(AREA, "")
    if place < len(areas):
        one = areas[place]
        values = {"building": one.building, "m2": f"{one.m2:g}", "valid_from": _day(one.valid_from),
                  "valid_to": "" if one.valid_to is None else _day(one.valid_to)}  # fmt: skip
    titles = titles_of("area")
    fields = [
        Field(name, titles[name], values[name],
              tuple(BUILDINGS.items()) if name == "building" else (), name != "valid_to",
              "2026-07-01" if name.startswith("valid") else "")
        for name in AREA
    ]  # fmt: skip
    note = text("面积变了：给旧的一行填停用日期，再增加一行；不要改写旧值", words)
    title = text("面积 {n}", words, n=place + 1)
    return Form("area", str(place), title, note, fields, ())


def _setting_form(found: Register, name: str, words: str) -> Form:
    settings = {one[0]: one for one in settings_of(found.document)}
    chosen = settings.get(name)
    fields = [
        Field("name", "设置", name, (), True, "headcount_plant"),
        Field("value", "取值", "" if chosen is None or chosen[2] is None else _said(chosen[2]),
              _choices(name), True),
    ]  # fmt: skip
    joint = "：" if words == "zh" else ": "
    lines = [
        (key, [(zh if words == "zh" else SETTINGS[key].en) + joint + _held(value, default, words)])
        for key, zh, value, default in settings.values()
    ]
    note = text("名称见下表；已结算的站点，变化须由另一账号批准", words)
    return Form("setting", "", text("修改设置", words), note, fields, lines)


def _said(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.15g}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _held(value: object, default: object, words: str) -> str:
    """Return a setting's value in force, or what counts where none is given."""
    if value not in (None, ""):
        return _said(value)
    if default in (None, ""):
        return text("未设置", words)
    return text("默认（{value}）", words, value=_said(default))


def _choices(name: str) -> tuple[tuple[str, str], ...]:
    setting = SETTINGS.get(name)
    return tuple((one, one) for one in setting.choices) if setting is not None else ()
