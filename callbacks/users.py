"""用户与权限: what administrators see and do; what is allowed, ``security.access`` decides."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from dash import ALL, Dash, Input, Output, State, ctx, no_update

from callbacks._reader import PageReader
from callbacks._request import language
from callbacks.closing import Answer, Desk, forbidden, when, who, zone_of
from data.state import AccessRequest, Account, Display
from figures import users as figures
from figures.html import Content, el
from figures.users import Asked, Line, Row, Screen
from pages import users as page
from pages._plain import part
from security import access, people, policy, web
from security.access import Keeper, Office
from security.accounts import AccountRefused, stage_of, unused
from security.passwords import Busy
from security.policy import MONITORING, Cell
from security.roles import KEEPERS, ROLES, role_name
from translations import text

KEY = page.KEY
ALONE = ("disable", "sign-out", "reset-password", "reset-factor", "unmask")
TWO = ("ask-role", "ask-sites", "ask-enable")
NEW = ("name", "person", "phone", "role", "sites")
DISPLAY = ("name", "address", "page", "sites")
PAGE_NAMES = {
    "/": "总览", "/emission": "整体碳排放", "/process": "拆解流程", "/substitution": "替代情况",
    "/lifecycle": "全流程减碳", "/market": "售碳潜力", "/data": "数据接入",
    "/alerts": "质量与告警", "/factors": "因子库", "/closing": "月结", "/audit": "安全审计",
    "/users": "用户与权限", "/ops": "系统运维", "/help": "操作手册",
}  # fmt: skip


def bind_users(app: Dash, desk: Desk) -> None:
    """Register the page's callbacks."""
    names = ("top", "accounts-sub", "accounts", "account", "waiting-sub", "waiting", "request",
             "new", "matrix-sub", "matrix", "displays-sub", "displays")  # fmt: skip
    outputs = {name: Output(part(KEY, name), "children") for name in names} | {
        f"{name}-state": Output(part(KEY, f"{name}-card"), "data-state")
        for name in ("accounts", "waiting", "matrix", "displays")
    }

    @app.callback(
        output=outputs,
        inputs={"search": Input("url", "search")}
        | {area: Input(part(KEY, f"act-{area}-done"), "data") for area in page.AREAS},
    )
    def refresh(search: object, **_done: object) -> Answer:
        return contents(desk.reader, search, language(desk.language))

    _bind_decision(app, desk)
    _bind_account(app, desk)
    _bind_forms(app, desk)


def _outputs(area: str) -> dict[str, Output]:
    return {
        "said": Output(part(KEY, f"act-{area}-said"), "children"),
        "done": Output(part(KEY, f"act-{area}-done"), "data"),
    }


def _bind_decision(app: Dash, desk: Desk) -> None:
    @app.callback(
        output=_outputs("decide"),
        inputs={name: Input(part(KEY, name), "n_clicks") for name in ("accept", "reject")},
        state={"reason": State(part(KEY, "reason"), "value"), "search": State("url", "search")},
        prevent_initial_call=True,
    )
    def decide(accept: object, reject: object, reason: object, search: object) -> Answer:
        number, pressed = page.choice(search).request, _pressed()
        if pressed == "accept" and accept:
            return acted(desk, lambda at: accepted(at, number))
        if pressed == "reject" and reject:
            return acted(desk, lambda at: rejected(at, number, str(reason or "")))
        return {"said": no_update, "done": no_update}


def _bind_account(app: Dash, desk: Desk) -> None:
    @app.callback(
        output=_outputs("account"),
        inputs={"clicks": {n: Input(part(KEY, n), "n_clicks") for n in (*ALONE, *TWO)}},
        state={
            "name": State(part(KEY, "account-name"), "data"),
            "role": State(part(KEY, "role"), "data"),
            "sites": State(part(KEY, "sites"), "data"),
        },
        prevent_initial_call=True,
    )
    def act(clicks: object, name: object, role: object, sites: object) -> Answer:
        pressed = _pressed()
        given = clicks if isinstance(clicks, Mapping) else {}
        if not given.get(pressed):
            return {"said": no_update, "done": no_update}
        chosen = _known_sites(desk.reader, sites)
        return acted(
            desk, lambda at: changed(at, pressed, str(name or ""), str(role or ""), chosen)
        )


def _bind_forms(app: Dash, desk: Desk) -> None:
    @app.callback(
        output=_outputs("new"),
        inputs={"clicks": Input(part(KEY, "ask-account"), "n_clicks")},
        state={"fields": {n: State(part(KEY, f"new-{n}"), _kept_as(n)) for n in NEW}},
        prevent_initial_call=True,
    )
    def new(clicks: object, fields: object) -> Answer:
        if not clicks:
            return {"said": no_update, "done": no_update}
        given = _texts(fields)
        sites = _known_sites(desk.reader, fields)
        return acted(desk, lambda at: _asked(at, access.ask_account(at, _keeper(), given, sites)))

    @app.callback(
        output=_outputs("policy"),
        inputs={"clicks": Input(part(KEY, "ask-policy"), "n_clicks")},
        state={"cells": State(part(KEY, "cells"), "data")},
        prevent_initial_call=True,
    )
    def put_policy(clicks: object, cells: object) -> Answer:
        if not clicks:
            return {"said": no_update, "done": no_update}
        return acted(desk, lambda at: _asked(at, access.ask_policy(at, _keeper(), _cells(cells))))

    @app.callback(
        output=_outputs("display"),
        inputs={
            "clicks": Input(part(KEY, "ask-display"), "n_clicks"),
            "revoked": Input({"page": KEY, "part": "revoke", "display": ALL}, "n_clicks"),
        },
        state={"fields": {n: State(part(KEY, f"display-{n}"), _kept_as(n)) for n in DISPLAY}},
        prevent_initial_call=True,
    )
    def display(clicks: object, revoked: object, fields: object) -> Answer:
        found = ctx.triggered_id
        if (
            isinstance(found, Mapping)
            and found.get("part") == "revoke"
            and ctx.triggered[0]["value"]
        ):
            number = int(str(ctx.triggered_id["display"]))
            return acted(desk, lambda at: _revoked(at, number))
        if _pressed() != "ask-display" or not clicks:
            return {"said": no_update, "done": no_update}
        given, sites = _texts(fields), _known_sites(desk.reader, fields)
        return acted(desk, lambda at: _asked(at, access.ask_display(at, _keeper(), given, sites)))


# ---- what is done ----

Outcome = tuple[str, str]  # words, and what is shown once


def acted(desk: Desk, do: Callable[[Office], Outcome]) -> Answer:
    """Do something as whoever asks and say what came of it."""
    if who().role not in KEEPERS:
        forbidden()
    chosen = language(desk.language)
    try:
        words, once = do(office(desk.reader, chosen))
    except AccountRefused as refused:
        joint = "；" if chosen == "zh" else "; "
        return {"said": figures.said("danger", joint.join(refused.reasons)), "done": no_update}
    except Busy:
        words = text("正在登录的人太多，请稍后再试", chosen)
        return {"said": figures.said("danger", words), "done": no_update}
    done = {"at": datetime.now(UTC).isoformat()}
    return {"said": figures.said("ok", words, once, chosen), "done": done}


def office(reader: PageReader, chosen: str) -> Office:
    """Return where administrators work, in this request."""
    here = web.installed()
    return Office(reader.engine.state, web.held_keys(), here.clock(), chosen)


def _keeper() -> Keeper:
    asks = who()
    return Keeper(asks.name, asks.role)


def _asked(at: Office, number: int) -> Outcome:
    return at.words("已提出申请 {number}，等另一类管理员处理", number=number), ""


def accepted(at: Office, number: int) -> Outcome:
    """Accept a request; a new account's password or a display's link is shown once."""
    done = access.accept(at, _keeper(), number)
    words = at.words("已同意申请 {number}，立即生效", number=number)
    if done.password:
        words = at.words("已建立账号 {name}，一次性密码：", name=done.request.subject)
    if done.link:
        words = at.words("大屏 {name} 的链接（只能打开一次）：", name=done.request.subject)
        return words, web.own_address() + done.link
    return words, done.password


def rejected(at: Office, number: int, reason: str) -> Outcome:
    """Reject a request."""
    access.reject(at, _keeper(), number, reason)
    return at.words("已驳回申请 {number}", number=number), ""


def changed(at: Office, what: str, name: str, role: str, sites: Sequence[str]) -> Outcome:
    """Do what a button of an account's card says."""
    by = _keeper()
    if what == "disable":
        access.disable(at, by, name)
        return at.words("已停用账号 {name}，其会话已结束", name=name), ""
    if what == "sign-out":
        access.sign_out(at, by, name)
        return at.words("已结束账号 {name} 的会话", name=name), ""
    if what == "reset-password":
        words = at.words("账号 {name} 的一次性密码：", name=name)
        return words, access.reset_password(at, by, name)
    if what == "reset-factor":
        access.reset_factor(at, by, name)
        return at.words("账号 {name} 下次登录时重新登记动态口令", name=name), ""
    if what == "unmask":
        person, phone = access.unmask(at, by, name)
        return at.words("{name}：{person}，{phone}（已记入审计）", name=name, person=person or "--",
                        phone=phone or "--"), ""  # fmt: skip
    if what == "ask-role":
        return _asked(at, access.ask_role(at, by, name, role))
    if what == "ask-sites":
        return _asked(at, access.ask_sites(at, by, name, sites))
    return _asked(at, access.ask_enable(at, by, name))


def _revoked(at: Office, display: int) -> Outcome:
    access.revoke_display(at, _keeper(), display)
    return at.words("已撤销大屏，其会话已结束"), ""


def _pressed() -> str:
    found = ctx.triggered_id
    return str(found.get("part", "")) if isinstance(found, Mapping) else ""


def _texts(fields: object) -> dict[str, str]:
    given = fields if isinstance(fields, Mapping) else {}
    return {n: v.strip()[:200] for n, v in given.items() if isinstance(v, str)}


def _known_sites(reader: PageReader, given: object) -> list[str]:
    """Return the sites of a form's choice that exist."""
    chosen = given.get("sites") if isinstance(given, Mapping) else given
    found = chosen if isinstance(chosen, list) else []
    return [site for site in reader.every_site() if site in found]


def _kept_as(field: str) -> str:
    """Return the property that holds a field: what is picked is kept in a store."""
    return "data" if field in ("role", "sites", "page") else "value"


def _cells(given: object) -> dict[Cell, bool]:
    """Return the cells of a policy as the page sends them; what is no cell is refused later."""
    found: dict[Cell, bool] = {}
    for name, allowed in given.items() if isinstance(given, Mapping) else ():
        parts = str(name).split(" ")
        if len(parts) == 3:
            found[parts[0], parts[1], parts[2]] = bool(allowed)
    return found


# ---- what is shown ----


def contents(reader: PageReader, search: object, chosen: str) -> Answer:
    """Return everything the page shows for an address."""
    asked, state = page.choice(search), reader.engine.state
    at = office(reader, chosen)
    everyone = state.accounts.everyone()
    inside = {one.account for one in state.accounts.sessions()}
    rows = [row_of(reader, at, one, one.account in inside) for one in everyone]
    requests = state.access.requests(only_open=True)
    found: Answer = {
        "top": _top(rows, len(requests), chosen),
        "accounts-sub": text("{count} 个账号；点账号名查看和办理", chosen, count=len(rows)),
        "accounts": figures.accounts(rows, asked.account, asked.shown, asked.href, chosen),
        "account": _account(reader, rows, asked.account, chosen),
        "waiting-sub": text("系统管理员与安全管理员互相制约：一人提出，另一人处理", chosen),
        "waiting": figures.waiting(
            [asked_of(reader, one, chosen) for one in requests], asked.request, asked.href, chosen
        ),
        "request": _request(reader, asked.request, chosen),
        "new": figures.new_form(_part, _site_options(reader, chosen), _roles(chosen), chosen),
        "matrix-sub": _policy_words(reader, chosen),
        "matrix": _matrix(reader, chosen),
        "displays-sub": text("挂在墙上的屏幕，只显示一个监测页面，不须登录", chosen),
        "displays": _displays(reader, chosen),
    }  # fmt: skip
    return found | {
        f"{name}-state": "ready" for name in ("accounts", "waiting", "matrix", "displays")
    }


def _part(name: str) -> dict[str, str]:
    return part(KEY, name)


def _roles(chosen: str) -> list[tuple[str, str]]:
    return [(role, role_name(role, chosen)) for role in ROLES]


def _site_options(reader: PageReader, chosen: str) -> list[tuple[str, str]]:
    return [(name, site.name(chosen)) for name, site in reader.every_site().items()]


def _site_names(reader: PageReader, sites: Sequence[str], chosen: str) -> tuple[str, ...]:
    known = reader.every_site()
    return tuple(known[name].name(chosen) if name in known else name for name in sites)


def row_of(reader: PageReader, at: Office, account: Account, inside: bool) -> Row:
    """Return an account as the table shows it, its person masked."""
    person, phone = people.opened(at.keys, account)
    state = "active"
    if account.disabled_at is not None:
        state = "disabled"
    elif unused(account, at.at):
        state = "unused"
    elif stage_of(account, at.at) != "full":
        state = "waiting"
    zone = zone_of(reader)
    return Row(
        account.name, account.role, role_name(account.role, at.language), people.masked(person),
        people.masked_phone(phone), account.scope, bool(account.totp),
        when(account.last_login_at, zone), state, inside, account.name == who().name,
        when(account.created_at, zone),
    )  # fmt: skip


def _top(rows: Sequence[Row], waiting: int, chosen: str) -> Content:
    active = sum(row.state != "disabled" for row in rows)
    late = sum(row.state == "unused" for row in rows)
    bare = sum(not row.factor and row.state != "disabled" for row in rows)
    words = text("{active} 个账号启用；", chosen, active=active)
    ask = text("{count} 项申请待处理", chosen, count=waiting)
    rest = text("；{bare} 个未登记动态口令，{late} 个 90 天未用。", chosen, bare=bare, late=late)
    title = el("H1", text(page.PAGE.title, chosen), cls="page-title")
    finding = el("P", words, el("Strong", ask, cls="strong") if waiting else ask, rest,
                 cls="finding", aria_live="polite")  # fmt: skip
    return el("Div", el("Div", title, finding), cls="page-head")


def _account(reader: PageReader, rows: Sequence[Row], name: str, chosen: str) -> Content:
    row = next((one for one in rows if one.name == name), None)
    if row is None:
        return None
    return figures.account_card(
        row, _part, _site_options(reader, chosen), _roles(chosen),
        alone=who().role == "sysadmin", language=chosen,
    )  # fmt: skip


def asked_of(reader: PageReader, found: AccessRequest, chosen: str) -> Asked:
    """Return a request as the page shows it."""
    zone, body = zone_of(reader), found.body
    decided = ""
    if found.decided_by:
        key = "已同意（{who}，{at}）" if found.status == "accepted" else "已驳回（{who}，{at}）"
        decided = text(key, chosen, who=found.decided_by, at=when(found.decided_at, zone))
        decided += f" {found.reason}" if found.reason else ""
    elif found.status == "withdrawn":
        decided = text("已被新的申请代替", chosen)
    by = Keeper(who().name, who().role)
    return Asked(
        found.request, found.kind, found.subject, _words(reader, found, chosen), found.proposer,
        when(found.proposed_at, zone), found.status, access.hindrance(by, found, chosen), decided,
        _details(reader, found.kind, body, chosen),
    )  # fmt: skip


def _words(reader: PageReader, found: AccessRequest, chosen: str) -> str:
    body, name = found.body, found.subject
    colon = "：" if chosen == "zh" else ": "

    def sites(kept: object) -> str:
        names = json.loads(str(kept)) if kept else []
        return figures.sites_words(_site_names(reader, names, chosen), chosen)

    if found.kind == "account":
        return f"{name}{colon}{role_name(str(body['role']), chosen)}"
    if found.kind == "role":
        before, after = (role_name(str(body[n]), chosen) for n in ("before", "role"))
        return f"{name}{colon}{before} → {after}"
    if found.kind == "sites":
        return f"{name}{colon}{sites(body['before'])} → {sites(body['sites'])}"
    if found.kind == "policy":
        count = len(policy.difference(reader.engine.state.access.matrix(), str(body["matrix"])))
        return text("{count} 处权限改变", chosen, count=count)
    if found.kind == "display":
        shown = text(PAGE_NAMES[str(body["page"])], chosen)
        return f"{name}{colon}{shown}{'，' if chosen == 'zh' else ', '}{sites(body['sites'])}"
    return name


def _details(
    reader: PageReader, kind: str, body: Mapping[str, Any], chosen: str
) -> tuple[tuple[str, str], ...]:
    """Return what a request would change, line by line."""
    if kind == "account":
        names = _site_names(reader, [str(one) for one in body["sites"]], chosen)
        return ((text("站点", chosen), figures.sites_words(names, chosen)),)
    if kind != "policy":
        return ()
    changed = policy.difference(reader.engine.state.access.matrix(), str(body["matrix"]))
    return tuple((_cell_words(cell, chosen), _allowed(after, chosen)) for cell, after in changed)


def _cell_words(cell: Cell, chosen: str) -> str:
    role, path, action = cell
    title, what = text(PAGE_NAMES[path], chosen), text(figures.ACTIONS[action], chosen)
    return f"{role_name(role, chosen)} {title} {what}"


def _allowed(after: bool, chosen: str) -> str:
    return text("不允许 → 允许", chosen) if after else text("允许 → 不允许", chosen)


def _request(reader: PageReader, number: int, chosen: str) -> Content:
    found = reader.engine.state.access.request(number) if number else None
    if found is None:
        return figures.empty(text("没有这项申请", chosen)) if number else None
    return figures.request_box(asked_of(reader, found, chosen), _part, chosen)


def _policy_words(reader: PageReader, chosen: str) -> str:
    versions = reader.engine.state.access.policies()
    if not versions:
        return text("版本 1，随产品提供；没有改动过", chosen)
    now = versions[0]
    before = versions[1].matrix if len(versions) > 1 else ""
    count = len(policy.difference(before, now.matrix))
    at = when(now.at, zone_of(reader))
    return text(
        "版本 {version}，{proposer} 提出、{approver} 同意，{at} 起；改了 {count} 处（左侧标出）",
        chosen, version=now.version, proposer=now.proposed_by, approver=now.approved_by, at=at,
        count=count,
    )  # fmt: skip


def _matrix(reader: PageReader, chosen: str) -> Content:
    state = reader.engine.state
    versions = state.access.policies()
    before = versions[1].matrix if len(versions) > 1 else ""
    changed = {cell for cell, _ in policy.difference(before, state.access.matrix())}
    now, lines = policy.in_force(state), []
    for path, action in policy.permissions():
        cells = {
            role: (now.allows(role, path, action), policy.switchable(role, path, action))
            for role in ROLES
        }
        marked = frozenset(role for role in ROLES if (role, path, action) in changed)
        lines.append(Line(path, action, text(PAGE_NAMES[path], chosen), cells, marked))
    return figures.matrix(lines, _roles(chosen), _part, editable=who().role == "secadmin",
                          language=chosen)  # fmt: skip


def _displays(reader: PageReader, chosen: str) -> Content:
    rows = [_screen(reader, one, chosen) for one in reader.engine.state.access.displays()]
    pages = [(path, text(PAGE_NAMES[path], chosen)) for path in MONITORING]
    return figures.displays(rows, _part, _site_options(reader, chosen), pages, chosen)


def _screen(reader: PageReader, one: Display, chosen: str) -> Screen:
    state = "revoked" if one.revoked_at else "open" if one.opened_at else "waiting"
    names = _site_names(reader, one.sites, chosen)
    granted = f"{one.granted_by} {when(one.granted_at, zone_of(reader))}"
    return Screen(
        one.display, one.name, text(PAGE_NAMES[one.page], chosen),
        figures.sites_words(names, chosen), one.address, granted, state,
    )  # fmt: skip
