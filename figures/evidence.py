"""5.7 d: the evidence library, what supports a project and what must still be argued."""

from __future__ import annotations

from datetime import date

from figures.cards import Built
from figures.html import Content, Node, el, icon
from figures.sales import Document, Sales
from figures.view import View

REMIND_DAYS = 60
STANCES = {"support": ("ok", "circle-check", "支持"), "argue": ("warn", "triangle-alert", "需论证")}


def evidence(view: View) -> Built:
    """Return the list of the documents; empty until somebody adds one, none is shipped."""
    sales = view.sales
    subtitle = view.t("名称、文号、日期、条款，支持或需论证")
    if sales is None or not sales.site:
        return Built(subtitle=subtitle, empty=view.t("佐证材料属于一个站点，请先只选一个站点"))
    live = [one for one in sales.documents if not one.retired]
    gone = [one for one in sales.documents if one.retired]
    add = _add(view) if sales.keeps else None
    if not live and not gone:
        return Built(subtitle=subtitle, empty=view.t("还没有录入政策佐证材料"),
                     action=el("Div", add, cls="empty-action", data_site=sales.site))  # fmt: skip
    argued = sum(one.stance == "argue" for one in live)
    sealed = sum(bool(one.sm3) for one in live)
    items = [_item(view, one, sales) for one in live]
    fold = el(
        "Details", el("Summary", view.t("已停用 {count} 份", count=len(gone)), cls="sale-fold"),
        el("Ul", [_item(view, one, sales) for one in gone], cls="documents"),
    ) if gone else None  # fmt: skip
    return Built(
        subtitle=view.t("佐证材料 {count} 份，{argued} 份需论证", count=len(live), argued=argued),
        body=el("Div", el("Ul", items, cls="documents"), fold,
                el("Div", add, cls="sale-actions") if add else None, data_site=sales.site),
        foot=view.t("原件以 SM4 密封保存，下载时核对 SM3 校验值"),
        mark=el("Span", icon("lock"), view.t("已存证 {count}", count=sealed),
                cls="badge badge-ok"),
    )  # fmt: skip


def _add(view: View) -> Node:
    return el("Button", icon("file-plus"), el("Span", view.t("添加佐证材料")), cls="button",
              type="button", data_ask="evidence", data_of="0")  # fmt: skip


def _item(view: View, one: Document, sales: Sales) -> Node:
    kind, sign, words = STANCES[one.stance]
    title: Content = el("Span", one.title, data_verbatim="1")
    if one.sm3:
        title = el("A", title, icon("download"), href=f"/evidence/{one.evidence}", target="_self",
                   download="", title=view.t("下载原件，SM3 {digest}", digest=one.sm3))  # fmt: skip
    facts = " · ".join(filter(None, (one.number, one.issuer, one.issued_on, one.clause)))
    digest = f"SM3 {one.sm3[:12]}…" if one.sm3 else view.t("没有原件")
    return el(
        "Li",
        el("Div", el("Strong", title, cls="document-title"),
           el("P", el("Span", f"#{one.evidence} {facts}", data_verbatim="1"), cls="document-facts"),
           el("P", el("Span", digest, cls="document-digest", title=one.sm3),
              _expiry(view, one, sales.today), cls="document-facts"),
           cls="document-words"),
        el("Div", el("Span", icon(sign), view.t(words), cls=f"badge badge-{kind}"),
           _tools(view, one) if sales.keeps else None, cls="document-side"),
        cls="document" + (" is-retired" if one.retired else ""), data_evidence=str(one.evidence),
    )  # fmt: skip


def _expiry(view: View, one: Document, today: date) -> Content:
    """Return when a document expires; from sixty days before on it is a warning."""
    if not one.expires_on or one.retired:
        return None
    left = (date.fromisoformat(one.expires_on) - today).days
    if left < 0:
        words = view.t("{day} 已到期", day=one.expires_on)
        return el("Span", icon("circle-x"), words, cls="badge badge-danger")
    if left <= REMIND_DAYS:
        words = view.t("剩 {days} 天到期", days=left)
        return el("Span", icon("clock"), words, cls="badge badge-warn")
    return el("Span", view.t("{day} 到期", day=one.expires_on))


def _tools(view: View, one: Document) -> Node:
    name = one.title
    if one.retired:
        act, sign, words = "evidence-restore", "undo-2", "恢复"
    else:
        act, sign, words = "evidence-retire", "archive", "停用"
    turn = el("Button", icon(sign), cls="tool", type="button", data_edit="act", data_act=act,
              data_number=str(one.evidence), aria_label=f"{view.t(words)}: {name}",
              title=view.t(words))  # fmt: skip
    change = el("Button", icon("square-pen"), cls="tool", type="button", data_ask="evidence",
                data_of=str(one.evidence), aria_label=f"{view.t('修改')}: {name}",
                title=view.t("修改"))  # fmt: skip
    return el("Span", None if one.retired else change, turn, cls="document-tools")
