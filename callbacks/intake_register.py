"""台账: what the tab shows of a site's register, and how an entry is changed."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, no_update

from callbacks._request import language
from callbacks._scope import in_scope
from callbacks.closing import (
    Answer,
    Busy,
    Desk,
    forbidden,
    may,
    missing,
    not_done,
    said_answer,
    who,
    writes,
)
from callbacks.closing import failed as refused_said
from callbacks.intake_register_rows import body_of, form_of, month_of, titles_of, tools_of
from data.engine import DiskFull
from data.ingest.problems import Refused
from data.register_edit import Edit, Edited, area_edited, row_edited, setting_edited
from data.state import FAILURE
from data.store import StoreError
from figures import intake_register as figures
from figures.intake_register import FIELD, PICK
from figures.users import said as told
from figures.view import SiteInfo
from pages import data as page
from pages._plain import part
from pages.data import Choice
from security.policy import IMPORT
from translations import text

LOG = logging.getLogger("carbon.pages")
TAB = "register"
KINDS = {"meter": "meters", "device": "devices"}


def bind(app: Dash, desk: Desk) -> None:
    """Register the tab's callbacks."""
    key = page.KEY
    names = ("register-tools", "register-form", "register-body")

    @app.callback(
        output={name: Output(part(key, name), "children") for name in names},
        inputs={"search": Input("url", "search"),
                "_done": Input(part(key, "act-register-done"), "data")},
    )  # fmt: skip
    def refresh(search: object, _done: object) -> Answer:
        chosen = page.choice(search)
        if chosen.tab != TAB:
            return dict.fromkeys(names)
        return contents(desk, chosen, language(desk.language))

    @app.callback(
        output={
            "said": Output(part(key, "act-register-said"), "children"),
            "done": Output(part(key, "act-register-done"), "data"),
        },
        inputs={"clicks": Input(part(key, "register-save"), "n_clicks")},
        state={
            "of": State(part(key, "register-of"), "data"),
            "search": State("url", "search"),
            "fields": State({"page": key, "part": FIELD, "field": ALL}, "value"),
            "picks": State({"page": key, "part": PICK, "field": ALL}, "data"),
        },
        prevent_initial_call=True,
    )
    def save(clicks: object, of: object, search: object, fields: object, picks: object) -> Answer:
        if not clicks:
            return {"said": no_update, "done": no_update}
        asked = ctx.args_grouping
        given = dict(_given([asked["fields"], asked["picks"]]))
        named = of if isinstance(of, Mapping) else {}
        return saved(desk, page.choice(search), named, given, language(desk.language))


def _given(states: object) -> Iterator[tuple[str, str]]:
    """Yield the fields of a form as the page sends them."""
    for one in states if isinstance(states, list) else ():
        if isinstance(one, list):
            yield from _given(one)
        elif isinstance(one, Mapping) and isinstance(one.get("id"), Mapping):
            field, value = one["id"].get("field"), one.get("value")
            if isinstance(field, str) and isinstance(value, str):
                yield field, value[:200]


def site_of(desk: Desk, chosen: Choice) -> SiteInfo | None:
    """Return the site that an address asks for, or the first that may be seen."""
    sites = desk.reader.sites()
    wanted = chosen.rest.get("site", "").split(",")[0]
    return sites.get(wanted) or next(iter(sites.values()), None)


def contents(desk: Desk, chosen: Choice, words: str) -> Answer:
    """Return everything the tab shows for an address."""
    site = site_of(desk, chosen)
    if site is None:
        return {"register-tools": None, "register-form": None,
                "register-body": figures.nothing(words)}  # fmt: skip
    allowed = may(desk.reader, who(), page.PAGE.path, IMPORT)
    month = month_of(desk, chosen)
    form = form_of(desk, site, chosen, words) if allowed else None
    return {
        "register-tools": tools_of(desk, site, chosen, month, words),
        "register-form": None if form is None else figures.form_card(form, chosen.href, words),
        "register-body": body_of(desk, site, month, chosen, may=allowed, words=words),
    }


# ---- what is done ----


def saved(
    desk: Desk, chosen: Choice, of: Mapping[str, Any], given: Mapping[str, str], words: str
) -> Answer:
    """Change an entry of a register the way of an import file; a refusal names every field."""
    if not may(desk.reader, who(), page.PAGE.path, IMPORT):
        forbidden()
    site = site_of(desk, chosen)
    what, ident = str(of.get("what", "")), str(of.get("ident", ""))[:80]
    named = f"{what} {ident or given.get('meter_id', given.get('device_id', ''))}"[:120].strip()
    if site is None or not in_scope(site.site):
        missing(f"register {named}")
    edit = Edit(site.site, who().name, given, words)
    try:
        with (
            writes(desk),
            desk.reader.engine.state.audit.during("data.import", f"register {named}") as conclusion,
        ):
            done = _edited(desk, what, ident, edit)
            if done.errors:
                conclusion.outcome = FAILURE
            elif done.receipt is not None:
                conclusion.description = f"batch {done.receipt.batch}"
    except Busy:
        said = refused_said(text("另一项写入还没有结束，请稍后再试", words))
        return said_answer(not_done(desk, "data.import", f"register {named}", said))
    except (Refused, DiskFull, StoreError) as error:
        LOG.warning("register %s: %s", named, error)
        why = error.problems[0].line(words) if isinstance(error, Refused) else str(error)
        return said_answer(refused_said(why))
    if done.errors:
        titles = titles_of(what)
        errors = [(titles.get(name, name), why) for name, why in done.errors.items()]
        return {"said": figures.wrong(errors, words), "done": no_update}
    done_at = datetime.now(UTC).isoformat()
    return {"said": told("ok", _words(done, words)), "done": {"at": done_at, "of": named}}


def _edited(desk: Desk, what: str, ident: str, edit: Edit) -> Edited:
    engine = desk.reader.engine
    if what in KINDS:
        key = f"{what}_id"
        values = {**edit.values, key: ident} if ident else dict(edit.values)
        return row_edited(engine, KINDS[what], Edit(edit.site, edit.actor, values, edit.language))
    if what == "area" and ident.isdecimal():
        return area_edited(engine, int(ident), edit)
    if what == "setting":
        return setting_edited(engine, edit.values.get("name", ""), edit.values.get("value", ""),
                              edit)  # fmt: skip
    return Edited({"": text("没有这样的台账项", edit.language)})


def _words(done: Edited, words: str) -> str:
    if done.proposals:
        numbers = ", ".join(map(str, done.proposals))
        return text("已提出；设置的变化须由另一账号批准（申请 {number}），此前沿用原设置", words,
                    number=numbers)  # fmt: skip
    receipt = done.receipt
    if receipt is None or (receipt.same_rows and not receipt.corrections and not receipt.new_rows):
        return text("没有变化", words)
    key = "已保存（批次 {batch}）；受影响的月份将重新结算"
    return text(key, words, batch=receipt.batch)
