"""What came of a file that was brought in, and the batches that came before it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from figures.factors import strip
from figures.html import Content, Node, core, el, icon, link
from figures.intake_import import button, doing
from translations import text

Ident = Callable[[str], dict[str, str]]


def taken(numbers: Mapping[str, int | str], href: str, language: str) -> Node:
    """Return what was taken in, with the way to take it back."""
    key = "新增 {new} 行，相同 {same} 行，更正 {fixed} 行，剔除 {out} 行（批次 {batch}）"
    words = text(key, language, **numbers)
    return el(
        "Div",
        strip("ok", "circle-check", el("Strong", text("已入库", language)), words, " ",
              text("涉及的月份会自动重新结算", language),
              link(href, text("查看或撤回", language), cls="strip-link")),
        button(text("再导入一个", language), "upload", doing(do="cancel"), "button-main"),
        cls="card intake-taken",
    )  # fmt: skip


@dataclass(frozen=True)
class Batch:
    """A batch as a row of the list, in words."""

    batch: int
    file: str
    kind: str
    who: str
    at: str
    rows: str
    digest: str
    revoked: str
    href: str
    chosen: bool = False


def batches(rows: Sequence[Batch], more: str, language: str) -> list[Node]:
    """Return the card of the batches."""
    head = el("Div", el("Div", el("H2", text("导入批次", language), cls="card-title"),
                        el("P", text("整批可撤回：数据保留并标记，涉及的月份重新结算", language),
                           cls="card-sub"), cls="card-titles"), cls="card-head")  # fmt: skip
    if not rows:
        return [head, el("Div", icon("inbox"), el("P", text("还没有导入过文件", language),
                                                  cls="empty-reason"), cls="empty")]  # fmt: skip
    heads = ("批次", "文件", "内容", "导入人", "时间", "行数", "SM3", "状态")
    body = [
        el("Tr",
           el("Td", link(one.href, str(one.batch), cls="work-name"), cls="at-name"),
           el("Td", one.file, cls="at-rest wrap", data_verbatim="1"),
           el("Td", one.kind, cls="at-rest"),
           el("Td", one.who, cls="at-rest at-aside", data_verbatim="1"),
           el("Td", one.at, cls="at-rest at-aside"),
           el("Td", one.rows, cls="num at-rest", data_label=text("行数", language)),
           el("Td", el("Code", one.digest[:12], title=one.digest), cls="at-rest at-aside"),
           el("Td", el("Span", text("已撤回", language), cls="badge badge-box badge-stale")
              if one.revoked else el("Span", text("有效", language),
                                     cls="badge badge-box badge-ok"), cls="at-state"),
           cls="chosen" if one.chosen else "", data_batch=str(one.batch))
        for one in rows
    ]  # fmt: skip
    titles = [el("Th", text(h, language), cls="num" if h == "行数" else "") for h in heads]
    table = el("Table", el("Thead", el("Tr", titles)),
               el("Tbody", body), cls="work-table intake-batches")  # fmt: skip
    found = [head, el("Div", table, cls="work-scroll", tabIndex="0", data_scroll="x",
                      role="region", aria_label=text("导入批次", language))]  # fmt: skip
    if more:
        found.append(link(more, text("更多", language), cls="button work-more"))
    return found


def batch_card(
    facts: Sequence[tuple[str, str]], ident: Ident, batch: int, hindrance: str, close: str,
    language: str,
) -> Node:  # fmt: skip
    """Return a batch with its facts, and how it is taken back."""
    rows = [el("Div", el("Dt", name), el("Dd", value or "--", data_verbatim="1"), cls="intake-fact")
            for name, value in facts]  # fmt: skip
    head = el("Div", el("H2", text("批次 {batch}", language, batch=batch), cls="card-title"),
              link(close, icon("x"), cls="button", title=text("关闭", language)),
              cls="card-head intake-batch-head")  # fmt: skip
    if hindrance:
        act: Content = el("P", icon("lock"), el("Span", hindrance), cls="note")
    else:
        act = el(
            "Div",
            el("Label", el("Span", text("撤回原因（记入审计）", language), cls="work-label"),
               core("Input", id=ident("import-why"), type="text", value="", maxLength=200,
                    autoComplete="off"), cls="work-field intake-reason"),
            button(text("撤回整批", language), "undo-2", doing(revoke=batch), "button-danger"),
            cls="intake-revoke",
        )  # fmt: skip
    return el("Div", head, el("Dl", rows, cls="intake-facts"), act, cls="card", id="batch-card")
