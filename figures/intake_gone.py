"""接口: an interface is removed for good; those that were are shown behind a switch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from figures.forms import work_row, work_table
from figures.html import Node, el, icon, link
from translations import text

Href = Callable[..., str]
Ident = Callable[[str], dict[str, str]]


@dataclass(frozen=True, slots=True)
class GoneRow:
    """An interface that was removed: when, by whom, and what it was."""

    name: str
    title: str
    kind: str
    site: str
    at: str
    author: str
    versions: int


def gone_table(rows: Sequence[GoneRow], href: Href, language: str, *, shown: bool) -> Node | None:
    """Return the switch that shows the removed interfaces, and them; None without any."""
    if not rows:
        return None
    words = text("收起已移除的接口" if shown else "已移除的接口（{count}）", language,
                 count=len(rows))  # fmt: skip
    switch = link(href(gone="" if shown else "1"), icon("archive"), el("Span", words),
                  cls="button work-more", aria_expanded="true" if shown else "false")  # fmt: skip
    if not shown:
        return switch
    head = (("接口", ""), ("站点", ""), ("移除时间", ""), ("移除人", ""), ("版本", "num"))
    body = [
        work_row(
            [("", [el("Strong", one.title, data_verbatim="1"),
                   el("Span", f"{one.name}  {one.kind}", cls="note link-note")], "at-name"),
             ("站点", el("Span", one.site, data_verbatim="1"), "at-rest"),
             ("移除时间", one.at, "at-rest"),
             ("移除人", el("Span", one.author, data_verbatim="1"), "at-rest"),
             ("版本", str(one.versions), "num at-rest")],
            language,
        )
        for one in rows
    ]  # fmt: skip
    note = text("读数和历史版本都保留；编号不再使用", language)
    return el("Div", switch, el("P", note, cls="note"),
              work_table(head, body, "已移除的接口", language), cls="link-gone")  # fmt: skip


def removal(name: str, ident: Ident, *, may: bool, language: str) -> Node:
    """Return the way to remove an interface, which asks once more; hidden from who may not."""
    asked = text("移除 {name}？不再采集，不能恢复；读数和历史版本保留，编号不再使用。", language,
                 name=name)  # fmt: skip
    sure = el("Button", icon("archive"), el("Span", text("确认移除", language)),
              id=ident("links-remove"), cls="button button-danger", type="button",
              disabled=not may)  # fmt: skip
    return el(
        "Details",
        el("Summary", icon("archive"), el("Span", text("移除接口", language)), cls="button"),
        el("Div", el("P", asked, cls="link-asked"), sure, cls="menu"),
        cls="menu-box link-removal" if may else "work-hidden",
    )  # fmt: skip
