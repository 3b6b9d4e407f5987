"""Commands around the audit trail: verify it, export it, report on a month (CONTRACT §1)."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from data.engine import Engine
from data.state import now
from data.state.audit_search import AuditSearch, Sought
from ledger_commands import DONE, FAILED, Console
from security import audit_export
from security.anchors import FileAnchor
from security.audit_export import Range
from security.audit_report import report_of, written
from security.keys import Keys
from security.trail_check import TrailCheck
from translations import text


def audit_verify(
    engine: Engine, console: Console, *, keys: Keys, anchor: str, anchors: list[str], as_json: bool
) -> int:
    """Verify the whole trail: anchors from outside first, then signatures, then every record."""
    check = TrailCheck(engine.state, keys, [FileAnchor(Path(anchor))])
    result = check.verify(now(), full=True, more=[Path(name) for name in anchors])
    found, language = result.findings, engine.language
    if as_json:
        console.out(json.dumps(found.brief(), ensure_ascii=False))
    elif found.ok:
        console.out(
            text("审计记录完好：核对 {count} 条，锚点 {anchors} 个", language,
                 count=found.checked, anchors=found.anchors)
        )  # fmt: skip
    else:
        console.out(
            text("审计记录不完好：第一处在第 {first} 条；{reason}", language,
                 first=found.first_bad or "--", reason=found.reason)
        )  # fmt: skip
    for note in _notes(engine.language, found.anchors, found.foreign, found.newest, found.size):
        console.err(note)
    return DONE if found.ok else FAILED


def _notes(language: str, anchors: int, foreign: int, newest: int, size: int) -> Sequence[str]:
    found = []
    if not anchors:
        found.append(text("没有外部锚点：尾部被截或整库被换成旧的，这里看不出来", language))
    if foreign:
        found.append(text("另有 {count} 个锚点属于别的安装", language, count=foreign))
    if size > newest:
        key = "最后 {count} 条还没有签名的检查点"
        found.append(text(key, language, count=size - newest))
    return found


def audit_export_file(
    engine: Engine, console: Console, *, keys: Keys, out: str, first: str, last: str,
    with_verifier: bool, as_json: bool,
) -> int:  # fmt: skip
    """Write a part of the trail as signed JSON lines, and as a table beside it."""
    state, path = engine.state, Path(out)
    search, sought = AuditSearch(state.engine), Sought(first=first, last=last)
    found = search.span(sought) if first or last else (1, state.audit.head()[0])
    if not found[0]:
        console.err(text("这段时间没有审计记录", engine.language))
        return FAILED
    wanted = Range(*found)
    audit_export.write(path, audit_export.lines(state, keys, wanted, now()), keys)
    table = path.with_suffix(".csv") if path.suffix != ".csv" else path.with_suffix(".table.csv")
    audit_export.write_table(table, state.audit.records(wanted.first - 1, wanted.count))
    files = [path, path.with_name(path.name + ".sig"), table]
    if with_verifier:
        files.append(audit_export.put_verifier(path.parent))
    if as_json:
        said = {"files": [str(file) for file in files], "first": wanted.first, "last": wanted.last}
        console.out(json.dumps(said, ensure_ascii=False))
        return DONE
    key = "已写入 {file}：第 {first} 至 {last} 条审计记录"
    for file in files:
        console.out(text(key, engine.language, file=file, first=wanted.first, last=wanted.last))
    return DONE


def audit_report(
    engine: Engine, console: Console, *, keys: Keys, anchor: str, month: str, out: str
) -> int:
    """Write the report of a month as a page to print."""
    check = TrailCheck(engine.state, keys, [FileAnchor(Path(anchor))])
    result = check.verify(now(), full=True)
    found = report_of(engine.state, month, result)
    Path(out).write_text(written(found, engine.language), encoding="utf-8")
    console.out(text("已写入 {file}：{count} 条审计记录", engine.language, file=out,
                     count=found.summary.total))  # fmt: skip
    return DONE


COMMANDS: dict[str, Callable[..., int]] = {
    "audit-verify": audit_verify,
    "audit-export": audit_export_file,
    "audit-report": audit_report,
}
EVENTS = {
    "audit-verify": ("audit.verify", ""),
    "audit-export": ("audit.export", "out"),
    "audit-report": ("audit.report", "month"),
}
