"""导入: what the tab shows and what is done with an uploaded file."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from dash import ClientsideFunction, Dash, Input, Output, State, no_update
from dash.exceptions import PreventUpdate
from flask import Response

from callbacks import _intake_review as shown
from callbacks._request import language
from callbacks._scope import scope
from callbacks._uploads import Slot, Uploads, clear, piece, whole
from callbacks.closing import (
    Answer,
    Busy,
    Desk,
    Said,
    Who,
    failed,
    forbidden,
    may,
    said_answer,
    when,
    who,
    writes,
    zone_of,
)
from data.engine import DiskFull
from data.ingest.kinds import KINDS
from data.ingest.mapping import chosen as matched_so
from data.ingest.problems import Refused
from data.ingest.review import Corrections
from data.intake import Draft, Found, Reason, Wish, as_kind, begun, came_before, taken_in
from data.revoke import ALREADY, METERS, SITE, UNKNOWN, WAITING, NotRevocable, revoke
from data.state import FAILURE, Entry, now
from data.store import StoreError
from figures.html import Content
from figures.intake_reasons import ALL, LONGEST_REASON, WARNINGS
from pages import data as page
from pages._plain import number, part
from security import web
from security.policy import IMPORT, REVOKE
from translations import text

LOG = logging.getLogger("carbon.pages")
TAB = "import"
LONGEST_CELL = 200
REFUSALS = {
    UNKNOWN: "没有这个批次",
    ALREADY: "这个批次已经撤回",
    WAITING: "这个批次还没有入库，请稍后再试",
    SITE: "站点文件不能撤回，请导入新的站点文件",
    METERS: "其中有表计已有读数，请先撤回这些读数",
}


def bind(app: Dash, desk: Desk, uploads: Uploads) -> None:
    """Register the tab's callbacks."""
    key = page.KEY
    names = ("import-body", "import-reasons", "import-foot", "import-batch", "import-batches")

    @app.callback(
        output={name: Output(part(key, name), "children") for name in names}
        | {
            "batches-state": Output(part(key, "batches-card"), "data-state"),
        },
        inputs={
            "search": Input("url", "search"),
            "checked": Input(part(key, "import-checked"), "data"),
        }
        | {n: Input(part(key, f"act-import-{n}"), "data") for n in ("draft", "done", "revoked")},
    )
    def refresh(search: object, **_changed: object) -> Answer:
        chosen = page.choice(search)
        if chosen.tab != TAB:  # nobody waits for what is not seen
            return dict.fromkeys(names, no_update) | {"batches-state": "empty"}
        return shown.contents(desk, _slot(uploads), chosen, who(), language(desk.language))

    @app.callback(
        Output(part(key, "import-impact"), "children"),
        Input(part(key, "import-ask"), "data"),
    )
    def impact(_asked: object) -> Content:
        slot = _slot(uploads)
        if slot is None or not may(desk.reader, who(), page.PAGE.path, IMPORT):
            raise PreventUpdate
        return shown.impact(desk, slot, language(desk.language))

    @app.callback(
        output={
            "told": Output(part(key, "import-progress"), "children"),
            "checked": Output(part(key, "import-checked"), "data"),
        },
        inputs={"_tick": Input(part(key, "import-tick"), "n_intervals")},
        prevent_initial_call=True,
    )
    def follow(_tick: object) -> Answer:
        told = shown.progress(_slot(uploads), language(desk.language))
        if told is None:  # it has ended: what it found is shown
            return {"told": no_update, "checked": now().isoformat()}
        return {"told": told, "checked": no_update}

    _bind_draft(app, desk, uploads)
    _bind_acts(app, desk, uploads)


def _bind_draft(app: Dash, desk: Desk, uploads: Uploads) -> None:
    key = page.KEY

    @app.callback(
        Output(part(key, "act-import-piece"), "data"),
        Input(part(key, "import-piece"), "data"),
        prevent_initial_call=True,
    )
    def take(given: object) -> object:
        slot = _mine(desk, uploads)
        if not isinstance(given, Mapping):
            return no_update
        with slot.guard:
            return piece(desk.reader.engine, slot, given, language(desk.language))

    app.clientside_callback(  # type: ignore[no-untyped-call]
        ClientsideFunction("intake", "received"),
        Output(part(key, "import-sent"), "data"),
        Input(part(key, "act-import-piece"), "data"),
        prevent_initial_call=True,
    )

    @app.callback(
        Output(part(key, "act-import-draft"), "data"),
        Input(part(key, "import-do"), "data"),
        prevent_initial_call=True,
    )
    def draft(command: object) -> object:
        slot = _mine(desk, uploads)
        if not isinstance(command, Mapping):
            return no_update
        with slot.guard:
            slot.reasons = reasons_given(command, slot.reasons)
            if command.get("do") == "reasons":
                return no_update  # written down; nothing that is shown changes
            drafted(desk, slot, command, language(desk.language))
            slot.version += 1
            return slot.version


def _bind_acts(app: Dash, desk: Desk, uploads: Uploads) -> None:
    key = page.KEY

    @app.callback(
        output={
            "said": Output(part(key, "act-import-said"), "children"),
            "done": Output(part(key, "act-import-done"), "data"),
        },
        inputs={"command": Input(part(key, "import-commit"), "data")},
        prevent_initial_call=True,
    )
    def commit(command: object) -> Answer:
        slot = _mine(desk, uploads)
        given = command if isinstance(command, Mapping) else {}
        with slot.guard:
            slot.reasons = reasons_given(given, slot.reasons)
            return said_answer(committed(desk, slot, given, who(), language(desk.language)))

    @app.callback(
        output={
            "said": Output(part(key, "act-import-revoke-said"), "children"),
            "done": Output(part(key, "act-import-revoked"), "data"),
        },
        inputs={"command": Input(part(key, "import-revoke"), "data")},
        state={"reason": State(part(key, "import-why"), "value")},
        prevent_initial_call=True,
    )
    def take_back(command: object, reason: object) -> Answer:
        given = command if isinstance(command, Mapping) else {}
        batch = given.get("revoke")
        return said_answer(
            revoked(desk, batch if isinstance(batch, int) else 0, str(reason or "").strip()[:200],
                    who(), language(desk.language))
        )  # fmt: skip


def _slot(uploads: Uploads) -> Slot | None:
    session = web.current()
    return uploads.slot(session) if session is not None and session.account is not None else None


def _mine(desk: Desk, uploads: Uploads) -> Slot:
    """Return the asker's own upload; who may not import has none."""
    slot = _slot(uploads)
    if slot is None or not may(desk.reader, who(), page.PAGE.path, IMPORT):
        forbidden()
    return slot


# ---- a file in work ----


def drafted(desk: Desk, slot: Slot, command: Mapping[str, Any], chosen: str) -> None:
    """Do with the file in work what was asked; what makes no sense does nothing."""
    act, draft = command.get("do"), slot.draft
    if act == "cancel":
        clear(slot)
    elif act == "whole":
        _arrived(desk, slot, str(command.get("key", "")), chosen)
    elif draft is not None:
        slot.draft = _changed(desk, slot, draft, act, command)


def _arrived(desk: Desk, slot: Slot, key: str, chosen: str) -> None:
    """Begin with a file that has come whole, unless it came before or is no table."""
    engine = desk.reader.engine
    slot.receipt = None
    draft = whole(slot, key)
    if draft is None:
        slot.words = (text("没有传上去，请重选", chosen),)
        return
    before = came_before(engine, draft.digest)
    if before is not None:
        words = text("此文件已于 {at} 导入（批次 {batch}），没有变化", chosen,
                     at=when(before.at, zone_of(desk.reader)), batch=before.batch)  # fmt: skip
        clear(slot)
        slot.words = (words,)
        return
    try:
        slot.draft = begun(engine, draft, shown.sites_of(desk), always=scope() is not None)
        slot.mapping = slot.draft.matches.doubtful()
    except Refused as refused:
        clear(slot)
        slot.words = tuple(problem.line(chosen) for problem in refused.problems[:10])


def _changed(
    desk: Desk, slot: Slot, draft: Draft, act: object, command: Mapping[str, Any]
) -> Draft:
    engine, sites = desk.reader.engine, shown.sites_of(desk)
    value, row = str(command.get("value", ""))[:LONGEST_CELL], command.get("row")
    if act == "step":
        slot.mapping = command.get("to") == 1
    elif act == "kind" and value in KINDS:
        slot.mapping = True
        return as_kind(engine, draft, value, sites, always=scope() is not None)
    elif act == "site" and (value in sites or (not value and scope() is None)):
        slot.mapping = True
        return replace(draft, site=value, made=Corrections())
    elif act == "map":
        slot.mapping = True
        return _remapped(draft, command.get("at"), str(command.get("name", "")))
    elif act == "edit" and isinstance(row, int):
        column = str(command.get("column", ""))
        if any(one.name == column for one in KINDS[draft.kind].columns):
            return replace(draft, made=draft.made.edited(row, column, value))
    elif act == "drop" and isinstance(row, int):
        made = replace(draft.made, dropped=draft.made.dropped | {row})
        return replace(draft, made=made)
    elif act == "restore":
        return replace(draft, made=Corrections())
    elif act == "adopt":
        return replace(draft, made=shown.adopted(desk, slot, draft))
    return draft


def _remapped(draft: Draft, at: object, name: str) -> Draft:
    names = {column.name for column in KINDS[draft.kind].columns} | {""}
    if not isinstance(at, int) or name not in names:
        return draft
    if not 0 <= at < len(draft.matches.columns):
        return draft
    return replace(draft, matches=matched_so(draft.matches, at, name), made=Corrections())


# ---- taken in, taken back ----


def reasons_given(command: Mapping[str, Any], before: Mapping[str, str]) -> Mapping[str, str]:
    """Return why kinds of warnings are let pass, as far as it is written; "all" is for the rest."""
    given = command.get("reasons")
    if not isinstance(given, Mapping):
        return before
    return {
        name: str(given.get(name) or "").strip()[:LONGEST_REASON]
        for name in (ALL, *WARNINGS)
        if given.get(name)
    }


def _reasons(slot: Slot, found: Found) -> list[Reason]:
    """Return the kinds of warnings that the file has with their reasons, empty where none is."""
    general = slot.reasons.get(ALL, "")
    return [Reason(kind, rows, slot.reasons.get(kind) or general)
            for kind, rows in found.warnings.items()]  # fmt: skip


def committed(desk: Desk, slot: Slot, given: Mapping[str, Any], asks: Who, chosen: str) -> Said:
    """Take the file in work in; a refusal says why and leaves it as it is."""
    engine, draft = desk.reader.engine, slot.draft
    good_only = given.get("good") is True
    if draft is None or given.get("commit") != slot.version:
        return _refused(desk, "-", text("内容已经变化，请再看一遍", chosen))
    try:
        found = shown.review_of(desk, slot, draft, chosen)
    except Refused as refused:
        return _refused(desk, draft.name, refused.problems[0].line(chosen))
    except (DiskFull, OSError) as error:
        return _refused(desk, draft.name, str(error))
    bad = found.counts[1]
    if bad and not good_only:
        return _refused(desk, draft.name, text("还有 {n} 行有错误", chosen, n=bad))
    reasons = _reasons(slot, found)
    bare = [text(WARNINGS[one.warning], chosen) for one in reasons if not one.words]
    if bare:
        words = text("请填写放行说明：{names}", chosen,
                     names=("、" if chosen == "zh" else ", ").join(bare))  # fmt: skip
        return _refused(desk, draft.name, words)
    why = "".join(f"; {one.warning} ({one.rows}): {one.words}" for one in reasons)
    told = f"{draft.kind} SM3 {draft.digest}; edits {len(draft.made.edits)}{why}"
    try:
        with (
            writes(desk),
            engine.state.audit.during("data.import", draft.name, told) as conclusion,
        ):
            try:
                wish = Wish(asks.name, tuple(reasons), good_only)
                receipt = taken_in(engine, draft, found, wish)
            except Refused as refused:
                conclusion.outcome = FAILURE
                return failed(refused.problems[0].line(chosen))
            conclusion.description = f"{told}; batch {receipt.batch}, {receipt.new_rows} new"
    except Busy:
        return failed(text("另一项写入还没有完成，请稍后再试", chosen))
    except (DiskFull, StoreError) as error:
        return failed(str(error))
    clear(slot)
    slot.receipt = receipt
    LOG.info("file taken in as batch %s by %s", receipt.batch, asks.name)
    return Said(True, "", {"batch": receipt.batch})


def _refused(desk: Desk, what: str, words: str) -> Said:
    desk.reader.engine.state.audit.record(Entry("data.import", what, words, FAILURE))
    return failed(words)


def revoked(desk: Desk, batch: int, reason: str, asks: Who, chosen: str) -> Said:
    """Take a whole batch back; a refusal says why in words."""
    if not may(desk.reader, asks, page.PAGE.path, REVOKE):
        forbidden()
    engine, what = desk.reader.engine, f"batch {batch}"
    shown.in_reach(desk, batch)
    if not reason:
        return _not_revoked(desk, what, text("请填写撤回原因", chosen))
    try:
        with writes(desk), engine.state.audit.during("data.revoke", what, reason) as conclusion:
            try:
                done = revoke(engine, batch, asks.name, reason)
            except NotRevocable as error:
                conclusion.outcome = FAILURE
                return failed(text(REFUSALS[error.reason], chosen))
            conclusion.description = f"{reason}; {done.rows} rows"
    except Busy:
        return failed(text("另一项写入还没有完成，请稍后再试", chosen))
    except StoreError as error:
        return failed(str(error))
    LOG.info("batch %s taken back by %s", batch, asks.name)
    return Said(True, "", {"batch": batch})


def _not_revoked(desk: Desk, what: str, words: str) -> Said:
    desk.reader.engine.state.audit.record(Entry("data.revoke", what, words, FAILURE))
    return failed(words)


def download(desk: Desk, uploads: Uploads, search: str) -> Response | None:
    """Return a kind's template, or the list of what is wrong with the file in work."""
    given = page.choice(search)
    return shown.download(desk, _slot(uploads), given, language(desk.language))


def chosen_batch(chosen: page.Choice) -> int:
    """Return the batch that an address asks for, 0 for none."""
    return number(chosen.get("batch"))
