"""因子库: the library, versions side by side, proposals made and decided on the page."""

from __future__ import annotations

import base64
import binascii
import csv
import logging
import re
import tempfile
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dash import ClientsideFunction, Dash, Input, Output, State
from flask import Response

from accounting.factors import Factor, FactorLibrary, family_of, library
from callbacks._reader import PageReader
from callbacks._request import language
from callbacks.closing import (
    Answer,
    Asked,
    Busy,
    Desk,
    Said,
    Who,
    bind_decision,
    bind_drawing,
    csv_answer,
    effect_csv,
    failed,
    forbidden,
    may,
    not_done,
    panel_outputs,
    proposal_parts,
    said_answer,
    seen,
    when,
    who,
    writes,
    zone_of,
)
from data import approvals, queries
from data.digest import sm3
from data.engine import DiskFull, Engine
from data.ingest.factor_file import FACTOR_KIND, read_factors, text_of
from data.ingest.problems import Problem, Refused
from data.library import shipped, shipped_rows
from data.state import Proposal, Version
from data.store import StoreError
from figures import factors as figures
from figures.closing import demo_mark
from figures.factors import NO_DOCUMENT, Column, Line, Listed
from figures.html import Content, core, el, icon, link
from pages import factors as page
from pages._filters import Filters, parse
from pages._plain import part
from pages.factors import Choice
from translations import text

LOG = logging.getLogger("carbon.pages")
VERSIONS_SHOWN = 4
STRIPS = 3
SLOTS = ("document", "rows")
LARGEST_BYTES = 20 << 20
PIECE_BYTES = 600_000  # as base64 it stays below what a callback's body may be
_KEY = re.compile(r"[0-9a-f]{32}")
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|]')


def bind_factors(app: Dash, desk: Desk) -> None:
    """Register the page's callbacks."""
    key = page.KEY
    outputs = {
        name: Output(part(key, name), "children")
        for name in ("top", "library-title", "kinds", "library", "compare", "effect-head",
                     "affected", "decide", "form")
    } | {
        "charts": Output(part(key, "charts"), "data"),
        "library-state": Output(part(key, "library-card"), "data-state"),
        "effect-box": Output(part(key, "effect-box"), "className"),
        **panel_outputs(key, page.EFFECT),
    }  # fmt: skip

    @app.callback(
        output=outputs,
        inputs={
            "search": Input("url", "search"),
            "done": Input(part(key, "act-done"), "data"),
        },
    )
    def refresh(search: object, done: object) -> Answer:
        return contents(desk.reader, Asked(search, who(), language(desk.language), done))

    bind_drawing(app, page.PAGE, (page.EFFECT,))
    bind_decision(app, page.PAGE, desk, lambda search: page.choice(search).proposal)
    _bind_form(app, desk)
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("work", "searched"),
        Output(part(key, "search"), "value"),
        Input("url", "search"),
    )
    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("work", "search"),
        Output(part(key, "sent"), "data"),
        Input(part(key, "search"), "value"),
        prevent_initial_call=True,
    )


def _bind_form(app: Dash, desk: Desk) -> None:
    key = page.KEY

    @app.callback(
        Output(part(key, "act-piece"), "data"),
        Input(part(key, "piece"), "data"),
        prevent_initial_call=True,
    )
    def take(piece: object) -> object:
        return received(desk, who(), piece, language(desk.language)) if piece else None

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("work", "received"),
        Output(part(key, "sent"), "data", allow_duplicate=True),
        Input(part(key, "act-piece"), "data"),
        prevent_initial_call=True,
    )

    for name, values in figures.PICKED.items():
        buttons = [part(key, figures.pick_id(name, value)) for value in values]
        app.clientside_callback(  # type: ignore[no-untyped-call]
            ClientsideFunction("work", "pick"),
            [Output(part(key, name), "data"), *(Output(one, "aria-pressed") for one in buttons)],
            [Input(one, "n_clicks") for one in buttons],
            prevent_initial_call=True,
        )

    @app.callback(
        output=Output(part(key, "act-form"), "children"),
        inputs={"clicks": Input(part(key, "propose"), "n_clicks")},
        state={
            "way": State(part(key, "way"), "data"),
            "base": State(part(key, "form-base"), "data"),
            "fields": {n: State(part(key, f"field-{n}"), _kept_as(n)) for n in figures.TAKEN},
            "files": {slot: State(part(key, f"file-{slot}"), "data") for slot in SLOTS},
        },
        running=[(Output(part(key, "form-busy"), "className"), "work-busy", "work-hidden")],
        prevent_initial_call=True,
    )
    def propose(
        clicks: object, way: object, base: object, fields: object, files: object
    ) -> Content:
        if not clicks:
            return None
        chosen = language(desk.language)
        entry = Entry(str(way or "form"), str(base or ""), _texts(fields), _files(files))
        return form_answer(proposed(desk, who(), entry, chosen), chosen)


def _kept_as(field: str) -> str:
    """Return the property that holds a field: what is picked is kept in a store."""
    return "data" if f"field-{field}" in figures.PICKED else "value"


def _texts(fields: object) -> dict[str, str]:
    """Return what the form's fields hold, as text."""
    given = fields if isinstance(fields, Mapping) else {}
    return {n: str(given.get(n) or "").strip()[:500] for n in figures.TAKEN}


def _files(files: object) -> dict[str, tuple[str, str]]:
    """Return the uploaded files by slot: key and name."""
    found = {}
    for slot in SLOTS:
        one = files.get(slot) if isinstance(files, Mapping) else None
        if isinstance(one, Mapping) and _KEY.fullmatch(str(one.get("key", ""))):
            found[slot] = str(one["key"]), safe_name(str(one.get("name", "")))
    return found


# ---- the library ----


def today_of(reader: PageReader) -> date:
    """Return today at the sites."""
    return datetime.now(ZoneInfo(zone_of(reader))).date()


def lines_of(reader: PageReader, proposals: Sequence[Proposal], today: date) -> list[Line]:
    """Return every factor with its version, its uses and how it stands."""
    engine = reader.engine
    known = engine.library
    uses = reader.page(("factor-uses",), lambda: queries.factor_uses(engine))
    asked = {row["factor_id"] for p in proposals for row in p.body["rows"]}
    families = {family_of(name) for name in asked if name not in known.rows}
    latest = _latest(known, today)
    versions = _versions(engine)
    found = []
    for name, factor in known.rows.items():
        newest = latest.get(family_of(name))
        newer = newest is not None and newest.factor_id != name and _begun(newest) > _begun(factor)
        proposed = name in asked or (newest is factor and family_of(name) in families)
        state, days = figures.standing(factor, today, newer=newer, proposed=proposed)
        version = versions[name][-1].version if name in versions else 0
        found.append(Line(factor, version, uses.get(name, 0), state, days))
    return found


def _versions(engine: Engine) -> dict[str, list[Version]]:
    """Return the approved versions by factor, oldest first."""
    found: dict[str, list[Version]] = {}
    for version in engine.libraries.versions():
        found.setdefault(version.factor_id, []).append(version)
    return found


def _begun(factor: Factor) -> date:
    return factor.valid_from or date.min


def _latest(known: FactorLibrary, today: date) -> dict[str, Factor]:
    """Return of each family the newest row that has begun."""
    return {
        family: begun[-1]
        for family, rows in known.families.items()
        if (begun := [row for row in rows if _begun(row) <= today])
    }


def contents(reader: PageReader, asked: Asked) -> Answer:
    """Return everything the page shows for an address."""
    engine, chosen, language = reader.engine, page.choice(asked.search), asked.language
    proposals = [p for p in engine.state.approvals.all(only_open=True) if p.kind == "factors"]
    lines = lines_of(reader, proposals, today_of(reader))
    shown = figures.chosen_lines(lines, chosen.kind, chosen.words, chosen.sort)
    proposal = seen(reader, chosen.proposal)
    factor = _chosen_factor(chosen, proposal, lines, shown)
    listed = Listed(shown, factor, chosen.sort, chosen.shown, chosen.href)
    found: Answer = {
        "top": _top(reader, lines, proposals, chosen, asked),
        "library-title": figures.library_title(listed, len(lines), language),
        "kinds": figures.kinds(lines, chosen.kind, chosen.href, language),
        "library": figures.library(listed, language),
        "library-state": "ready",
        "compare": _compare(reader, factor, lines, proposals, proposal, chosen, language),
        "form": _form(engine, factor, language),
    }
    parts, charts = proposal_parts(
        reader, page.PAGE, page.EFFECT, asked, chosen.proposal, _filters(reader, asked.search),
        chosen.href, chosen.table,
    )  # fmt: skip
    return found | parts | {"charts": charts}


def _filters(reader: PageReader, search: object) -> Filters:
    known = reader.known()
    if known is None:
        return Filters((), "", "")
    return parse(search if isinstance(search, str) else "", known)


def _chosen_factor(
    chosen: Choice, proposal: Proposal | None, lines: Sequence[Line], shown: Sequence[Line]
) -> str:
    """Return the factor whose versions are shown: asked for, proposed, or the most used one."""
    proposed = [row["factor_id"] for row in _rows_of(proposal)]
    if chosen.factor in proposed or chosen.factor in {line.factor.factor_id for line in lines}:
        return chosen.factor
    if proposed:
        return str(proposed[0])
    first = shown or sorted(lines, key=lambda line: -line.uses)
    return first[0].factor.factor_id if first else ""


def _rows_of(proposal: Proposal | None) -> list[dict[str, str]]:
    """Return the factor rows that a proposal is about; none for one of another kind."""
    if proposal is None or proposal.kind != "factors":
        return []
    return [dict(row) for row in proposal.body["rows"]]


def _top(
    reader: PageReader, lines: Sequence[Line], proposals: Sequence[Proposal], chosen: Choice,
    asked: Asked,
) -> list[Content]:  # fmt: skip
    language = asked.language
    sites = reader.sites().values()
    demo = bool(sites) and all(site.demo for site in sites)
    add = el("Button", icon("plus"), el("Span", text("新增版本", language)), type="button",
             cls="button button-main", data_work="form")  # fmt: skip
    tools = el(
        "Div",
        el("A", icon("download"), el("Span", text("导出", language)), cls="button", download="",
           href=f"/download/{page.KEY}.csv", target="_self"),
        add if may(reader, asked.who, f"/{page.KEY}", "propose") else None,
        demo_mark(language) if demo else None, cls="work-tools",
    )  # fmt: skip
    head = el(
        "Div",
        el("Div", el("H1", text(page.PAGE.title, language), cls="page-title"),
           el("P", figures.finding(lines, len(proposals), language), cls="finding",
              aria_live="polite")), tools, cls="page-head",
    )  # fmt: skip
    known = {line.factor.factor_id: line.factor for line in lines}
    strips = [_strip(reader, one, known, chosen, language) for one in reversed(proposals[-STRIPS:])]
    return [head, *strips]


def _strip(
    reader: PageReader, proposal: Proposal, known: Mapping[str, Factor], chosen: Choice,
    language: str,
) -> Content:  # fmt: skip
    """Return the strip of an open proposal with the way to its effect."""
    rows = proposal.body["rows"]
    first = library([rows[0]], "").rows[rows[0]["factor_id"]]
    name = figures.name_of(known.get(first.factor_id, first), language)
    if len(rows) > 1:
        name = text("{name} 等 {count} 个因子", language, name=name, count=len(rows))
    months = sorted(month.rpartition(" ")[2] for month in proposal.effect.get("months", ()))
    span = text("不改变任何数值", language)
    if months:
        span = text("批准后重算 {first} ～ {last}，{figures} 个数值", language, first=months[0],
                    last=months[-1], figures=proposal.effect["figures"])  # fmt: skip
    key = "由 {who} 于 {at} 提出；"
    story = text(key, language, who=proposal.proposer,
                 at=when(proposal.proposed_at, zone_of(reader)))  # fmt: skip
    title = text("申请 {number} 待批准", language, number=proposal.proposal)
    return figures.strip(
        "info", "git-compare-arrows", el("Strong", title), " ", el("Span", f"{name} "),
        el("Span", story, data_verbatim="1"), el("Span", span, data_verbatim="1"),
        link(chosen.href(proposal=proposal.proposal, factor="") + "#effect",
             text("查看影响", language), icon("chevron-right"), cls="strip-link"),
    )  # fmt: skip


# ---- versions side by side ----


def _compare(
    reader: PageReader, name: str, lines: Sequence[Line], proposals: Sequence[Proposal],
    proposal: Proposal | None, chosen: Choice, language: str,
) -> Content:  # fmt: skip
    if not name:
        return None
    columns = columns_of(reader, name, lines, proposals, proposal, language)
    factor = next((c.factor for c in columns if c.factor.factor_id == name), columns[-1].factor)
    title = text("{name}，版本对比", language, name=figures.name_of(factor, language))
    note = None
    names = [row["factor_id"] for row in _rows_of(proposal)]
    if len(names) > 1:
        note = el(
            "Div", el("Span", text("本申请的因子", language), cls="work-label"),
            [link(chosen.href(factor=one), one, cls="work-chip",
                  aria_current="true" if one == name else None) for one in names],
            cls="work-chips",
        )  # fmt: skip
    return figures.compare(columns, title, note, language)


def columns_of(
    reader: PageReader, name: str, lines: Sequence[Line], proposals: Sequence[Proposal],
    proposal: Proposal | None, language: str,
) -> list[Column]:  # fmt: skip
    """Return the versions of a factor, its family's neighbours and what is proposed for it."""
    engine = reader.engine
    known, standing = engine.library, {line.factor.factor_id: line for line in lines}
    before, after = _neighbours(known, name)
    found = [_current(reader, one, standing, language) for one in before]
    found += _own(reader, name, standing, language)
    found += [_current(reader, one, standing, language) for one in after]
    asked = [proposal] if proposal is not None and _rows_of(proposal) else list(proposals)
    for one in asked:
        rows = {row["factor_id"]: row for row in _rows_of(one)}
        mine = rows.get(name) or next(
            (r for n, r in rows.items() if family_of(n) == family_of(name) != n), None
        )
        if mine is not None and one.status != "accepted":
            found.append(_proposed(one, library([mine], "").rows[mine["factor_id"]], language))
    return found


def _neighbours(known: FactorLibrary, name: str) -> tuple[list[Factor], list[Factor]]:
    """Return the rows of the family just before and just after a factor."""
    rows = list(known.families.get(family_of(name), ()))
    if name not in known.rows:
        return rows[-1:], []
    at = next((n for n, row in enumerate(rows) if row.factor_id == name), None)
    if at is None:
        return [], []
    return rows[max(0, at - 1) : at], rows[at + 1 : at + 2]


def _badge(line: Line | None, language: str) -> tuple[str, str, str]:
    if line is None:
        return "stale", "archive", text("旧版", language)
    kind, sign, words = figures.STATES[line.state]
    return (
        kind,
        sign,
        text(words, language, days=line.days) if "{" in words else text(words, language),
    )


def _current(
    reader: PageReader, factor: Factor, standing: Mapping[str, Line], language: str
) -> Column:
    """Return a neighbouring row as it is known now."""
    versions = _versions(reader.engine).get(factor.factor_id)
    version = versions[-1] if versions else None
    badge = _badge(standing.get(factor.factor_id), language)
    return _column(reader, factor, version, badge, "")


def _own(
    reader: PageReader, name: str, standing: Mapping[str, Line], language: str
) -> list[Column]:
    """Return every version of a row, the newest in force; none for a row that is only proposed."""
    line = standing.get(name)
    if line is None:
        return []
    texts = next((row for row in shipped_rows() if row["factor_id"] == name), None)
    rows: list[tuple[Factor, Version | None]] = []
    if texts is not None:
        rows.append((library([texts], "").rows[name], None))
    for one in _versions(reader.engine).get(name, []):
        rows.append((library([dict(one.columns)], "").rows[name], one))
    columns = []
    for at, (factor, version) in enumerate(rows):
        now = at == len(rows) - 1
        badge = _badge(line if now else None, language)
        columns.append(_column(reader, factor, version, badge, "now" if now else ""))
    return columns[-VERSIONS_SHOWN:]


def _column(
    reader: PageReader, factor: Factor, version: Version | None, badge: tuple[str, str, str],
    kind: str,
) -> Column:  # fmt: skip
    if version is None:
        return Column("v0", badge, factor, "factors.csv", shipped().digest, kind=kind)
    return Column(
        f"v{version.version}", badge, factor, version.document, version.document_sm3,
        version.proposer, version.approver, when(version.known_from, zone_of(reader)), kind,
    )  # fmt: skip


def _proposed(proposal: Proposal, factor: Factor, language: str) -> Column:
    badge = {
        "open": ("info", "git-compare-arrows", text("待批准", language)),
        "rejected": ("stale", "circle-x", text("已驳回", language)),
        "withdrawn": ("stale", "circle-x", text("已撤回", language)),
    }[proposal.status]
    return Column(
        text("申请 {number}", language, number=proposal.proposal), badge, factor,
        str(proposal.body["document"]), str(proposal.body["document_sm3"]), proposal.proposer,
        proposal.decided_by or "", "", "open",
    )  # fmt: skip


# ---- the form of a new version ----


def _form(engine: Engine, name: str, language: str) -> list[Content]:
    """Return the form, filled with the chosen factor; the base is kept beside it."""
    known = engine.library
    base = name
    if base not in known.rows and base:
        family = known.families.get(family_of(base), ())
        base = family[-1].factor_id if family else next(iter(known.rows), "")
    values = text_of(known.rows[base]) if base in known.rows else {}
    store = core("Store", id=part(page.KEY, "form-base"), data=base)
    return [store, *figures.form(values, lambda one: part(page.KEY, one), language)]


@dataclass(frozen=True)
class Entry:
    """What the form was sent with.

    Parameters
    ----------
    way
        ``form`` or ``file``.
    base
        The factor that the form was opened for: its category, unit and region hold.
    fields
        Column to text.
    files
        Slot to key and name of what was uploaded.
    """

    way: str
    base: str
    fields: Mapping[str, str]
    files: Mapping[str, tuple[str, str]]


def proposed(desk: Desk, asks: Who, entry: Entry, chosen: str) -> Said:
    """Propose a new version of a factor, or the rows of a file; nothing is kept on error."""
    if not may(desk.reader, asks, f"/{page.KEY}", "propose"):
        forbidden()
    said = _proposed_entry(desk, asks, entry, chosen)
    return said if said.done else not_done(desk, "proposal.propose", "factors", said)


def _proposed_entry(desk: Desk, asks: Who, entry: Entry, chosen: str) -> Said:
    engine = desk.reader.engine
    try:
        with tempfile.TemporaryDirectory(prefix=".form-", dir=engine.store.inbox) as place:
            folder = Path(place)
            rows = _rows_file(engine, asks, entry, folder)
            if rows is None:
                return failed(text("请先选择因子文件", chosen))
            document = _uploaded(engine, asks, entry, "document", folder)
            return _proposed_file(desk, asks, rows, document, chosen)
    except Refused as refused:
        return Said(False, "", {"problems": [_problem(p, chosen) for p in refused.problems]})
    except Busy:
        return failed(text("另一项写入还没有结束，请稍后再试", chosen))
    except (DiskFull, StoreError, OSError) as error:
        LOG.exception("a proposal of factors")
        return failed(text("没有提出，内容都还在：{reason}", chosen, reason=error))


def _proposed_file(desk: Desk, asks: Who, rows: Path, document: Path | None, chosen: str) -> Said:
    engine = desk.reader.engine
    # Read first in the reader's language: the engine speaks the installation's.
    if not read_factors(rows, engine.library, chosen):
        return failed(text("与因子库相同，没有变化", chosen))
    engine.require_space(sum(f.stat().st_size for f in (rows, document) if f))
    with writes(desk):
        made = approvals.propose_factors(engine, rows, asks.name, document)
    LOG.info("proposal %s of factors by %s", made.proposal, asks.name)
    facts = {"proposal": made.proposal, "months": made.months, "figures": made.figures}
    return Said(True, "", facts)


def _rows_file(engine: Engine, asks: Who, entry: Entry, folder: Path) -> Path | None:
    """Return the file with the rows: the uploaded one, or the form's fields as one row."""
    if entry.way == "file":
        return _uploaded(engine, asks, entry, "rows", folder)
    base = engine.library.rows.get(entry.base)
    fixed = text_of(base) if base else {}
    row = {c.name: fixed.get(c.name, "") for c in FACTOR_KIND.columns} | dict(entry.fields)
    # The name stays where no document was attached, and says so.
    path = folder / NO_DOCUMENT
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, [c.name for c in FACTOR_KIND.columns])
        writer.writeheader()
        writer.writerow({c.name: row[c.name] for c in FACTOR_KIND.columns})
    return path


def _problem(problem: Problem, chosen: str) -> tuple[str, str, str, str]:
    """Return a problem as the form shows it: column, value, reason, remedy."""
    titles = {c.name: c.zh for c in FACTOR_KIND.columns}
    column = problem.column or ""
    if column in titles:
        column = text(titles[column], chosen)
    if problem.row is not None and problem.file != NO_DOCUMENT:
        row = text("第 {row} 行", chosen, row=problem.row)
        column = f"{row} {column}".strip()
    return column, problem.value or "", problem.reason, problem.remedy


def form_answer(said: Said, chosen: str) -> Content:
    """Return what the form shows: why not, or the way to the new proposal."""
    if said.done:
        number = said.facts["proposal"]
        words = text("申请 {number} 已提出", chosen, number=number)
        return el("Div", link(f"?proposal={number}", words), data_goto=f"?proposal={number}")
    problems = said.facts.get("problems")
    if problems:
        return figures.problems(problems, chosen)
    return said_answer(said)["said"]


# ---- uploads, piece by piece ----


def safe_name(name: str) -> str:
    """Return a file's name without path and signs that a file system minds."""
    plain = _UNSAFE.sub("", name.replace("\\", "/").rpartition("/")[2]).strip(". ")
    stem, dot, suffix = plain.rpartition(".")
    return f"{stem[:60]}{dot}{suffix[:8]}" if stem else plain[:60]


def stored(engine: Engine, asks: Who, slot: str, key: str) -> Path:
    """Return where pieces are put together; a name with a dot is swept at the next start."""
    return engine.store.inbox / f".form-{sm3(asks.name.encode())[:16]}-{slot}-{key}"


def received(desk: Desk, asks: Who, piece: object, chosen: str) -> dict[str, Any]:
    """Take a piece of a file and say how far it is; pieces come in order, one account's alone."""
    if not may(desk.reader, asks, f"/{page.KEY}", "propose"):
        forbidden()
    return put_together(desk.reader.engine, asks, piece, SLOTS, chosen)


def put_together(
    engine: Engine, asks: Who, piece: object, slots: Collection[str], chosen: str
) -> dict[str, Any]:
    """Add a piece to the file of one of some slots, and say how far it is or why it is not."""
    given = piece if isinstance(piece, Mapping) else {}
    slot, key = str(given.get("slot", "")), str(given.get("key", ""))
    if slot not in slots or not _KEY.fullmatch(key):
        return {"failed": text("没有传上去，请重选", chosen), "slot": slot, "key": key}
    path = stored(engine, asks, slot, key)
    body, at = _body(given.get("body")), given.get("at")
    held = path.stat().st_size if path.exists() else 0
    if body is None or at != held or held + len(body) > LARGEST_BYTES:
        path.unlink(missing_ok=True)
        key_words = (
            "文件不能超过 {most} MB" if body is not None and at == held else ("没有传上去，请重选")
        )
        words = text(key_words, chosen, most=LARGEST_BYTES >> 20)
        return {"failed": words, "slot": slot, "key": key}
    if held == 0:
        _forget(engine, asks, slot)
    try:
        engine.require_space(len(body))
        with path.open("ab") as file:
            file.write(body)
    except (DiskFull, OSError) as error:
        path.unlink(missing_ok=True)
        return {"failed": str(error), "slot": slot, "key": key}
    return {"slot": slot, "key": key, "at": held + len(body)}


def _body(words: object) -> bytes | None:
    """Return the bytes of a piece; None for what is none."""
    if not isinstance(words, str) or len(words) > 2 * PIECE_BYTES:
        return None
    try:
        found = base64.b64decode(words, validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if 0 < len(found) <= PIECE_BYTES else None


def _forget(engine: Engine, asks: Who, slot: str) -> None:
    """Remove what an account had uploaded to a slot before."""
    for old in engine.store.inbox.glob(f".form-{sm3(asks.name.encode())[:16]}-{slot}-*"):
        old.unlink(missing_ok=True)


def _uploaded(engine: Engine, asks: Who, entry: Entry, slot: str, folder: Path) -> Path | None:
    """Return an uploaded file under its own name; None where there is none."""
    key, name = entry.files.get(slot, ("", ""))
    if not key or not name:
        return None
    path = stored(engine, asks, slot, key)
    if not path.is_file():
        return None
    inside = folder / slot
    inside.mkdir()
    found = inside / name
    found.write_bytes(path.read_bytes())
    return found


# ---- downloads ----


def download(desk: Desk, name: str, search: str) -> Response | None:
    """Return a download of the page; None where there is none of that name."""
    reader, chosen = desk.reader, language(desk.language)
    if name == page.EFFECT.key:
        return effect_csv(reader, page.choice(search).proposal, chosen)
    if name not in ("", page.LIBRARY.key):
        return None
    lines = sorted(lines_of(reader, [], today_of(reader)), key=lambda one: one.factor.factor_id)
    known = {
        factor: f"{versions[-1].known_from.isoformat(timespec='seconds')}Z"
        for factor, versions in _versions(reader.engine).items()
    }
    rows = figures.table_rows(lines, known, text_of)
    return csv_answer(rows, text("因子库", chosen))
