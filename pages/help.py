"""操作手册: the manual of the product and the accounting basis that its code states."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from figures.basis import copy_button
from figures.html import Content, Node, core, el, icon
from pages._plain import PlainPage, bones, part, place, stores
from translations import text

KEY = "help"
BASIS = "basis"  # the chapter made of the code
WHOLE = "whole"  # every chapter at once, to be printed
_JOINT = " · "  # parts the English and the Chinese of a bilingual heading


@dataclass(frozen=True)
class Heading:
    """A heading of a chapter: level, words, anchor."""

    level: int
    words: str
    anchor: str

    def own(self, language: str) -> str:
        """Return the words in the reader's language, where a heading has both."""
        english, _, chinese = self.words.partition(_JOINT)
        return chinese if chinese and language == "zh" else english


def layout(language: str) -> Node:
    """Return the page before its chapters are there."""
    words = text("搜索指标、因子、设置或规则", language)
    search = el(
        "Label", el("Span", words, cls="visually-hidden"), icon("search"),
        core("Input", id=part(KEY, "find"), type="text", debounce=0.25, placeholder=words,
             autoComplete="off", maxLength=80),
        cls="help-search",
    )  # fmt: skip
    head = el(
        "Div",
        el("Div", el("H1", text(PAGE.title, language), cls="page-title"),
           el("P", text("怎样使用这个系统，每个数值怎样算出来", language), cls="finding")),
        el("Div", search,
           el("Button", icon("printer"), el("Span", text("打印", language)), cls="button",
              type="button", data_do="print"), cls="help-tools"),
        el("P", el("Span", cls="print-time"), cls="print-only print-head"),
        cls="page-head",
    )  # fmt: skip
    body = el(
        "Div", place(KEY, "contents", cls="help-contents"),
        place(KEY, "chapters", el("Div", bones(), cls="card", data_panel="loading",
                                  data_state="loading"), cls="help-chapters"),
        cls="help-body",
    )  # fmt: skip
    return el("Div", el("Div", stores(KEY, "shown"), head, body, cls="content help"),
              cls="page", data_page=KEY)  # fmt: skip


PAGE = PlainPage(
    key=KEY,
    path="/help",
    name="操作手册",
    title="操作手册",
    clause="",
    group="系统管理",
    icon="circle-help",
    layout=layout,
)


@dataclass(frozen=True)
class Listed:
    """A chapter in the table of contents: anchor, title, and what is in it."""

    anchor: str
    title: str
    parts: tuple[tuple[str, str], ...] = ()


def contents(chapters: list[Listed], shown: str, language: str) -> list[Node]:
    """Return the table of contents; where there is little room it unfolds, chapters alone."""
    title = text("目录", language)

    def entry(anchor: str, words: str, cls: str) -> Node:
        current = "true" if anchor == shown else None
        return el("A", words, href=f"#{anchor}", cls=cls, aria_current=current)

    def tree(*, whole: bool) -> Node:
        return el("Ul", [
            el("Li", entry(c.anchor, c.title, "help-chapter-link"),
               el("Ul", [el("Li", entry(*at, "help-section-link")) for at in c.parts])
               if c.parts and (whole or c.anchor == BASIS) else None)
            for c in chapters
        ], el("Li", entry(WHOLE, text("全部章节（打印用）", language), "help-chapter-link")),
            cls="help-tree")  # fmt: skip

    return [
        el("Nav", el("Div", title, cls="help-contents-title"), tree(whole=True), cls="help-aside",
           aria_label=title, tabIndex="0", data_scroll="y"),
        el("Details", el("Summary", title, icon("chevron-down")),
           el("Nav", tree(whole=False), aria_label=title), cls="help-drop", key=shown),
    ]  # fmt: skip


def missing(name: str, language: str) -> Node:
    """Return what stands for a chapter whose file is not installed."""
    words = text("手册文件 {name} 不在安装目录里，请联系系统管理员", language, name=name)
    return _chapter("missing", el("P", words, cls="help-none", role="status"))


def manual(read: Document, target: str, language: str) -> Node:
    """Return a file of the manual; it holds both languages side by side."""
    chapter = _chapter(read.anchor, read.elements(target, language))
    chapter["props"]["data-verbatim"] = "1"
    return chapter


def whole_head(language: str) -> Node:
    """Return the beginning of the manual in one piece."""
    return _chapter(WHOLE, [el("H2", text("全部章节（打印用）", language))])


def basis_head(
    words: list[str], sections: list[tuple[str, str]], target: str, language: str
) -> Node:
    """Return the beginning of the chapter that is made of the code."""
    head = el("Div", el("H2", text("核算口径", language)),
              copy_button(language, focus=target == BASIS), cls="help-head")  # fmt: skip
    links = [el("Li", el("A", title, href=f"#{anchor}", cls="help-link"))
             for anchor, title in sections]  # fmt: skip
    return _chapter(BASIS, [head, [el("P", line, cls="help-words") for line in words],
                            el("Ul", links, cls="help-links")])  # fmt: skip


def found_head(count: int, most: int, wanted: str, language: str) -> Node:
    """Return how much was found of what is looked for."""
    words = text("找到 {count} 项", language, count=count)
    if count > most:
        words = text("找到 {count} 项，显示前 {most} 项；再加一个词可以缩小范围", language,
                     count=count, most=most)  # fmt: skip
    if not count:
        words = text("没有找到，请换一个词，例如指标名、因子编号、条款号", language)
    return _chapter("found", [el("H2", wanted, data_verbatim="1"),
                              el("P", words, cls="help-words", role="status")])  # fmt: skip


def _chapter(anchor: str, inside: Content) -> Node:
    return el("Section", inside, cls="card help-chapter", data_panel=anchor, data_state="ready")


# Markdown -------------------------------------------------------------------------------------

_PARSER = MarkdownIt("commonmark", {"html": False}).enable("table")
_TAGS = {
    "paragraph": "P", "bullet_list": "Ul", "ordered_list": "Ol", "list_item": "Li",
    "blockquote": "Blockquote", "strong": "Strong", "em": "Em", "thead": "Thead",
    "tbody": "Tbody", "tr": "Tr",
}  # fmt: skip
_SAFE = ("https://", "http://", "#")


@dataclass(frozen=True)
class Document:
    """A Markdown file: its anchor and syntax tree, and the headings that lead into it."""

    anchor: str
    tree: SyntaxTreeNode
    headings: tuple[Heading, ...]

    def elements(self, target: str, language: str) -> list[Content]:
        """Return the file as elements; the target's heading takes the focus."""
        made = _Made(self.headings, target, language)
        return [made.element(node) for node in self.tree.children]


def document(source: str, anchor: str) -> Document:
    """Return Markdown ready to be shown; HTML in it is words, links lead out only by http(s)."""
    tree = SyntaxTreeNode(_PARSER.parse(source))
    found: list[Heading] = []
    for node in tree.children:
        if node.type == "heading":
            level, words = int(node.tag[1:]), _words(node)
            slug = "-".join(re.findall(r"[a-z0-9]+", words.lower()))
            # the title bears the chapter's anchor; a heading without Latin letters its number
            own = f"{anchor}-{slug or len(found)}" if level > 1 else anchor
            taken = any(heading.anchor == own for heading in found)
            found.append(Heading(level, words, f"{own}-{len(found)}" if taken else own))
    return Document(anchor, tree, tuple(found))


class _Made:
    """Makes elements of a file's syntax tree, heading after heading."""

    def __init__(self, headings: Sequence[Heading], target: str, language: str) -> None:
        self._headings = iter(headings)
        self._target, self._language = target, language

    def element(self, node: SyntaxTreeNode) -> Content:
        kind = node.type
        if kind in ("text", "html_inline", "html_block"):
            return node.content
        if kind in ("softbreak", "hardbreak"):
            return el("Br") if kind == "hardbreak" else " "
        if kind == "code_inline":
            return el("Code", node.content)
        if kind in ("fence", "code_block"):
            return el("Pre", el("Code", node.content), tabIndex="0", data_scroll="x")
        if kind == "hr":
            return el("Hr")
        if kind == "heading":
            return self._heading(node)
        if kind == "table":
            return el("Table", self._rows(node), cls="help-table")
        if kind == "link":
            return self._link(node)
        inside = [self.element(child) for child in node.children]
        # a paragraph of a tight list is hidden: its words stand in the item itself
        shown = kind in _TAGS and not (kind == "paragraph" and node.hidden)
        return el(_TAGS[kind], inside) if shown else inside

    def _heading(self, node: SyntaxTreeNode) -> Node:
        heading = next(self._headings)
        inside = [self.element(child) for child in node.children]
        here = heading.anchor == self._target
        button = copy_button(self._language, focus=here) if here or heading.level == 1 else None
        # the page has the first level
        title = el(f"H{min(heading.level + 1, 6)}", inside, id=heading.anchor)
        if button is None:
            return title
        return el("Div", title, button, cls="help-head", data_panel=heading.anchor)

    def _rows(self, table: SyntaxTreeNode) -> list[Content]:
        """Return head and body of a table, each cell with the title of its column."""
        titles = [_words(cell) for cell in table.children[0].children[0].children]
        return [
            el(_TAGS[part_.type], [el("Tr", list(self._cells(row, titles)))
                                   for row in part_.children])
            for part_ in table.children
        ]  # fmt: skip

    def _cells(self, row: SyntaxTreeNode, titles: list[str]) -> Iterator[Node]:
        for title, cell in zip(titles, row.children, strict=True):
            inside = [self.element(child) for child in cell.children]
            if cell.type == "th":
                yield el("Th", inside, scope="col")
            else:
                yield el("Td", inside, data_label=title)

    def _link(self, node: SyntaxTreeNode) -> Content:
        inside = [self.element(child) for child in node.children]
        href = str(node.attrs.get("href", ""))
        return el("A", inside, href=href, cls="help-link") if href.startswith(_SAFE) else inside


def _words(node: SyntaxTreeNode) -> str:
    """Return what a node says, without its marks."""
    if not node.children:
        return node.content if node.type in ("text", "code_inline", "html_inline") else " "
    return "".join(_words(child) for child in node.children)
