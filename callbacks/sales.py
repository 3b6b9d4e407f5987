"""售碳潜力: scenarios that are recomputed as sliders move, and what its dialog keeps."""

from __future__ import annotations

import logging
import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from dash import ClientsideFunction, Dash, Input, Output, State
from flask import Flask, Response, abort, g

from callbacks._request import language
from callbacks._sale_acts import ACTS, field
from callbacks._sales import outcome_of
from callbacks._scope import denied, in_scope
from callbacks.closing import Busy, Desk, Said, Who, failed, forbidden, may, not_done, who
from callbacks.factors import put_together
from data import scenarios, whatif
from data.engine import DiskFull
from data.sales import NotKept
from data.state import FAILURE, Entry
from data.store import StoreError
from figures import scenario as figures
from figures import whatif as whatifs
from figures.html import Content
from figures.view import View
from pages import _sale, market
from pages._filters import parse
from pages._plain import part
from security.originals import opened
from security.policy import PROJECT, SCENARIO
from security.problem import Problem
from translations import text

LOG = logging.getLogger("carbon.pages")
SLOTS = ("evidence",)
_ORIGINAL = re.compile(r"/evidence/([1-9][0-9]{0,8})")
Answer = dict[str, Any]


@dataclass(frozen=True)
class Form:
    """A form of the dialog: what one must be allowed, and what makes it of a view."""

    action: str
    made: Callable[[View, str, str], tuple[Content, Content]]


FORMS: Mapping[str, Form] = {
    "scenario": Form(SCENARIO, _sale.scenario_form),
    "whatif": Form(SCENARIO, _sale.whatif_form),
    "evidence": Form(PROJECT, _sale.evidence_form),
    "step": Form(PROJECT, _sale.step_form),
    "fact": Form(PROJECT, _sale.fact_form),
    "phase": Form(PROJECT, _sale.phase_form),
    "eligibility": Form(PROJECT, _sale.eligibility_form),
}


def bind_sales(app: Dash, desk: Desk) -> None:
    """Register the recomputing of scenarios."""

    @app.callback(
        Output(market.SCENARIO_OUT, "children"),
        Input(part(market.KEY, "scenario"), "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def recompute(values: object, search: str | None) -> Content:
        return recomputed(desk, values, search, language(desk.language))

    @app.callback(
        Output(market.WHATIF_OUT, "children"),
        Input(part(market.KEY, "whatif"), "data"),
        State("url", "search"),
        prevent_initial_call=True,
    )
    def assume(values: object, search: str | None) -> Content:
        return assumed(desk, values, search, language(desk.language))

    @app.callback(
        Output(part(market.KEY, "act-piece"), "data"),
        Input(part(market.KEY, "piece"), "data"),
        prevent_initial_call=True,
    )
    def take(piece: object) -> object:
        return received(desk, who(), piece, language(desk.language)) if piece else None

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("work", "received"),
        Output(part(market.KEY, "sent"), "data"),
        Input(part(market.KEY, "act-piece"), "data"),
        prevent_initial_call=True,
    )


def received(desk: Desk, asks: Who, piece: object, chosen: str) -> dict[str, Any]:
    """Take a piece of an original and say how far it is."""
    if not may(desk.reader, asks, market.PAGE.path, PROJECT):
        forbidden()
    return put_together(desk.reader.engine, asks, piece, SLOTS, chosen)


def recomputed(desk: Desk, values: object, search: str | None, chosen: str) -> Content:
    """Return what the sliders come to; the reason where they cannot be where they are."""
    reader = desk.reader
    known = reader.known()
    if known is None:
        return None
    view = reader.view(market.KEY, parse(search, known), chosen)
    if view is None or view.sales is None or view.sales.scene is None:
        return text("还没有减碳量预测：作出预测后自动显示", chosen)
    try:
        choice = scenarios.choice_of(values if isinstance(values, str) else "")
    except NotKept as error:
        return text(error.words, chosen, **error.values)
    found = outcome_of(reader, view.sales.site, choice)
    return None if found is None else figures.results(view, found, choice)


def assumed(desk: Desk, values: object, search: str | None, chosen: str) -> Content:
    """Return what the levers of a what-if come to; the reason where they cannot be so."""
    reader = desk.reader
    known = reader.known()
    view = None if known is None else reader.view(market.KEY, parse(search, known), chosen)
    if view is None or view.sales is None or not view.sales.site:
        return None
    try:
        levers = whatif.levers_of(values if isinstance(values, str) else "")
    except NotKept as error:
        return text(error.words, chosen, **error.values)
    return whatifs.results(view, whatifs.made(view, levers))


# ---- what the dialog keeps ----


def done(desk: Desk, asks: Who, sent: Mapping[str, Any], chosen: str) -> Said:
    """Do what the dialog sends; a refusal says why in words and is recorded."""
    doing = field(sent, "do")
    act = ACTS[doing]
    if not may(desk.reader, asks, market.PAGE.path, act.action):
        forbidden()
    if len(field(sent, "key")) < 8:
        return failed(text("未能完成，请重试", chosen))
    site = field(sent, "site")
    if not in_scope(site) or site not in desk.reader.sites():
        denied(f"{market.KEY} {act.event}")
        return failed(text("没有此站点的查看权限，请联系管理员", chosen))
    try:
        facts = act.does(desk, asks, sent)
    except NotKept as error:
        words = text(error.words, chosen, **_worded(error.values, chosen))
        return not_done(desk, act.event, site, failed(words))
    except Problem as error:
        return not_done(desk, act.event, site, failed(error.told(chosen)))
    except Busy:
        busy = failed(text("另一项写入还没有结束，请稍后再试", chosen))
        return not_done(desk, act.event, site, busy)
    except (StoreError, DiskFull) as error:
        LOG.exception("%s %s", act.event, site)
        key = "数据库拒绝了这次操作，没有写入任何数据：{reason}"
        return failed(text(key, chosen, reason=error))
    words = text(act.words, chosen)
    undo = text("撤销", chosen)
    return Said(True, words, {"do": doing, "words": words, "undo": undo, **facts})


def _worded(values: Mapping[str, object], chosen: str) -> dict[str, object]:
    """Return the values of a refusal, its names in the reader's language."""
    return {name: text(value, chosen) if isinstance(value, str) else value
            for name, value in values.items()}  # fmt: skip


# ---- originals ----


def original_path(path: str) -> bool:
    """Tell whether an address is that of an original."""
    return _ORIGINAL.fullmatch(path) is not None


def bind_originals(server: Flask, desk: Desk) -> None:
    """Register the address of originals; the gate lets through who may export the page."""

    @server.get("/evidence/<int:evidence>")
    def original(evidence: int) -> Response:
        return original_of(desk, evidence)


def original_of(desk: Desk, evidence: int) -> Response:
    """Return the original of a document, proved by its digest; what cannot be says why."""
    state, chosen = desk.reader.engine.state, language(desk.language)
    found = state.evidence.find(evidence)
    if found is None or not found.original.sm3 or desk.keys is None:
        abort(404)
    if not in_scope(found.site):
        denied(f"evidence={evidence}")
        abort(404)
    what = f"{found.site} {evidence} {found.original.name}"
    g.recorded = True
    try:
        body = opened(desk.reader.engine.home, desk.keys(), found.original.sm3)
    except Problem as error:
        number = f"E-{secrets.token_hex(3).upper()}"
        LOG.exception("original %s, %s", evidence, number)
        state.audit.record(Entry("evidence.open", what, error.told("zh"), FAILURE))
        words = f"{error.told(chosen)} {text('编号 {number}', chosen, number=number)}\n"
        return Response(words, 409, mimetype="text/plain")
    state.audit.record(Entry("evidence.open", what, after=found.original.sm3))
    answer = Response(body, mimetype="application/octet-stream")
    name = quote(found.original.name)
    answer.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{name}"
    answer.headers["X-Content-SM3"] = found.original.sm3
    return answer
