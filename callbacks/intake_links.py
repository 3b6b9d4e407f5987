"""接口: what the tab shows of interfaces, and what is done about one."""

from __future__ import annotations

import base64
import binascii
import logging
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from dash import Dash, Input, Output, State, no_update
from pydantic import ValidationError

from callbacks._request import language
from callbacks._scope import in_scope
from callbacks.closing import (
    Answer,
    Busy,
    Desk,
    Said,
    _pressed,
    failed,
    forbidden,
    may,
    missing,
    not_done,
    said_answer,
    who,
    writes,
)
from callbacks.intake_keys import keys_shown
from callbacks.intake_link_rows import detail_of, gone_of, rows_of
from data import interfaces
from data.connectors import UnknownConnector
from data.ingest.problems import Problem, Refused
from data.interfaces import Draft
from data.slots import utc_now
from data.state import InterfaceVersion, NoSuchInterface
from figures import intake_links as figures
from figures.intake_gone import gone_table
from figures.users import said as told
from pages import data as page
from pages._plain import part
from security.policy import LINK
from translations import text

LOG = logging.getLogger("carbon.pages")
TAB = "links"
ACTS = {"links-on": "enable", "links-off": "disable", "links-probe": "probe",
        "links-resend": "resend", "links-remove": "remove"}  # fmt: skip
SUFFIXES = (".csv", ".xlsx", ".xls")


def bind(app: Dash, desk: Desk) -> None:
    """Register the tab's callbacks."""
    key = page.KEY
    names = (
        "links-sub",
        "links-list",
        "links-gone",
        "links-detail",
        "links-keys",
        "links-key-form",
    )

    @app.callback(
        output={name: Output(part(key, name), "children") for name in names},
        inputs={
            "search": Input("url", "search"),
            "_again": Input(part(key, "links-again"), "n_clicks"),
            "_done": Input(part(key, "act-links-done"), "data"),
            "_keys": Input(part(key, "act-keys-done"), "data"),
            "_saved": Input(part(key, "act-link-form-done"), "data"),
        },
    )
    def refresh(search: object, **_changed: object) -> Answer:
        if page.choice(search).tab != TAB:
            return dict.fromkeys(names)
        form = _pressed() in ("", "url")  # what is being written into the form stays
        return contents(desk, search, language(desk.language), form=form)

    @app.callback(
        output={
            "said": Output(part(key, "act-links-said"), "children"),
            "done": Output(part(key, "act-links-done"), "data"),
        },
        inputs={
            "clicks": {name: Input(part(key, name), "n_clicks") for name in ACTS},
            "table": Input(part(key, "links-table"), "contents"),
        },
        state={"name": State(part(key, "links-table"), "filename"),
               "search": State("url", "search")},
        running=[(Output(part(key, "links-busy"), "className"), "work-busy", "work-hidden")],
        prevent_initial_call=True,
    )  # fmt: skip
    def act(clicks: object, table: object, name: object, search: object) -> Answer:
        pressed, chosen = _pressed(), language(desk.language)
        which = page.choice(search).get("link", 40)
        if pressed == "links-table" and isinstance(table, str):
            return table_answer(desk, which, table, str(name or ""), chosen)
        given = clicks if isinstance(clicks, Mapping) else {}
        if pressed not in ACTS or not given.get(pressed):
            return {"said": no_update, "done": no_update}
        return _answer(acted(desk, ACTS[pressed], which, chosen), chosen)


def _answer(said: Said, chosen: str) -> Answer:
    """Return what a callback sends: what was done is told, too, beside the page made anew."""
    found = said_answer(said)
    return found | {"said": told("ok", said.words, "", chosen)} if said.done else found


# ---- what is shown ----


def contents(desk: Desk, search: object, chosen: str, *, form: bool) -> Answer:
    """Return everything the tab shows for an address."""
    asked = page.choice(search)
    rows = rows_of(desk.reader, chosen)
    on = sum(row.state not in ("off", "open") for row in rows)
    bad = sum(row.state in ("troubled", "waiting") for row in rows)
    sub = text("{count} 个接口，{on} 个启用，{bad} 个异常或断开；点名称查看测点、版本、试读和文档",
               chosen, count=len(rows), on=on, bad=bad)  # fmt: skip
    named = {row.name: row for row in rows}
    opened = named.get(asked.get("link", 40))
    allowed = may(desk.reader, who(), page.PAGE.path, LINK)
    detail = None
    if opened is not None:
        found = detail_of(desk.reader, opened, asked, chosen)
        detail = figures.detail_card(found, _ident, asked.href, may=allowed, language=chosen)
    return {
        "links-sub": sub,
        "links-list": figures.links_table(rows, asked.get("link", 40), asked.href, chosen),
        "links-gone": gone_table(gone_of(desk.reader, chosen), asked.href, chosen,
                                         shown=bool(asked.get("gone", 1))),
        "links-detail": detail,
    } | keys_shown(desk, chosen, form=form)  # fmt: skip


def _ident(name: str) -> dict[str, str]:
    return part(page.KEY, name)


# ---- what is done ----


def _found(desk: Desk, name: str) -> InterfaceVersion:
    """Return an interface that whoever asks may see and look after.

    Raises
    ------
    NoSuchInterface
        There is none of that name.
    """
    if not may(desk.reader, who(), page.PAGE.path, LINK):
        forbidden()
    found = desk.reader.engine.state.interfaces.find(name)
    if not in_scope(found.wanted.site):
        missing(f"interface {name}")
    return found


def acted(desk: Desk, act: str, name: str, chosen: str) -> Said:
    """Switch, probe or resend an interface; a refusal says why in words."""
    try:
        _found(desk, name)
        words = _done(desk, act, name, chosen)
    except NoSuchInterface:
        words = text("没有这个接口：{name}", chosen, name=name)
        return not_done(desk, f"interface.{act}", name, failed(words))
    except (ValidationError, UnknownConnector) as error:
        LOG.warning("interface %s: %s", name, error)
        words = text("接口 {name} 的设置现在不可用，请用 interfaces save 重新保存", chosen,
                     name=name)  # fmt: skip
        return not_done(desk, f"interface.{act}", name, failed(words))
    except Busy:
        words = text("另一项写入还没有结束，请稍后再试", chosen)
        return not_done(desk, f"interface.{act}", name, failed(words))
    return Said(True, words, {"link": name, "act": act})


def _done(desk: Desk, act: str, name: str, chosen: str) -> str:
    engine, by = desk.reader.engine, who().name
    if act == "probe":  # a device answers when it likes: nobody else waits for it
        report = interfaces.probe(engine, name)
        key = (
            "试读完成：{count} 个测点都有值" if report.ok else "试读完成，有测点没有值，见下方结果"
        )
        return text(key, chosen, count=len(report.rows)) if report.ok else text(key, chosen)
    with writes(desk):
        if act == "resend":
            count = interfaces.resend(engine, name, utc_now())
            return text("{count} 条隔离的读数将重新判断", chosen, count=count)
        if act == "remove":
            interfaces.remove(engine, name, by)
            return text("已移除接口 {name}；读数和历史版本保留", chosen, name=name)
        interfaces.switch(engine, name, by, on=act == "enable")
    key = "已启用接口 {name}" if act == "enable" else "已停用接口 {name}"
    return text(key, chosen, name=name)


def table_answer(desk: Desk, name: str, given: str, file: str, chosen: str) -> Answer:
    """Take a new point table of an interface, or say what is wrong with each cell."""
    try:
        found = _found(desk, name)
        version, remarks = _saved(desk, found, given, Path(file).name[:120], chosen)
    except Refused as refused:
        words = text("点表没有保存：{count} 处问题，原版本继续有效", chosen,
                     count=len(refused.problems))  # fmt: skip
        not_done(desk, "interface.save", name, failed(words))
        return {"said": figures.problems(cells(refused.problems), chosen, words),
                "done": no_update}  # fmt: skip
    except (NoSuchInterface, Busy) as error:
        key = "没有这个接口：{name}"
        words = text("另一项写入还没有结束，请稍后再试", chosen)
        if isinstance(error, NoSuchInterface):
            words = text(key, chosen, name=name)
        return said_answer(not_done(desk, "interface.save", name, failed(words)))
    return saved_answer(name, version, remarks, chosen)


def saved_answer(name: str, version: int, remarks: Sequence[str], chosen: str) -> Answer:
    """Return what is said of an interface that was kept."""
    words = text("已保存接口 {name}（版本 {version}）", chosen, name=name, version=version)
    said = Said(True, "；".join((words, *remarks)), {"link": name, "act": "save"})
    return _answer(said, chosen)


def table_file(given: str, file: str, folder: Path, chosen: str) -> Path:
    """Write a point table as the browser sends it into a folder; what is none is an empty file.

    Raises
    ------
    Refused
        Its name is not of a file that can be one.
    """
    suffix = Path(file).suffix.lower()
    if suffix not in SUFFIXES:
        reason = text("不是点表文件", chosen)
        remedy = text("请上传 CSV、XLSX 或 XLS", chosen)
        raise Refused((Problem(file, None, None, None, reason, remedy),))
    path = folder / f"table{suffix}"
    try:
        path.write_bytes(base64.b64decode(given.partition(",")[2], validate=True))
    except (binascii.Error, ValueError):
        path.write_bytes(b"")
    return path


def _saved(
    desk: Desk, found: InterfaceVersion, given: str, file: str, chosen: str
) -> tuple[int, tuple[str, ...]]:
    """Keep an interface with another point table; the file's name is for messages alone."""
    wanted, engine = found.wanted, desk.reader.engine
    with tempfile.TemporaryDirectory() as folder, writes(desk):
        path = table_file(given, file, Path(folder), chosen)
        draft = Draft(wanted.interface_id, wanted.kind, wanted.site, wanted.title,
                      wanted.settings, path, file)  # fmt: skip
        return interfaces.save(engine, draft, who().name)


def cells(found: Sequence[Problem]) -> list[tuple[str, str, str, str, str]]:
    """Return problems as a table shows them: row, column, value, why, remedy."""
    return [
        ("" if one.row is None else str(one.row), one.column or "", one.value or "", one.reason,
         one.remedy)
        for one in found
    ]  # fmt: skip
