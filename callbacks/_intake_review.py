"""What the tab 导入 shows of a file in work, of what came of it, and of earlier batches."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any
from urllib.parse import quote

from flask import Response

from callbacks._intake_check import PATIENCE_S, Check
from callbacks._scope import in_scope, scope
from callbacks._uploads import BOOKS, PARQUET, SUFFIXES, Slot, too_large
from callbacks.closing import Answer, Desk, Who, may, missing, when, zone_of
from callbacks.download import XLSX
from data.batches import BatchRow, batches
from data.engine import DiskFull
from data.ingest.error_list import error_list
from data.ingest.kinds import KINDS, Kind, has_site
from data.ingest.problems import Refused
from data.ingest.review import Corrections
from data.ingest.template import template_xlsx
from data.ingest.watch import Stopped, Watch
from data.intake import (
    EDITED_MB,
    MOST_MB,
    Draft,
    Found,
    checked,
    checked_whole,
    file_to_take,
    table_of,
)
from data.intake_effect import effect_of
from figures import intake_batches, intake_import
from figures.html import Content, Node, el
from figures.intake_import import Cell, Issue, Line, Pair, Sheet, doing, picker
from figures.intake_reasons import WARNINGS, reasons_card
from figures.view import period_words
from pages import data as page
from pages._plain import number, part
from security.policy import IMPORT, REVOKE
from translations import text

LOG = logging.getLogger("carbon.pages")
FIRST_SHOWN = 12
NUMBERS = ("number", "integer")


def sites_of(desk: Desk) -> tuple[str, ...]:
    """Return the sites that who asks may see."""
    return tuple(site for site in desk.reader.documents() if in_scope(site))


def title_of(kind: Kind, name: str, chosen: str) -> str:
    """Return a column in the reader's language."""
    column = next((one for one in kind.columns if one.name == name), None)
    if column is None:
        return name
    return column.zh if chosen == "zh" else column.name


def kind_words(kind: str, chosen: str) -> str:
    """Return a kind of file in the reader's language."""
    if chosen != "zh":
        return kind.replace("_", " ").capitalize()
    return KINDS[kind].zh if kind in KINDS else {"site": "站点"}.get(kind, kind)


# ---- the whole tab ----


def contents(desk: Desk, slot: Slot | None, chosen: page.Choice, asks: Who, words: str) -> Answer:
    """Return everything that the tab shows."""
    allowed = slot is not None and may(desk.reader, asks, page.PAGE.path, IMPORT)
    rows = batches(desk.reader.engine, scope())
    back = {one.batch for one in rows if one.revoked_at is not None}
    if slot is not None and slot.receipt is not None and slot.receipt.batch in back:
        slot.receipt = None  # what was taken back is told as taken in no longer
    body, foot, reasons = _body(desk, slot if allowed else None, chosen, words)
    card = _batch(desk, rows, chosen, asks, words)
    return {
        "import-body": body, "import-foot": foot, "import-batch": card,
        "import-reasons": reasons_card(reasons, slot.reasons, words) if slot and reasons else None,
        "import-batches": _batches(desk, rows, chosen, words), "batches-state": "ready",
    }  # fmt: skip


def _body(
    desk: Desk, slot: Slot | None, chosen: page.Choice, words: str
) -> tuple[Content, Content, Mapping[str, int]]:
    """Return what is done next, the ways on, and the kinds of warnings that need a reason."""
    if slot is None or slot.draft is None:
        return _before(slot, words), None, {}
    draft = slot.draft
    lack = lacking(desk, draft, words)
    if slot.mapping or lack:
        return _matching(desk, draft, lack, words), intake_import.steps_foot(not lack, words), {}
    check = check_of(desk, slot, draft, words)
    if not check.wait(PATIENCE_S):
        told = progress(slot, words)
        card = intake_import.checking_card(lambda name: part(page.KEY, name), told, words)
        return [_steps(2, draft, "", words), card], None, {}
    back = draft.head is not None  # Parquet has no columns to match
    try:
        found = check.result()
        sheet = sheet_of(draft, found, chosen, words)
    except Stopped:  # cancelled meanwhile: whoever did is shown what comes next
        return None, None, {}
    except Refused as refused:
        lines = [problem.line(words) for problem in refused.problems[:10]]
        return (
            [_steps(1, draft, "", words), intake_import.refused(lines, words, back=back)],
            None,
            {},
        )
    except (DiskFull, OSError) as error:
        LOG.warning("a file could not be checked: %s", error)
        return (
            [_steps(1, draft, "", words), intake_import.refused([str(error)], words, back=back)],
            None,
            {},
        )
    ident = part(page.KEY, "import-impact"), part(page.KEY, "import-ask")
    impact_card = intake_import.impact_card(*ident, f"{slot.version}", words)
    note = text("{n} 个错误待处理" if sheet.bad else "没有错误", words, n=sheet.bad)
    body = [
        _finding(draft, sheet, words), _steps(2, draft, note, words),
        intake_import.counts(sheet, impact_card, words),
        intake_import.rows_card(sheet, chosen.href, f"/download/{page.KEY}.xlsx?what=errors",
                                words),
    ]  # fmt: skip
    return body, intake_import.foot(sheet, slot.version, words), found.warnings


def _before(slot: Slot | None, words: str) -> Content:
    templates = [
        (kind_words(name, words), f"/download/{page.KEY}.xlsx?what={name}") for name in KINDS
    ]
    if slot is not None and slot.receipt is not None:
        receipt = slot.receipt
        numbers = {"new": receipt.new_rows, "same": receipt.same_rows, "batch": receipt.batch,
                   "fixed": receipt.corrections, "out": receipt.left_out}  # fmt: skip
        href = page.Choice("import").href(batch=receipt.batch)
        notes = ["", "", "", text("批次 {batch}", words, batch=receipt.batch)]
        return [intake_import.stepper(4, notes, words),
                intake_batches.taken(numbers, href, words)]  # fmt: skip
    parts: list[Content] = [intake_import.stepper(0, [""] * 4, words)]
    if slot is not None and slot.words:
        parts.append(intake_import.told(slot.words, words))
    takes = intake_import.Takes(",".join(SUFFIXES), MOST_MB, EDITED_MB, too_large("", words),
                                too_large(BOOKS[0], words), too_large(PARQUET, words))  # fmt: skip
    return [*parts, intake_import.chooser(templates, takes, slot is not None, words)]


def size_words(size_bytes: int) -> str:
    """Return how large a file is."""
    if size_bytes < 1 << 20:
        return f"{max(size_bytes / 1024, 0.1):.{0 if size_bytes >= 10 << 10 else 1}f} KB"
    return f"{size_bytes / (1 << 20):.1f} MB"


def _finding(draft: Draft, sheet: Sheet, words: str) -> Node:
    said = text("已校验：{total} 行中 {bad} 行有错误、{odd} 行有警告，其余可入库。", words,
                total=f"{sheet.total:,}", bad=f"{sheet.bad:,}", odd=f"{sheet.odd:,}")  # fmt: skip
    return el("P", el("Strong", draft.name, data_verbatim="1"), " ", said, cls="finding")


def _steps(step: int, draft: Draft, note: str, words: str) -> Node:
    suffix = draft.name.rpartition(".")[2].lower()
    size = size_words(draft.size_bytes)
    named = sum(1 for one in draft.matches.columns if one.name)
    match = text("{named} / {all} 列已匹配", words, named=named, all=len(draft.matches.columns))
    last = text("生成批次号，可整批撤回", words)
    return intake_import.stepper(
        step, [f"{suffix}，{size}" if words == "zh" else f"{suffix}, {size}",
               match if draft.head else "", note, last], words
    )  # fmt: skip


# ---- columns ----


def lacking(desk: Desk, draft: Draft, words: str) -> list[str]:
    """Return what must be said of a file before its rows can be checked."""
    if not draft.kind:
        return [text("内容（看不出是什么；排放因子在“因子库”提出）", words)]
    kind = KINDS[draft.kind]
    found = [title_of(kind, one.name, words) for one in draft.matches.missing(kind)]
    found = found if draft.head is not None else []
    needs = has_site(kind) and "site" not in draft.matches.names
    several = draft.kind == "readings" and len({
        one.timezone for one in desk.reader.documents().values()}) > 1  # fmt: skip
    if not draft.site and (needs or several or scope() is not None):
        found.append(text("站点", words))
    return found


def _matching(desk: Desk, draft: Draft, lack: Sequence[str], words: str) -> list[Node]:
    kinds = [(kind_words(name, words), doing(do="kind", value=name), name == draft.kind)
             for name in KINDS]  # fmt: skip
    pickers = [picker(text("内容", words), kind_words(draft.kind, words) or text("请选择", words),
                      kinds if draft.head else kinds[2:3], "intake-kind")]  # fmt: skip
    sites = sites_of(desk)
    names = {one: desk.reader.every_site()[one].name(words) for one in sites}
    if draft.kind and (len(sites) > 1 or has_site(KINDS[draft.kind])):
        options = [(names[one], doing(do="site", value=one), one == draft.site) for one in sites]
        if scope() is None:
            options.insert(0, (text("由行内指明", words), doing(do="site", value=""),
                               not draft.site))  # fmt: skip
        shown = names.get(draft.site, text("由行内指明", words))
        pickers.append(picker(text("站点", words), shown, options, "intake-site"))
    pairs = [_pair(draft, place, words) for place in range(len(draft.matches.columns))]
    body = intake_import.matching(pairs, pickers, lack, words)
    return [_steps(1, draft, "", words), *body]


def _pair(draft: Draft, place: int, words: str) -> Pair:
    one, kind = draft.matches.columns[place], KINDS[draft.kind]
    options = [(text("不导入", words), doing(do="map", at=place, name=""), not one.name)]
    options += [
        (title_of(kind, c.name, words) + (" *" if c.required else ""),
         doing(do="map", at=place, name=c.name), c.name == one.name)
        for c in kind.columns
    ]  # fmt: skip
    name = title_of(kind, one.name, words) if one.name else ""
    return Pair(one.title, one.samples, name, one.by, options)


# ---- rows ----


def review_of(desk: Desk, slot: Slot, draft: Draft, words: str) -> Found:
    """Return what is wrong with the file in work; the same draft is looked at once."""
    return check_of(desk, slot, draft, words).result()


def check_of(desk: Desk, slot: Slot, draft: Draft, words: str) -> Check:
    """Return the check of the file in work, begun where there is none; a former one is stopped."""
    with slot.starting:
        found = slot.check
        if found is not None and found.draft is draft and found.words == words:
            return found
        if found is not None:
            found.stop()
        slot.check = Check(draft, words, partial(_checked, desk, slot, draft, words))
        return slot.check


def _checked(desk: Desk, slot: Slot, draft: Draft, words: str, watch: Watch) -> Found:
    if not draft.editable:
        return checked_whole(desk.reader.engine, draft, words, watch)
    key = (draft.kind, draft.matches, words)
    held = slot.table
    table = held[1] if held is not None and held[0] == key else table_of(draft, words, watch)
    watch.look()
    slot.table = key, table
    return checked(desk.reader.engine, draft, table, words, watch)


def progress(slot: Slot | None, words: str) -> Content | None:
    """Return how far the check of the file in work is; None where none is going on."""
    check = slot.check if slot is not None else None
    if check is None or check.wait(0):
        return None
    return intake_import.checking_words(check.watch, words)


def adopted(desk: Desk, slot: Slot, draft: Draft) -> Corrections:
    """Return the corrections with the suggestions for errors taken."""
    made = draft.made
    for one in review_of(desk, slot, draft, desk.language).issues:
        if one.instead and one.severity == "error":
            made = made.edited(one.row, one.column, one.instead)
    return made


def sheet_of(draft: Draft, found: Found, chosen: page.Choice, words: str) -> Sheet:
    """Return what the table of rows shows."""
    kind = KINDS[draft.kind]
    every = draft.editable and chosen.get("rows") == "all"
    issues: dict[int, list[Any]] = {}
    for one in found.issues:
        issues.setdefault(one.row, []).append(one)
    numbers = sorted(found.cells) if every else sorted(issues)
    if not every and len(numbers) > intake_import.SHOWN:  # warnings hide no error
        wrong = {one.row for one in found.issues if one.severity == "error"}
        numbers.sort(key=lambda row: row not in wrong)
    types = {column.name: column.type in NUMBERS for column in kind.columns}
    lines = []
    for row in numbers[: intake_import.SHOWN]:
        tones = {one.column: one.severity for one in reversed(issues.get(row, []))}
        texts = found.cells.get(row, ("",) * len(found.columns))
        lines.append(
            Line(
                row,
                [Cell(name, words_, _tone(tones.get(name)), types[name])
                 for name, words_ in zip(found.columns, texts, strict=True)],
                [Issue(one.severity, one.column, one.reason, one.remedy, one.instead,
                       _label(kind, one.column, one.instead, words))
                 for one in issues.get(row, ())],
            )
        )  # fmt: skip
    errors = [one for one in found.issues if one.severity == "error" and one.instead]
    return Sheet(
        [(name, title_of(kind, name, words)) for name in found.columns], lines, *found.counts,
        len(draft.made.dropped), len(draft.made.edits), found.open_rows,
        len(errors) if draft.editable else 0, every, draft.editable, found.notes,
    )  # fmt: skip


def _label(kind: Kind, name: str, value: str, words: str) -> str:
    """Return a suggested value as the reader calls it."""
    column = next((one for one in kind.columns if one.name == name), None)
    return column.choices.get(value, value) if column is not None and words == "zh" else value


def _tone(severity: str | None) -> str:
    return {"error": "bad", "warning": "odd"}.get(severity or "", "")


# ---- the expected effect ----


def impact(desk: Desk, slot: Slot, words: str) -> Content:
    """Return the expected effect of the file in work, settled in a trial (never a guess)."""
    with slot.guard:
        draft = slot.draft
        if draft is None:
            return None
        try:
            found = review_of(desk, slot, draft, words)
            if not found.good:
                return intake_import.no_impact(text("没有可入库的行", words))
            path = file_to_take(draft, found, slot.folder)
            effect = effect_of(desk.reader.engine, draft.kind, path, draft.site)
        except Refused:
            return intake_import.no_impact(text("没有可入库的行", words))
    if effect.waiting:
        key = "有 {n} 个月正在等待结算，结算后再看"
        return intake_import.no_impact(text(key, words, n=effect.waiting))
    if effect.too_many:
        return intake_import.no_impact(
            text("涉及 {n} 个月，入库后结算时可见", words, n=effect.too_many)
        )
    if not effect.months:
        return intake_import.no_impact(text("不改变任何月份的数值", words))
    months = sorted({one.month for one in effect.months})
    span = period_words(months[0], words)
    if len(months) > 1:
        span += f"～{period_words(months[-1], words)}"
    emission = effect.sum("emission_kgco2e")
    if emission is None:
        return intake_import.no_impact(text("{months} 有数值未知，无法合计", words, months=span))
    return intake_import.impact(emission / 1000.0, effect.sum("electricity_kwh"), span, words)


# ---- batches ----


def _batches(desk: Desk, rows: Sequence[BatchRow], chosen: page.Choice, words: str) -> Content:
    most = max(FIRST_SHOWN, number(chosen.get("shown")))
    zone, asked = zone_of(desk.reader), number(chosen.get("batch"))
    listed = [
        intake_batches.Batch(
            one.batch, one.file, kind_words(one.kind, words), one.actor, when(one.at, zone),
            f"{one.rows:,}", one.digest, when(one.revoked_at, zone) if one.revoked_at else "",
            chosen.href(batch=one.batch) + "#batch-card", one.batch == asked,
        )
        for one in rows[:most]
    ]  # fmt: skip
    more = chosen.href(shown=most + 60) if len(rows) > most else ""
    return intake_batches.batches(listed, more, words)


def in_reach(desk: Desk, batch: int) -> None:
    """Refuse a batch of sites that who asks may not see."""
    allowed = scope()
    found = desk.reader.engine.spool.find(batch)
    if allowed is not None and found is not None and found.site not in allowed:
        missing(f"batch {batch}")


def _batch(
    desk: Desk, rows: Sequence[BatchRow], chosen: page.Choice, asks: Who, words: str
) -> Content:
    asked = number(chosen.get("batch"))
    one = next((row for row in rows if row.batch == asked), None)
    if one is None:
        return None
    zone = zone_of(desk.reader)
    facts = [
        ("文件", one.file), ("内容", kind_words(one.kind, words)), ("站点", one.site),
        ("导入人", one.actor), ("时间", when(one.at, zone)), ("新增行", f"{one.new_rows:,}"),
        ("相同行", f"{one.same_rows:,}"), ("更正行", f"{one.corrections:,}"),
        ("修正格", f"{one.edits:,}"), ("剔除行", f"{one.left_out:,}"),
        *_passed(one, words), ("SM3", one.digest),
    ]  # fmt: skip
    if one.revoked_at is not None:
        facts += [("撤回", when(one.revoked_at, zone)), ("撤回人", one.revoked_by),
                  ("撤回原因", one.revoked_for)]  # fmt: skip
    return intake_batches.batch_card(
        [(text(name, words), value) for name, value in facts],
        lambda name: part(page.KEY, name), one.batch, _hindrance(desk, one, asks, words),
        chosen.href(batch=""), words,
    )  # fmt: skip


def _passed(one: BatchRow, words: str) -> list[tuple[str, str]]:
    """Return why a batch's warnings were let pass, each kind with its reason."""
    if not one.reasons:
        return [("放行说明", one.reason)]
    said = [f"{text(WARNINGS[r.warning], words)} ({r.rows:,}): {r.words}" for r in one.reasons]
    return [("放行说明", "\n".join(said))]


def _hindrance(desk: Desk, one: BatchRow, asks: Who, words: str) -> str:
    if one.revoked_at is not None:
        return text("这个批次已经撤回；同一文件可以重新导入", words)
    if one.kind == "site":
        return text("站点文件不能撤回，请导入新的站点文件", words)
    if not may(desk.reader, asks, page.PAGE.path, REVOKE):
        return text("您的角色不能撤回批次", words)
    return ""


# ---- downloads ----


def download(desk: Desk, slot: Slot | None, chosen: page.Choice, words: str) -> Response | None:
    """Return a kind's template, or the list of what is wrong with the file in work."""
    what = chosen.get("what")
    if what in KINDS:
        return _sent(template_xlsx(KINDS[what], words), kind_words(what, words))
    if what != "errors" or slot is None or slot.draft is None:
        return None
    with slot.guard:
        draft = slot.draft
        try:
            found = review_of(desk, slot, draft, words)
        except Refused:
            return None
    kind = KINDS[draft.kind]
    titles = {column.name: title_of(kind, column.name, words) for column in kind.columns}
    title = f"{draft.name}_{text('错误清单', words)}"
    return _sent(error_list(found.issues, titles, draft.name, words), title)


def _sent(body: bytes, title: str) -> Response:
    name = quote(f"{title}.xlsx")
    return Response(body, mimetype=XLSX, headers={
        "Content-Disposition": f"attachment; filename*=UTF-8''{name}"})  # fmt: skip
