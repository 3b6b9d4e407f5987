"""接口密钥: made, shown once, revoked, by whoever may (clauses 7.1, 9.4.1)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from dash import ALL, Dash, Input, Output, State, ctx, no_update

from callbacks._request import language
from callbacks._scope import all_in_scope, scope
from callbacks.closing import (
    Answer,
    Desk,
    failed,
    forbidden,
    may,
    missing,
    not_done,
    said_answer,
    when,
    who,
    zone_of,
)
from data.state import ApiKey, now
from figures import intake_keys as figures
from figures.intake_keys import KeyRow
from figures.users import said as told
from pages import data as page
from pages._plain import part
from security import api_keys
from security.api_keys import WantedKey
from security.policy import KEY
from security.problem import Problem
from translations import text

DUE = timedelta(days=30)
FIELDS = {"name": "value", "days": "value", "addresses": "value", "scopes": "data",
          "sites": "data"}  # fmt: skip


def bind(app: Dash, desk: Desk) -> None:
    """Register what is done about keys."""

    @app.callback(
        output={
            "said": Output(part(page.KEY, "act-keys-said"), "children"),
            "done": Output(part(page.KEY, "act-keys-done"), "data"),
        },
        inputs={
            "clicks": Input(part(page.KEY, "keys-add"), "n_clicks"),
            "revoked": Input({"page": page.KEY, "part": "keys-revoke", "key": ALL}, "n_clicks"),
        },
        state={"fields": {n: State(part(page.KEY, f"keys-{n}"), of) for n, of in FIELDS.items()}},
        prevent_initial_call=True,
    )
    def act(clicks: object, revoked: object, fields: object) -> Answer:
        found = ctx.triggered_id
        pressed = found.get("part") if isinstance(found, Mapping) else ""
        if pressed == "keys-revoke" and ctx.triggered[0]["value"]:
            return revoke(desk, str(ctx.triggered_id["key"])[:12], language(desk.language))
        if pressed != "keys-add" or not clicks:
            return {"said": no_update, "done": no_update}
        given = fields if isinstance(fields, Mapping) else {}
        return add(desk, given, language(desk.language))


def _allowed(desk: Desk) -> bool:
    return may(desk.reader, who(), page.PAGE.path, KEY)


def keys_shown(desk: Desk, chosen: str, *, form: bool) -> Answer:
    """Return the keys that whoever asks may see, and the form where he may make one."""
    allowed = _allowed(desk)
    rows = [_row(desk, key) for key in desk.reader.engine.state.api_keys.all() if _seen(key)]
    found: Answer = {
        "links-keys": figures.keys_table(rows[::-1], may=allowed, language=chosen),
        "links-key-form": no_update,
    }
    if form:
        sites = [(name, site.name(chosen)) for name, site in desk.reader.sites().items()]
        found["links-key-form"] = (
            figures.key_form(lambda name: part(page.KEY, name), sites, chosen) if allowed else None
        )
    return found


def _seen(key: ApiKey) -> bool:
    """Tell whether a key is of no other sites than those that whoever asks may see."""
    return scope() is None or (bool(key.sites) and all_in_scope(key.sites))


def _row(desk: Desk, key: ApiKey) -> KeyRow:
    zone = zone_of(desk.reader)
    return KeyRow(
        key.prefix, key.name, key.scopes, key.sites, key.addresses,
        f"{when(key.created_at, zone)}  {key.created_by}", when(key.expires_at, zone)[:10],
        state_of(key, now()),
    )  # fmt: skip


def state_of(key: ApiKey, at: datetime) -> str:
    """Return how a key stands: valid, due within a month, expired or revoked."""
    if key.revoked_at is not None:
        return "revoked"
    if key.expires_at <= at:
        return "expired"
    return "due" if key.expires_at <= at + DUE else "valid"


def add(desk: Desk, given: Mapping[str, object], chosen: str) -> Answer:
    """Make a key and show it, once."""
    if not _allowed(desk):
        forbidden()
    known, allowed = tuple(desk.reader.sites()), scope()
    wanted = _wanted(given)
    if allowed is not None and not wanted.sites:  # all sites are more than he may see himself
        wanted = WantedKey(wanted.name, wanted.scopes, wanted.days, known, wanted.addresses)
    try:
        key, token = api_keys.add(desk.reader.engine.state, wanted, who().name, now(), known)
    except Problem as problem:
        said = failed(problem.told(chosen))
        return said_answer(not_done(desk, "api_key.add", wanted.name[:80], said))
    words = text("已建立接口密钥 {name}：", chosen, name=key.name)
    return {"said": told("ok", words, token, chosen), "done": {"key": key.prefix}}


def _wanted(given: Mapping[str, object]) -> WantedKey:
    """Return what a form asks for; what is no number of days is refused with the others."""

    def words(name: str) -> str:
        return str(given.get(name) or "").strip()[:400]

    def several(name: str) -> list[str]:
        found = given.get(name)
        return [str(one)[:64] for one in found] if isinstance(found, list) else []

    days = words("days")
    addresses = [one.strip() for one in words("addresses").replace("，", ",").split(",")]
    return WantedKey(
        words("name"), several("scopes"), int(days) if days.isdecimal() and len(days) < 5 else 0,
        several("sites"), [one for one in addresses if one],
    )  # fmt: skip


def revoke(desk: Desk, prefix: str, chosen: str) -> Answer:
    """Let a key open nothing any more, at once."""
    if not _allowed(desk):
        forbidden()
    state = desk.reader.engine.state
    found = state.api_keys.find(prefix)
    if found is not None and not _seen(found):
        missing(f"api key {prefix}")
    try:
        api_keys.revoke(state, prefix, who().name, now())
    except Problem as problem:
        said = failed(problem.told(chosen))
        return said_answer(not_done(desk, "api_key.revoke", prefix, said))
    words = text("已吊销接口密钥 {prefix}", chosen, prefix=prefix)
    return {"said": told("ok", words, "", chosen), "done": {"key": prefix, "revoked": True}}
