"""A paper as Word document, for people who write into it."""

from __future__ import annotations

import io
import zipfile
from datetime import datetime

from docx import Document
from docx.document import Document as Word
from docx.enum.section import WD_ORIENT, WD_SECTION
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Mm, Pt, RGBColor
from docx.styles.style import ParagraphStyle
from docx.table import Table as WordTable
from docx.table import _Row

from reports.paper import Paper, Section, Table, widths

BODY, HEAD = "SimSun", "SimHei"  # 宋体, 黑体: every Word that writes Chinese has them
WIDTH_MM, LENGTH_MM, EDGE_MM = 210, 297, 18
_BEGINNING = (1980, 1, 1, 0, 0, 0)  # a file in an archive has a time; ours must not be the clock's
_QUIET = RGBColor(0x52, 0x60, 0x6D)


def docx(paper: Paper) -> bytes:
    """Return a paper as Word document; the same paper is the same bytes."""
    word = Document()
    _look(word)
    _known(word, paper)
    _title(word, paper)
    _table(word, Table("", ("", ""), paper.facts), headed=False)
    for section in paper.sections:
        _section(word, section)
    for table in paper.closing:
        _table(word, table)
    _foot(word, paper.foot)
    out = io.BytesIO()
    word.save(out)
    return _timeless(out.getvalue())


def _look(word: Word) -> None:
    for name, font, size in (("Normal", BODY, 10.5), ("Title", HEAD, 18), ("Heading 1", HEAD, 13)):
        style = word.styles[name]
        if not isinstance(style, ParagraphStyle):
            raise TypeError(name)
        style.font.name, style.font.size = "Arial", Pt(size)
        style.font.color.rgb = RGBColor(0, 0, 0)
        style.element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)
    page = word.sections[0]
    page.page_width, page.page_height = Mm(WIDTH_MM), Mm(LENGTH_MM)
    page.left_margin = page.right_margin = Mm(EDGE_MM)


def _known(word: Word, paper: Paper) -> None:
    about = word.core_properties
    about.title, about.subject = f"{paper.title} {paper.subtitle}", paper.mark
    about.author = about.last_modified_by = ""
    about.comments = ""
    about.language = "zh-CN" if paper.language == "zh" else "en"
    about.created = about.modified = paper.as_of.replace(tzinfo=None, microsecond=0)
    about.last_printed = datetime(*_BEGINNING)
    about.revision = 1


def _title(word: Word, paper: Paper) -> None:
    word.add_paragraph(paper.title, style="Title")
    line = word.add_paragraph(paper.subtitle)
    second = line.add_run(f"   {paper.second}")
    second.font.color.rgb = _QUIET
    if paper.mark:
        line.add_run(f"   {paper.mark}").bold = True


def _section(word: Word, section: Section) -> None:
    lying = any(table.wide for table in section.tables)
    if lying:
        _turned(word, lying=True)
    heading = word.add_paragraph(f"{section.letter}  {section.title}", style="Heading 1")
    second = heading.add_run(f"  {section.second}")
    second.font.size, second.font.color.rgb = Pt(9), _QUIET
    for words in section.words:
        word.add_paragraph(words)
    for table in section.tables:
        _table(word, table)
    if lying:
        _turned(word, lying=False)


def _table(word: Word, table: Table, *, headed: bool = True) -> None:
    if table.name:
        word.add_paragraph().add_run(table.name).bold = True
    lines = (table.head, *table.rows) if headed else table.rows
    made = word.add_table(rows=len(lines), cols=len(table.head), style="Table Grid")
    made.autofit = False
    size = Pt(7) if table.wide else Pt(9)
    shares = widths(table)
    room = (LENGTH_MM if table.wide else WIDTH_MM) - 2 * EDGE_MM
    for row, cells in zip(made.rows, lines, strict=True):
        for at, (cell, words) in enumerate(zip(row.cells, cells, strict=True)):
            cell.width = Mm(room * shares[at] / sum(shares))
            run = cell.paragraphs[0].add_run(words)
            run.font.size = size
    if headed:
        _repeated(made, made.rows[0])
    word.add_paragraph()


def _repeated(made: WordTable, row: _Row) -> None:
    """Show a table's head again on each of its pages."""
    mark = OxmlElement("w:tblHeader")
    mark.set(qn("w:val"), "true")
    row._tr.get_or_add_trPr().append(mark)
    for cell in made.rows[0].cells:
        for run in cell.paragraphs[0].runs:
            run.bold = True


def _turned(word: Word, *, lying: bool) -> None:
    page = word.add_section(WD_SECTION.NEW_PAGE)
    page.orientation = WD_ORIENT.LANDSCAPE if lying else WD_ORIENT.PORTRAIT
    long, short = Mm(LENGTH_MM), Mm(WIDTH_MM)
    page.page_width, page.page_height = (long, short) if lying else (short, long)


def _foot(word: Word, words: str) -> None:
    line = word.sections[0].footer.paragraphs[0].add_run(words)
    line.font.size, line.font.color.rgb = Pt(7.5), _QUIET


def _timeless(body: bytes) -> bytes:
    """Return an archive whose files do not tell when they were written."""
    out = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(body)) as read, zipfile.ZipFile(out, "w") as write:
        for name in read.namelist():
            info = zipfile.ZipInfo(name, _BEGINNING)
            info.compress_type = zipfile.ZIP_DEFLATED
            write.writestr(info, read.read(name))
    return out.getvalue()
