"""Notes on months and targets of indicators: the dialog of the pages, and what it changes."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update

from accounting.ledger import indicators
from callbacks import sales
from callbacks._reader import PageReader
from callbacks._request import language
from callbacks._sale_acts import ACTS
from callbacks._scope import denied, in_scope
from callbacks.closing import (
    Answer,
    Busy,
    Desk,
    Said,
    Who,
    announced,
    failed,
    forbidden,
    may,
    not_done,
    said_answer,
    when,
    who,
    writes,
)
from data import notes, targets
from data.engine import DiskFull
from data.ingest.problems import Refused
from data.notes import NotNotable
from data.state import NewNote
from data.store import StoreError
from data.targets import Aim, NotSettable
from figures.cells import Cell, Key
from figures.closing import named
from figures.html import Content
from figures.number import Units, kpi_decimals, shown_value, written
from figures.view import View
from pages import _edit
from pages._edit import Written
from pages._filters import parse
from pages._panel import Page
from pages._plain import part
from pages.market import KEY as MARKET
from security.policy import NOTE
from security.roles import role_name
from translations import text

LOG = logging.getLogger("carbon.pages")
MOST_SHOWN = 12
LONGEST_FIELD = 400


def bind_edits(app: Dash, page: Page, desk: Desk) -> None:
    """Register the dialog of a page: it is filled when it opens, and sends what was filled in."""
    key = page.key

    @app.callback(
        output={
            "title": Output(part(key, "edit-title"), "children"),
            "form": Output(part(key, "edit-form"), "children"),
        },
        inputs={"ask": Input(part(key, "edit-ask"), "data")},
        state={"search": State("url", "search")},
        prevent_initial_call=True,
    )
    def ask(ask: object, search: str | None) -> Answer:
        title, form = filled(desk, page, ask, search, who())
        return {"title": title, "form": form}

    @app.callback(
        output={
            "said": Output(part(key, "act-edit-said"), "children"),
            "done": Output(part(key, "act-edit-done"), "data"),
        },
        inputs={"sent": Input(part(key, "edit"), "data")},
        prevent_initial_call=True,
    )
    def act(sent: object) -> Answer:
        if not isinstance(sent, Mapping):
            return {"said": None, "done": no_update}
        return said_answer(edited(desk, page, who(), sent, language(desk.language)))

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("edits", "done"),
        Output(part(key, "edit-closed"), "data"),
        Input(part(key, "act-edit-done"), "data"),
        Input(part(key, "act-edit-said"), "children"),
        prevent_initial_call=True,
    )


# ---- the form ----


def filled(
    desk: Desk, page: Page, ask: object, search: str | None, asks: Who
) -> tuple[Content, Content]:
    """Return the title and the form of what is asked for; the reason where it cannot be."""
    chosen, reader = language(desk.language), desk.reader
    known = reader.known()
    if not isinstance(ask, Mapping) or known is None:
        return None, None
    kind = str(ask.get("kind", ""))
    action = sales.FORMS[kind].action if page.key == MARKET and kind in sales.FORMS else NOTE
    if not may(desk.reader, asks, page.path, action):
        role = role_name(asks.role, chosen) if asks.role else "--"
        key = "{role}不能写备注或设目标" if action == NOTE else "{role}不能这样做"
        return text("没有权限", chosen), text(key, chosen, role=role)
    view = reader.view(page.key, parse(search, known), chosen)
    if view is None:
        return None, None
    if action != NOTE:
        return sales.FORMS[kind].made(view, str(ask.get("of", ""))[:LONGEST_FIELD], _new_key())
    if kind == "target":
        return _target_form(reader, view, str(ask.get("of", "")))
    return _note_form(reader, page, view, ask)


def _note_form(
    reader: PageReader, page: Page, view: View, ask: Mapping[str, Any]
) -> tuple[Content, Content]:
    panel = next((one for one in page.panels if one.key == ask.get("panel")), page.panels[0])
    months = [month for span in view.periods for month in span.months]
    month = str(ask.get("month", ""))
    month = month if month in months else months[-1]
    there = _there(reader, view, months)
    there.sort(key=lambda one: one.month == month, reverse=True)
    name = (panel.key, view.t(panel.title))
    form = _edit.note_form(view, name, month, _new_key(), there[:MOST_SHOWN])
    return view.t("月份备注"), form


def _there(reader: PageReader, view: View, months: Sequence[str]) -> list[Written]:
    """Return the notes and shutdowns of the months of a page, the newest month first."""
    zone = view.sites[0].zone
    kept = reader.engine.state.notes.of([site.site for site in view.sites])
    found = [
        Written(one.note, one.month, one.text, f"{one.author} {when(one.at, zone)}")
        for one in kept if one.month in months
    ]  # fmt: skip
    found += [
        Written(0, one.month, one.words, view.t("来自日历"), own=False)
        for one in view.remarks if one.note == 0 and one.month in months
    ]  # fmt: skip
    return sorted(found, key=lambda one: one.month, reverse=True)


def _target_form(reader: PageReader, view: View, of: str) -> tuple[Content, Content]:
    if len(view.sites) > 1:
        return view.t("设目标"), view.t("目标属于一个站点，请先只选一个站点")
    key = _named(of)
    if key is None:
        return view.t("设目标"), view.t(targets.REASONS["name"])
    unit = indicators()[key[0], key[1]].unit
    measure = view.units.of(unit)
    zone = view.sites[0].zone
    words = dict(_edit.AIMS)
    there = [
        Written(0, one.period, _aim_words(view, words[one.kind], one.value, unit),
                " ".join(filter(None, (one.source, one.actor, when(one.at, zone)))),
                own=False, old=not one.counts)
        for one in targets.history(reader.engine, view.sites[0].site, key)
    ]  # fmt: skip
    form = _edit.target_form(
        view, named(key, view.language), key, measure.word, _new_key(), there[:MOST_SHOWN]
    )
    return view.t("设目标"), form


def _aim_words(view: View, kind: str, value: float, unit: str) -> str:
    shown = shown_value(Cell(value, unit), view.units.of(unit))
    number = written(shown, kpi_decimals(shown))
    return f"{view.t(kind)} {number} {view.units.of(unit).word}"


def _named(of: str) -> Key | None:
    """Return the ledger name that a card says; None for one that is none."""
    found = tuple(of.split("|"))
    if len(found) != 3:
        return None
    known = indicators().get((found[0], found[1]))
    return (found[0], found[1], found[2]) if known and found[2] in known.entities else None


def _new_key() -> str:
    return secrets.token_hex(16)


# ---- what is changed ----


def edited(desk: Desk, page: Page, asks: Who, sent: Mapping[str, Any], chosen: str) -> Said:
    """Do what the dialog sends; a refusal says why in words and is recorded."""
    doing = _field(sent, "do")
    if page.key == MARKET and doing in ACTS:
        return sales.done(desk, asks, sent, chosen)
    if not may(desk.reader, asks, page.path, NOTE):
        forbidden()
    maker = _DOING.get(doing)
    if maker is None or len(_field(sent, "key")) < 8:
        return failed(text("未能完成，请重试", chosen))
    event, act = maker
    if not _of_own_site(desk, sent):
        denied(f"{page.key} {event}")
        return failed(text("没有此站点的查看权限，请联系管理员", chosen))
    what = f"{_field(sent, 'site')} {_field(sent, 'month') or _field(sent, 'of')}".strip()
    try:
        facts = act(desk, page, asks, sent)
    except NotNotable as error:
        return not_done(desk, event, what, failed(text(notes.REASONS[error.reason], chosen)))
    except NotSettable as error:
        return not_done(desk, event, what, failed(text(targets.REASONS[error.reason], chosen)))
    except Refused as error:
        words = "; ".join(problem.line(chosen) for problem in error.problems)
        return not_done(desk, event, what, failed(words))
    except Busy:
        busy = failed(text("另一项写入还没有结束，请稍后再试", chosen))
        return not_done(desk, event, what, busy)
    except (StoreError, DiskFull) as error:
        LOG.exception("%s %s", event, what)
        key = "数据库拒绝了这次操作，没有写入任何数据：{reason}"
        return not_done(desk, event, what, failed(text(key, chosen, reason=error)))
    words = text(_WORDS[doing], chosen)
    return Said(True, words, {"do": doing, "words": words, "undo": text("撤销", chosen), **facts})


def _of_own_site(desk: Desk, sent: Mapping[str, Any]) -> bool:
    """Tell whether what is changed is of a site that who asks may see."""
    note = desk.reader.engine.state.notes.find(_number(sent))
    return in_scope(_field(sent, "site")) and (note is None or in_scope(note.site))


def _field(sent: Mapping[str, Any], name: str) -> str:
    """Return what was sent under a name, as text of at most some length."""
    value = sent.get(name)
    return value[: LONGEST_FIELD + 1] if isinstance(value, str) else ""


def _number(sent: Mapping[str, Any]) -> int:
    words = _field(sent, "note")
    return int(words) if words.isascii() and words.isdecimal() and len(words) < 10 else 0


def _add(desk: Desk, page: Page, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    scope = _field(sent, "scope")
    panel = _field(sent, "panel")
    if scope == "panel" and panel not in {one.key for one in page.panels}:
        scope = "page"
    new = NewNote(
        _field(sent, "site"), _field(sent, "month"), _field(sent, "text"),
        page.key if scope in ("page", "panel") else "", panel if scope == "panel" else "",
    )  # fmt: skip
    return {"note": notes.add(desk.reader.engine, new, asks.name, _field(sent, "key"))}


def _change(desk: Desk, _page: Page, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    note = _number(sent)
    notes.change(desk.reader.engine, note, _field(sent, "text"), asks.name, _field(sent, "key"))
    return {"note": note}


def _remove(desk: Desk, _page: Page, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    note = _number(sent)
    notes.remove(desk.reader.engine, note, asks.name, _field(sent, "key"))
    return {"note": note}


def _restore(desk: Desk, _page: Page, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    note = _number(sent)
    notes.restore(desk.reader.engine, note, asks.name, _field(sent, "key"))
    return {"note": note}


def _set(desk: Desk, _page: Page, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    key = _named(_field(sent, "of"))
    if key is None:
        raise NotSettable("name")
    units = Units(_field(sent, "mass") or "t", _field(sent, "energy") or "MWh")
    scale = units.of(indicators()[key[0], key[1]].unit).scale
    source = " ".join(_field(sent, "source").split())
    aim = Aim(_field(sent, "site"), *key, _field(sent, "aim"), _field(sent, "period"),
              Decimal(0), source)  # fmt: skip
    aim = replace(aim, value=targets.number(_field(sent, "value")) / scale)
    what = f"{aim.site} {'/'.join(key)} {aim.kind} {aim.period} = {aim.value.normalize():f}"
    with writes(desk), announced(desk, "target.set", what):
        receipt = targets.set_aim(desk.reader.engine, aim, asks.name, _field(sent, "key"))
    return {"batch": receipt.batch}


_DOING: Mapping[str, tuple[str, Callable[..., dict[str, Any]]]] = {
    "note-add": ("note.add", _add), "note-change": ("note.change", _change),
    "note-remove": ("note.remove", _remove), "note-restore": ("note.change", _restore),
    "target-set": ("target.set", _set),
}  # fmt: skip
_WORDS = {
    "note-add": "备注已保存", "note-change": "备注已修改", "note-remove": "备注已删除",
    "note-restore": "备注已恢复", "target-set": "目标已设定",
}  # fmt: skip
