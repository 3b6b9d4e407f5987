"""What 用户与权限 shows: accounts, requests, the policy as a matrix, wall screens."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from figures.factors import mark, strip
from figures.forms import checks, radio, text_field, work_row, work_table
from figures.html import Content, Node, core, el, icon, link
from translations import text

Ident = Callable[[str], dict[str, str]]
Href = Callable[..., str]
STATES = {
    "active": ("ok", "circle-check", "启用"),
    "unused": ("warn", "clock", "90 天未用"),
    "waiting": ("info", "clock", "待首次登录"),
    "disabled": ("stale", "archive", "已停用"),
}
KINDS = {
    "account": ("plus", "新建账号"),
    "role": ("users", "变更角色"),
    "sites": ("factory", "变更站点"),
    "enable": ("rotate-ccw", "启用账号"),
    "policy": ("shield-check", "权限策略"),
    "display": ("monitor", "大屏"),
}
ACTIONS = {
    "open": "打开", "export": "导出与核算依据", "propose": "提出", "decide": "批准",
    "check": "核对", "lock": "锁定", "reopen": "重新打开", "note": "写备注、设目标",
    "handle": "处理告警", "import": "导入数据", "revoke": "撤回批次", "link": "维护接口",
    "key": "管理接口密钥", "scenario": "保存测算情景",
    "project": "维护佐证与项目",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """An account as the table shows it: persons masked."""

    name: str
    role: str
    role_words: str
    person: str
    phone: str
    sites: tuple[str, ...]
    factor: bool
    login: str
    state: str
    inside: bool
    own: bool
    made: str = ""


@dataclass(frozen=True)
class Asked:
    """A request as the page shows it: what it changes in words, and why one cannot decide."""

    number: int
    kind: str
    subject: str
    words: str
    proposer: str
    at: str
    status: str
    hindrance: str = ""
    decided: str = ""
    details: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Line:
    """A line of the matrix: a page or what is done on it, and its cells by role."""

    page: str
    action: str
    title: str
    cells: Mapping[str, tuple[bool, bool]]  # role to whether allowed, whether switchable
    changed: frozenset[str] = field(default_factory=frozenset)


@dataclass(frozen=True)
class Screen:
    """A wall screen as the page shows it."""

    display: int
    name: str
    page: str
    sites: str
    address: str
    granted: str
    state: str  # waiting, open, revoked


def said(kind: str, words: str, once: str = "", language: str = "zh") -> Node:
    """Return what came of an action; what is shown once stands apart and can be selected."""
    sign = "circle-check" if kind == "ok" else "circle-x"
    found: list[Content] = [el("Strong", words)]
    if once:
        found += [
            el("Code", once, cls="users-once", data_verbatim="1"),
            el("Span", text("只显示这一次，请立即转交本人", language), cls="note"),
        ]
    made = strip(kind, sign, *found)
    made["props"]["role"] = "alert" if kind == "danger" else "status"
    return made


def empty(words: str) -> Node:
    """Return an empty card's words."""
    return el("Div", icon("inbox"), el("P", words, cls="empty-reason"), cls="empty")


def _own(words: str) -> Node:
    """Return words that are the same in every language: names, sites."""
    return el("Span", words, data_verbatim="1")


def state_badge(state: str, language: str) -> Node:
    """Return how an account stands, as a badge."""
    kind, sign, words = STATES[state]
    return mark(kind, sign, text(words, language))


def sites_words(sites: Sequence[str], language: str) -> str:
    """Return the sites of a scope in words."""
    return ("、" if language == "zh" else ", ").join(sites) or text("全部站点", language)


def accounts(
    rows: Sequence[Row], chosen: str, shown: int, href: Href, language: str
) -> list[Node]:  # fmt: skip
    """Return the table of accounts; a name opens the account's card."""
    head = (("账号", ""), ("角色", ""), ("姓名", ""), ("电话", ""), ("站点", ""), ("动态口令", ""),
            ("最近登录", ""), ("状态", ""))  # fmt: skip
    body = []
    for row in rows[:shown]:
        name = link(
            href(account=row.name, request=0), row.name, cls="work-name", data_verbatim="1",
            aria_current="true" if row.name == chosen else None,
        )  # fmt: skip
        factor = (mark("ok", "shield-check", text("已登记", language)) if row.factor
                  else mark("warn", "clock", text("待登记", language)))  # fmt: skip
        body.append(
            work_row(
                [("", name, "at-name"), ("角色", row.role_words, "at-rest"),
                 ("姓名", _own(row.person or "--"), "at-rest"),
                 ("电话", row.phone or "--", "at-rest"),
                 ("站点", _own(sites_words(row.sites, language)), "at-wide"),
                 ("动态口令", factor, "at-rest"), ("最近登录", row.login or "--", "at-rest"),
                 ("", state_badge(row.state, language), "at-state")],
                language, "chosen" if row.name == chosen else "",
            )
        )  # fmt: skip
    found = [work_table(head, body, "账号", language)]
    if len(rows) > shown:
        words = text("显示更多（还有 {count} 个）", language, count=len(rows) - shown)
        found.append(link(href(shown=shown + 40), icon("chevron-down"), el("Span", words),
                          cls="button work-more"))  # fmt: skip
    note = text("姓名和电话加密保存，列表中隐去；查看全文会记入审计", language)
    found.append(el("Div", el("Span", note, cls="foot-words"), cls="card-foot"))
    return found


def account_card(
    row: Row, ident: Ident, sites: Sequence[tuple[str, str]], roles: Sequence[tuple[str, str]],
    *, alone: bool, language: str,
) -> Node:  # fmt: skip
    """Return an account with what can be done about it."""
    facts = [
        ("角色", row.role_words), ("姓名", row.person or "--"), ("电话", row.phone or "--"),
        ("站点", sites_words(row.sites, language)), ("建立于", row.made),
        ("最近登录", row.login or "--"),
    ]  # fmt: skip
    facts_ = [el("Div", el("Dt", text(name, language)), el("Dd", words, data_verbatim="1"))
              for name, words in facts]  # fmt: skip
    disabled = row.state == "disabled"
    hint = text("不能办理自己的账号", language) if row.own else ""

    def button(name: str, sign: str, words: str, *, off: bool) -> Node:
        return el("Button", icon(sign), el("Span", text(words, language)), id=ident(name),
                  cls="button", type="button", disabled=off)  # fmt: skip

    single = [
        button("disable", "lock", "停用", off=row.own or disabled or not alone),
        button("sign-out", "log-out", "结束会话", off=not row.inside or not alone),
        button("reset-password", "key-round", "重设密码", off=row.own or disabled or not alone),
        button("reset-factor", "shield-check", "重设动态口令",
               off=row.own or not row.factor or not alone),
        button("unmask", "eye", "查看姓名和电话", off=not row.person and not row.phone),
    ]  # fmt: skip
    note = text("由系统管理员一人办理，记入审计", language)
    two = text("以下由另一类管理员同意后生效", language)
    off = row.own
    forms = el(
        "Div",
        radio(ident("role"), roles, row.role, text("角色", language)),
        button("ask-role", "users", "申请变更角色", off=off or disabled),
        checks(ident("sites"), sites, row.sites, text("站点（都不选为全部）", language)),
        button("ask-sites", "factory", "申请变更站点", off=off or disabled),
        button("ask-enable", "rotate-ccw", "申请启用", off=off or not disabled),
        cls="users-form",
    )  # fmt: skip
    return el(
        "Section", core("Store", id=ident("account-name"), data=row.name),
        el("Div", el("H2", row.name, cls="card-title", data_verbatim="1"),
           state_badge(row.state, language), cls="card-head"),
        el("Dl", facts_, cls="users-facts"),
        el("P", hint, cls="work-hindrance") if hint else None,
        el("Div", single, cls="users-buttons"), el("P", note, cls="note"),
        el("P", two, cls="users-two-words"), forms, cls="card", id="account-card",
    )  # fmt: skip


def new_form(
    ident: Ident, sites: Sequence[tuple[str, str]], roles: Sequence[tuple[str, str]], language: str
) -> Node:
    """Return the form of a new account."""

    def t(key: str) -> str:
        return text(key, language)

    fields = el(
        "Div",
        text_field(ident("new-name"), t("账号"), t("2 至 64 个字母、数字或 . _ - @")),
        text_field(ident("new-person"), t("姓名"), t("管理员必填"), 60),
        text_field(ident("new-phone"), t("电话"), t("可不填"), 24),
        radio(ident("new-role"), roles, None, t("角色")),
        checks(ident("new-sites"), sites, (), t("站点（都不选为全部）")),
        cls="users-form users-form-wide",
    )  # fmt: skip
    return el(
        "Details",
        el("Summary", icon("plus"), el("Span", t("申请新账号")), cls="button button-main"),
        el("Div", fields,
           el("Div", el("Button", icon("check"), el("Span", t("提出申请")), id=ident("ask-account"),
                        cls="button button-main", type="button"),
              el("Span", t("另一类管理员同意后得到一次性密码，首次登录时修改并登记动态口令"),
                 cls="note"), cls="users-submit"), cls="card"),
        cls="users-details",
    )  # fmt: skip


def waiting(
    rows: Sequence[Asked], chosen: int, href: Href, language: str
) -> Node:  # fmt: skip
    """Return the open requests; one opens its details and the decision."""
    if not rows:
        return empty(text("没有待处理的申请", language))
    head = (("申请", ""), ("内容", ""), ("提出人", ""), ("提出时间", ""), ("", ""))
    body = []
    for row in rows:
        sign, kind = KINDS[row.kind]
        title = link(
            href(request=row.number, account=""), icon(sign), " ",
            text("{number} {kind}", language, number=row.number, kind=text(kind, language)),
            cls="work-name", aria_current="true" if row.number == chosen else None,
        )  # fmt: skip
        body.append(
            work_row([("", title, "at-name"), ("内容", _own(row.words), "at-wide"),
                  ("提出人", row.proposer, "at-rest"), ("提出时间", row.at, "at-rest"),
                  ("", mark("info", "clock", text("待处理", language)), "at-state")],
                 language, "chosen" if row.number == chosen else "")
        )  # fmt: skip
    return work_table(head, body, "待处理的申请", language)


def request_box(row: Asked, ident: Ident, language: str) -> Node:
    """Return a request with the decision about it."""
    details = [el("Div", el("Dt", name), el("Dd", words, data_verbatim="1"))
               for name, words in row.details]  # fmt: skip
    off = bool(row.hindrance) or row.status != "open"
    why: Content = None
    if row.status != "open":
        why = el("P", icon("info"), el("Span", row.decided), cls="note users-decided")
    elif row.hindrance:
        why = el("P", icon("circle-x"), el("Span", row.hindrance), cls="work-hindrance")
    title = text("申请 {number}：{kind}", language, number=row.number,
                 kind=text(KINDS[row.kind][1], language))  # fmt: skip
    decision = el(
        "Div",
        core("Input", id=ident("reason"), type="text", value="", maxLength=500, autoComplete="off",
             placeholder=text("驳回的原因", language), disabled=off),
        el("Div",
           el("Button", icon("undo-2"), el("Span", text("驳回", language)), id=ident("reject"),
              cls="button", type="button", disabled=off),
           el("Button", icon("check"), el("Span", text("同意并生效", language)), id=ident("accept"),
              cls="button button-main", type="button", disabled=off), cls="work-buttons"),
        why, cls="work-decision",
    )  # fmt: skip
    return el(
        "Div", el("H3", title, cls="users-request-title"), el("P", row.words, data_verbatim="1"),
        el("Dl", details, cls="users-facts") if details else None, decision, cls="users-request",
        id="request-box",
    )  # fmt: skip


def matrix(
    lines: Sequence[Line], roles: Sequence[tuple[str, str]], ident: Ident, *, editable: bool,
    language: str,
) -> list[Node]:  # fmt: skip
    """Return the policy: pages and actions by role; fixed cells cannot be switched."""
    switchable = {
        f"{role} {line.page} {line.action}": line.cells[role][0]
        for line in lines
        for role, _ in roles
        if line.cells[role][1]
    }
    head = [el("Th", text("页面与动作", language), scope="col")]
    head += [el("Th", words, scope="col") for _, words in roles]
    body = []
    for line in lines:
        name = line.title if line.action == "open" else text(ACTIONS[line.action], language)
        cells = [
            el("Td", _cell(line, role, words, editable=editable, language=language),
               cls="is-changed" if role in line.changed else "", data_label=words)
            for role, words in roles
        ]  # fmt: skip
        cls = "matrix-page" if line.action == "open" else "matrix-action"
        body.append(el("Tr", el("Th", name, scope="row"), cells, cls=cls))
    table = el(
        "Div", el("Table", el("Thead", el("Tr", head)), el("Tbody", body), cls="matrix-table"),
        core("Store", id=ident("cells"), data=switchable if editable else {}),
        data_picks="cells" if editable else None, data_how="map",
        cls="work-scroll", tabIndex="0", data_scroll="x", role="region",
        aria_label=text("权限策略", language),
    )  # fmt: skip
    legend = el(
        "Div",
        el("Span", icon("circle-check"), text("允许", language), cls="matrix-yes"),
        el("Span", "–", " ", text("不允许", language), cls="matrix-no"),
        el("Span", icon("lock"), text("固定：任何策略都不能改", language)),
        cls="users-legend",
    )  # fmt: skip
    found = [table, legend]
    if editable:
        words = text("提出新策略", language)
        note = text("系统管理员同意后成为新版本；三个管理员的权限和总览固定", language)
        found.append(
            el("Div", el("Button", icon("check"), el("Span", words), id=ident("ask-policy"),
                         cls="button button-main", type="button"), el("Span", note, cls="note"),
               cls="users-submit")
        )  # fmt: skip
    return found


def _cell(line: Line, role: str, words: str, *, editable: bool, language: str) -> Content:
    allowed, switchable = line.cells[role]
    what = text(ACTIONS[line.action], language)
    label = f"{words} {line.title} {what}"
    if switchable and editable:
        return el("Button", icon("check"), cls="matrix-switch", type="button", aria_label=label,
                  title=label, aria_pressed=str(allowed).lower(),
                  data_pick=f"{role} {line.page} {line.action}")  # fmt: skip
    said_ = text("允许", language) if allowed else text("不允许", language)
    sign = icon("circle-check") if allowed else el("Span", "–", aria_hidden="true")
    lock = None if switchable or not allowed else icon("lock")
    return el("Span", sign, lock, el("Span", f"{label} {said_}", cls="visually-hidden"),
              cls="matrix-yes" if allowed else "matrix-no")  # fmt: skip


def displays(
    rows: Sequence[Screen], ident: Ident, sites: Sequence[tuple[str, str]],
    pages: Sequence[tuple[str, str]], language: str,
) -> list[Node]:  # fmt: skip
    """Return the wall screens and the form of another."""

    def t(key: str) -> str:
        return text(key, language)

    badges = {
        "waiting": mark("info", "clock", t("链接未打开")),
        "open": mark("ok", "circle-check", t("使用中")),
        "revoked": mark("stale", "archive", t("已撤销")),
    }
    head = (
        ("名称", ""),
        ("页面", ""),
        ("站点", ""),
        ("地址", ""),
        ("授权", ""),
        ("状态", ""),
        ("", ""),
    )
    body = []
    for row in rows:
        revoke = None
        if row.state != "revoked":
            revoke = el(
                "Button", t("撤销"), cls="button", type="button",
                id={"page": "users", "part": "revoke", "display": row.display},
                aria_label=text("撤销 {name}", language, name=row.name),
            )  # fmt: skip
        body.append(
            work_row([("", el("Strong", row.name, data_verbatim="1"), "at-name"),
                  ("页面", row.page, "at-rest"), ("站点", row.sites, "at-wide"),
                  ("地址", row.address or t("首次打开时绑定"), "at-rest"),
                  ("授权", row.granted, "at-rest"), ("状态", badges[row.state], "at-state"),
                  ("", revoke, "at-do")], language)
        )  # fmt: skip
    table = work_table(head, body, "大屏", language) if rows else empty(t("还没有大屏"))
    form = el(
        "Details",
        el("Summary", icon("plus"), el("Span", t("申请大屏")), cls="button"),
        el("Div",
           el("Div", text_field(ident("display-name"), t("名称"), t("如 一楼大厅"), 40),
              text_field(ident("display-address"), t("地址"), t("大屏的 IP；留空则首次打开时绑定"),
                      45),
              radio(ident("display-page"), pages, "/", t("页面")),
              checks(ident("display-sites"), sites, (), t("站点（都不选为全部）")),
              cls="users-form users-form-wide"),
           el("Div", el("Button", icon("check"), el("Span", t("提出申请")),
                        id=ident("ask-display"), cls="button button-main", type="button"),
              el("Span", t("同意后得到一个只能打开一次的链接；只读，可随时撤销"), cls="note"),
              cls="users-submit")),
        cls="users-details",
    )  # fmt: skip
    return [table, form]
