"""接口: an interface is added or changed in a form, with the functions of the command."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, no_update

from callbacks._request import language
from callbacks._scope import in_scope
from callbacks.closing import (
    Answer,
    Busy,
    Desk,
    failed,
    forbidden,
    may,
    missing,
    not_done,
    said_answer,
    who,
    writes,
)
from callbacks.intake_link_rows import kind_words
from callbacks.intake_links import cells, saved_answer, table_file
from data import connectors, interfaces
from data.connectors import UnknownConnector
from data.connectors.base import Point
from data.ingest.problems import Refused
from data.interface_form import settings_of, values_of
from data.interfaces import Draft
from data.state import NoSuchInterface
from figures import intake_link_form as figures
from figures import intake_links
from figures.intake_link_form import FIELD, PICK, LinkField, LinkForm
from pages import data as page
from pages._plain import part
from pages.data import Choice
from security.policy import LINK
from translations import text

TAB = "links"
OWN = "set-"  # a setting's field; the others are the interface's own


def bind(app: Dash, desk: Desk) -> None:
    """Register the form's callbacks."""
    key = page.KEY

    @app.callback(
        output={name: Output(part(key, name), "children") for name in ("links-new", "links-form")},
        inputs={"search": Input("url", "search")},
    )
    def refresh(search: object) -> Answer:
        asked = page.choice(search)
        if asked.tab != TAB:
            return {"links-new": None, "links-form": None}
        return contents(desk, asked, language(desk.language))

    @app.callback(
        Output(part(key, "link-points-name"), "children"),
        Input(part(key, "link-points"), "filename"),
        prevent_initial_call=True,
    )
    def named(file: object) -> object:
        return str(file)[:120] if file else no_update

    @app.callback(
        output={
            "said": Output(part(key, "act-link-form-said"), "children"),
            "done": Output(part(key, "act-link-form-done"), "data"),
        },
        inputs={"clicks": Input(part(key, "link-save"), "n_clicks")},
        state={
            "of": State(part(key, "link-of"), "data"),
            "table": State(part(key, "link-points"), "contents"),
            "file": State(part(key, "link-points"), "filename"),
            "fields": State({"page": key, "part": FIELD, "field": ALL}, "value"),
            "picks": State({"page": key, "part": PICK, "field": ALL}, "data"),
        },
        prevent_initial_call=True,
    )
    def save(
        clicks: object, of: object, table: object, file: object, fields: object, picks: object
    ) -> Answer:
        if not clicks:
            return {"said": no_update, "done": no_update}
        asked = ctx.args_grouping
        given = dict(_given([asked["fields"], asked["picks"]]))
        named = of if isinstance(of, Mapping) else {}
        upload = (str(table), str(file or "")) if isinstance(table, str) else None
        return saved(desk, named, given, upload, language(desk.language))


def _given(states: object) -> Iterator[tuple[str, str]]:
    """Yield the fields of the form as the page sends them."""
    for one in states if isinstance(states, list) else ():
        if isinstance(one, list):
            yield from _given(one)
        elif isinstance(one, Mapping) and isinstance(one.get("id"), Mapping):
            field, value = one["id"].get("field"), one.get("value")
            if isinstance(field, str) and isinstance(value, str):
                yield field, value[: figures.LONGEST]


# ---- what is shown ----


def contents(desk: Desk, asked: Choice, chosen: str) -> Answer:
    """Return the way to the form, and the form where the address asks for it."""
    if not may(desk.reader, who(), page.PAGE.path, LINK):
        return {"links-new": None, "links-form": None}
    found = _form(desk, asked, chosen)
    card = figures.form_card(found, _ident, asked.href, chosen) if found is not None else None
    return {
        "links-new": figures.add_button(asked.href, connectors.names()[1], chosen),
        "links-form": card,
    }


def _ident(name: str) -> dict[str, str]:
    return part(page.KEY, name)


def _form(desk: Desk, asked: Choice, chosen: str) -> LinkForm | None:
    """Return the form of a new interface or of one that is changed; None for neither."""
    sites = [(name, site.name(chosen)) for name, site in desk.reader.sites().items()]
    kinds = [(name, kind_words(name, chosen)) for name in connectors.names()]
    new, name = asked.get("new", 40), asked.get("link", 40)
    try:
        if new:
            only = sites[0][0] if len(sites) == 1 else ""
            return LinkForm("", new, "", only, kinds, sites, _fields(new, {}))
        if not asked.get("edit", 1):
            return None
        wanted = desk.reader.engine.state.interfaces.find(name).wanted
        if not in_scope(wanted.site):
            return None
        return LinkForm(name, wanted.kind, wanted.title, wanted.site, kinds, sites,
                        _fields(wanted.kind, wanted.settings))  # fmt: skip
    except (NoSuchInterface, UnknownConnector):
        return None


def _fields(kind: str, held: Mapping[str, Any]) -> list[LinkField]:
    return [
        LinkField(one.name, one.about, one.shape.value, one.required, one.value, one.default,
                  one.choices, one.kept, one.server)
        for one in settings_of(kind, held)
    ]  # fmt: skip


# ---- what is done ----


def saved(
    desk: Desk, of: Mapping[str, Any], given: Mapping[str, str],
    upload: tuple[str, str] | None, chosen: str,
) -> Answer:  # fmt: skip
    """Keep an interface as a new version, or say what is wrong with each setting and cell."""
    if not may(desk.reader, who(), page.PAGE.path, LINK):
        forbidden()
    ident, kind = str(of.get("ident", ""))[:40], str(of.get("kind", ""))[:40]
    name = ident or given.get("id", "").strip()
    site = given.get("site", "")
    if site and not in_scope(site):
        missing(f"site {site}")
    try:
        with _draft(desk, ident, kind, given, upload, chosen) as draft, writes(desk):
            version, remarks = interfaces.save(desk.reader.engine, draft, who().name, new=not ident)
    except Refused as refused:
        words = text("接口没有保存：{count} 处问题", chosen, count=len(refused.problems))
        not_done(desk, "interface.save", name or "-", failed(words))
        about = {one.name: one.about for one in _fields(kind, {})} if kind else {}
        rows = figures.wrong_rows(cells(refused.problems), about, chosen)
        return {"said": intake_links.problems(rows, chosen, words), "done": no_update}
    except (NoSuchInterface, UnknownConnector, Busy) as error:
        words = text("另一项写入还没有结束，请稍后再试", chosen)
        if not isinstance(error, Busy):
            words = text("没有这个接口：{name}", chosen, name=name or kind)
        return said_answer(not_done(desk, "interface.save", name or "-", failed(words)))
    return saved_answer(name, version, remarks, chosen)


@contextmanager
def _draft(
    desk: Desk, ident: str, kind: str, given: Mapping[str, str],
    upload: tuple[str, str] | None, chosen: str,
) -> Iterator[Draft]:  # fmt: skip
    """Give what a form says as a draft, with the point table that came along or was there."""
    words = {name.removeprefix(OWN): value for name, value in given.items()
             if name.startswith(OWN)}  # fmt: skip
    title = given.get("title", "").strip()[:80]
    held: Mapping[str, Any] = {}
    name, site = given.get("id", "").strip(), given.get("site", "")
    known: Sequence[Point] = ()
    if ident:
        wanted = desk.reader.engine.state.interfaces.find(ident).wanted
        if not in_scope(wanted.site):
            missing(f"interface {ident}")
        name, site, kind = ident, wanted.site, wanted.kind
        held, known = wanted.settings, wanted.points
    values = values_of(kind, words, held)
    with tempfile.TemporaryDirectory() as folder:
        path = None if upload is None else table_file(*upload, Path(folder), chosen)
        source = "" if upload is None else Path(upload[1]).name[:120]
        yield Draft(name, kind, site, title, values, path or known, source)
