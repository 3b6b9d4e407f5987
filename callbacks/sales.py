"""售碳潜力: scenarios that are recomputed as sliders move, and what its dialog keeps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from dash import Dash, Input, Output, State

from callbacks._request import language
from callbacks._sales import outcome_of
from callbacks._scope import denied, in_scope
from callbacks.closing import Desk, Said, Who, failed, forbidden, may, not_done
from data import scenarios
from data.sales import NotKept
from figures import scenario as figures
from figures.html import Content
from figures.view import View
from pages import _sale, market
from pages._filters import parse
from pages._plain import part
from security.policy import SCENARIO
from translations import text

LONGEST_FIELD = 400
Answer = dict[str, Any]


@dataclass(frozen=True)
class Form:
    """A form of the dialog: what one must be allowed, and what makes it of a view."""

    action: str
    made: Callable[[View, str, str], tuple[Content, Content]]


@dataclass(frozen=True)
class Act:
    """What the dialog sends: event, right, what does it, words of success."""

    event: str
    action: str
    does: Callable[[Desk, Who, Mapping[str, Any]], dict[str, Any]]
    words: str


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
    return None if found is None else figures.results(view, found)


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
    words = text(act.words, chosen)
    undo = text("撤销", chosen)
    return Said(True, words, {"do": doing, "words": words, "undo": undo, **facts})


def _worded(values: Mapping[str, object], chosen: str) -> dict[str, object]:
    """Return the values of a refusal, its names in the reader's language."""
    return {name: text(value, chosen) if isinstance(value, str) else value
            for name, value in values.items()}  # fmt: skip


def field(sent: Mapping[str, Any], name: str) -> str:
    """Return what was sent under a name, as text of at most some length."""
    value = sent.get(name)
    return value[: LONGEST_FIELD + 1] if isinstance(value, str) else ""


def number(sent: Mapping[str, Any]) -> int:
    """Return the number of what is changed; 0 for none."""
    words = field(sent, "number")
    return int(words) if words.isascii() and words.isdecimal() and len(words) < 10 else 0


def _of_site(desk: Desk, sent: Mapping[str, Any]) -> int:
    """Return the number of a saved scenario of the site that is named.

    Raises
    ------
    NotKept
        There is none.
    """
    found = desk.reader.engine.state.scenarios.find(number(sent))
    if found is None or found.site != field(sent, "site"):
        raise NotKept("没有这个情景")
    return found.scenario


def _save_scenario(desk: Desk, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    choice = scenarios.choice_of(field(sent, "of"))
    kept = scenarios.save(desk.reader.engine, field(sent, "site"), field(sent, "name"), choice,
                          asks.name, field(sent, "key"))  # fmt: skip
    return {"scenario": kept}


def _remove_scenario(desk: Desk, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    kept = _of_site(desk, sent)
    scenarios.remove(desk.reader.engine, kept, asks.name, field(sent, "key"))
    back = {"do": "scenario-restore", "number": str(kept), "site": field(sent, "site")}
    return {"back": back}


def _restore_scenario(desk: Desk, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    kept = _of_site(desk, sent)
    scenarios.restore(desk.reader.engine, kept, asks.name, field(sent, "key"))
    return {"scenario": kept}


FORMS: dict[str, Form] = {"scenario": Form(SCENARIO, _sale.scenario_form)}
ACTS: dict[str, Act] = {
    "scenario-save": Act("scenario.save", SCENARIO, _save_scenario, "情景已保存"),
    "scenario-remove": Act("scenario.remove", SCENARIO, _remove_scenario, "情景已删除"),
    "scenario-restore": Act("scenario.restore", SCENARIO, _restore_scenario, "情景已恢复"),
}
