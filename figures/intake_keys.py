"""接口密钥: the keys of programs as a table, and the form of a new one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from figures.factors import mark
from figures.forms import checks, text_field, work_row, work_table
from figures.html import Content, Node, el, icon
from figures.intake_links import Ident
from figures.users import empty, sites_words
from translations import text

STATES = {
    "valid": ("ok", "circle-check", "有效"),
    "due": ("warn", "clock", "30 天内到期"),
    "expired": ("stale", "clock", "已过期"),
    "revoked": ("stale", "archive", "已吊销"),
}
SCOPES = {
    "ingest:meter": "推送读数", "ingest:production": "推送批次和产出",
    "ingest:market": "推送行情", "read": "只读查询", "admin": "管理",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A key as the table shows it: never a secret."""

    prefix: str
    name: str
    scopes: tuple[str, ...]
    sites: tuple[str, ...]
    addresses: tuple[str, ...]
    made: str
    until: str
    state: str


def keys_table(rows: Sequence[KeyRow], *, may: bool, language: str) -> Node:
    """Return the table of keys; whoever may revokes one with one press."""
    if not rows:
        return empty(text("还没有接口密钥", language))
    head = (("密钥", ""), ("权限范围", ""), ("站点", ""), ("来源地址", ""), ("建立", ""),
            ("到期", ""), ("状态", ""), ("", ""))  # fmt: skip
    return work_table(head, [_line(row, may=may, language=language) for row in rows], "接口密钥",
                      language)  # fmt: skip


def _line(row: KeyRow, *, may: bool, language: str) -> Node:
    joint = "、" if language == "zh" else ", "
    revoke: Content = None
    if may and row.state not in ("revoked", "expired"):
        revoke = el("Button", text("吊销", language), cls="button", type="button",
                    id={"page": "data", "part": "keys-revoke", "key": row.prefix},
                    aria_label=text("吊销密钥 {name}", language, name=row.name))  # fmt: skip
    name = [el("Strong", row.name, data_verbatim="1"),
            el("Code", row.prefix, cls="note link-note", data_verbatim="1")]  # fmt: skip
    return work_row(
        [("", name, "at-name"),
         ("权限范围", joint.join(text(SCOPES[one], language) for one in row.scopes), "at-wide"),
         ("站点", el("Span", sites_words(row.sites, language), data_verbatim="1"), "at-rest"),
         ("来源地址", ", ".join(row.addresses) or text("任何地址", language), "at-wide"),
         ("建立", row.made, "at-wide"), ("到期", row.until, "at-rest"),
         ("状态", mark(*STATES[row.state][:2], text(STATES[row.state][2], language)), "at-rest"),
         ("", revoke, "at-do")],
        language,
    )  # fmt: skip


def key_form(ident: Ident, sites: Sequence[tuple[str, str]], language: str) -> Node:
    """Return the form of a new key."""

    def t(key: str) -> str:
        return text(key, language)

    scopes = [(name, t(words)) for name, words in SCOPES.items()]
    fields = el(
        "Div",
        text_field(ident("keys-name"), t("名称"), t("由哪个系统使用"), 80),
        text_field(ident("keys-days"), t("有效天数"), t("1 至 730"), 3),
        text_field(ident("keys-addresses"), t("来源地址"),
                   t("如 10.1.2.0/24，逗号分隔；不填为任何地址"), 400),
        checks(ident("keys-scopes"), scopes, (), t("权限范围")),
        checks(ident("keys-sites"), sites, (), t("站点（都不选为全部）")),
        cls="users-form users-form-wide",
    )  # fmt: skip
    submit = el("Button", icon("key-round"), el("Span", t("建立密钥")), id=ident("keys-add"),
                cls="button button-main", type="button")  # fmt: skip
    note = t("密钥只显示一次，系统只保存摘要；到期、吊销和来源不符都会被拒并记入审计")
    return el(
        "Details",
        el("Summary", icon("plus"), el("Span", t("新的接口密钥")), cls="button"),
        el("Div", fields, el("Div", submit, el("Span", note, cls="note"), cls="users-submit")),
        cls="users-details",
    )  # fmt: skip
