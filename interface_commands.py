"""Commands around interfaces: list, save, switch, probe them, and judge again what is held back."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path

from pydantic import ValidationError

from data import interfaces
from data.connectors import UnknownConnector
from data.connectors.base import ProbeReport, report_plain
from data.engine import Engine
from data.points import points_csv
from data.slots import utc_now
from data.state import NoSuchInterface
from ledger_commands import DONE, FAILED, Console
from reports import integration
from reports.paper_pdf import NoFont
from settings import load
from translations import text

STATES = {"off": "停用", "starting": "连接中", "running": "正常", "troubled": "异常",
          "waiting": "断开"}  # fmt: skip


def listed(engine: Engine, console: Console, *, as_json: bool) -> int:
    """Print every interface: state, last good value, what waits."""
    rows = interfaces.listed(engine, utc_now())
    found = [
        {
            "id": row.version.wanted.interface_id, "kind": row.version.wanted.kind,
            "site": row.version.wanted.site, "version": row.version.version,
            "points": len(row.version.wanted.points), "state": interfaces.state_of(row).value,
            "last_good_at": row.health.last_good_at.isoformat()
            if row.health and row.health.last_good_at else None,
            "error": row.health.error if row.health else "",
            "waiting": row.waiting, "held": row.held, "missing": row.missing,
        }
        for row in rows
    ]  # fmt: skip
    if as_json:
        console.out(json.dumps(found, ensure_ascii=False))
        return DONE
    for one in found:
        state = text(STATES[str(one["state"])], engine.language)
        error = text(str(one["error"]), engine.language) if one["error"] else ""
        console.out(
            f"{one['id']}  {one['kind']}  {one['site']}  v{one['version']}  {state}  "
            f"{one['last_good_at'] or '--'}  {error}".rstrip()
        )
    if not found:
        console.out(text("还没有接口", engine.language))
    return DONE


def save(engine: Engine, console: Console, *, file: str, actor: str) -> int:
    """Keep the interface of a file as a new version."""
    draft = interfaces.read_draft(Path(file), engine.language)
    version, remarks = interfaces.save(engine, draft, actor)
    for remark in remarks:
        console.err(remark)
    key = "已保存接口 {name}（版本 {version}）"
    console.out(text(key, engine.language, name=draft.interface_id, version=version))
    return DONE


def _found(
    work: Callable[..., int],
) -> Callable[..., int]:
    """Return a command that says so where there is no interface of the name."""

    def command(engine: Engine, console: Console, *, name: str, **values: object) -> int:
        try:
            return work(engine, console, name=name, **values)
        except NoSuchInterface:
            console.err(text("没有这个接口：{name}", engine.language, name=name))
            return FAILED

    return command


def enable(engine: Engine, console: Console, *, name: str, actor: str) -> int:
    """Let the collector run an interface."""
    interfaces.switch(engine, name, actor, on=True)
    console.out(text("已启用接口 {name}", engine.language, name=name))
    return DONE


def disable(engine: Engine, console: Console, *, name: str, actor: str) -> int:
    """Let the collector run an interface no more."""
    interfaces.switch(engine, name, actor, on=False)
    console.out(text("已停用接口 {name}", engine.language, name=name))
    return DONE


def remove(engine: Engine, console: Console, *, name: str, actor: str) -> int:
    """Take an interface away for good; its versions and its name stay."""
    interfaces.remove(engine, name, actor)
    console.out(text("已移除接口 {name}；读数和历史版本保留", engine.language, name=name))
    return DONE


def points(engine: Engine, console: Console, *, name: str) -> int:
    """Print an interface's point table as CSV."""
    version = engine.state.interfaces.find(name)
    for line in points_csv(version.wanted.points, engine.language).splitlines():
        console.out(line)
    return DONE


def resend(engine: Engine, console: Console, *, name: str) -> int:
    """Judge again what is held back."""
    count = interfaces.resend(engine, name, utc_now())
    console.out(text("{count} 条隔离的读数将重新判断", engine.language, count=count))
    return DONE


def probe(engine: Engine, console: Console, *, name: str, as_json: bool) -> int:
    """Read every point once and print its bytes by every order."""
    try:
        report = interfaces.probe(engine, name)
    except (ValidationError, UnknownConnector) as error:
        console.err(str(error))
        return FAILED
    lines = [_as_json(report)] if as_json else _as_text(report, engine.language)
    for line in lines:
        console.out(line)
    return DONE if report.ok else FAILED


def _as_json(report: ProbeReport) -> str:
    return json.dumps(report_plain(report), ensure_ascii=False)


def _as_text(report: ProbeReport, language: str) -> list[str]:
    lines = [text(report.error, language)] if report.error else []
    for row in report.rows:
        value = "--" if row.value is None else f"{row.value:f} {row.unit}"
        orders = "  ".join(f"{o}={'--' if v is None else format(v, 'f')}" for o, v in row.orders)
        said = "  ".join(text(words, language) for words in (row.error, row.hint) if words)
        lines.append(f"{row.point_id}  [{row.raw_hex}]  {value}  {orders}  {said}".rstrip())
    return lines


def documents(engine: Engine, console: Console, *, out: str, names: list[str]) -> int:
    """Write the integration documents (7.2) of some interfaces, or of all, in every format."""
    folder, language = Path(out), engine.language
    wanted = names or integration.names(engine)
    written = 0
    for name in wanted:
        try:
            written += _written(engine, folder, name)
        except NoSuchInterface:
            console.err(text("没有这个接口：{name}", language, name=name))
        except UnknownConnector as error:
            key = "接口 {name} 的种类没有安装（{reason}），没有它的文档"
            console.err(text(key, language, name=name, reason=error))
        except NoFont as error:
            key = "没有字体 {name}，不能生成 PDF；请安装 fonts-noto-cjk 后重试"
            console.err(text(key, language, name=error))
            return FAILED
    console.out(text("已写入 {file}：{count} 个接口的文档", language, file=out, count=written))
    return DONE if written == len(wanted) else FAILED


def _written(engine: Engine, folder: Path, name: str) -> int:
    found = integration.document(engine, name, load(), engine.language)
    made = {form: make(found) for form, make in integration.FORMATS.items()}
    folder.mkdir(parents=True, exist_ok=True)
    for form, body in made.items():
        (folder / f"{name}.{form}").write_bytes(body)
    return 1


COMMANDS: Mapping[str, Callable[..., int]] = {
    "interfaces-list": listed,
    "interfaces-points": _found(points),
    "interfaces-save": save,
    "interfaces-enable": _found(enable),
    "interfaces-disable": _found(disable),
    "interfaces-remove": _found(remove),
    "interfaces-resend": _found(resend),
    "interfaces-probe": _found(probe),
    "interfaces-doc": documents,
}
EVENTS: Mapping[str, tuple[str, str]] = {
    "interfaces-save": ("interface.save", "file"),
    "interfaces-enable": ("interface.enable", "name"),
    "interfaces-disable": ("interface.disable", "name"),
    "interfaces-remove": ("interface.remove", "name"),
    "interfaces-resend": ("interface.resend", "name"),
    "interfaces-probe": ("interface.probe", "name"),
    "interfaces-doc": ("interface.document", "out"),
}
NAMED = frozenset(("interfaces-save", "interfaces-enable", "interfaces-disable",
                   "interfaces-remove"))  # fmt: skip
