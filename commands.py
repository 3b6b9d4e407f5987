"""What every command does, whether the app runs it or manage.py itself (ARCHITECTURE §3).

A command is a pure request (name and JSON values) carried out on an opened data directory; it
speaks through a Console, so that the same bytes reach the terminal either way.
"""

from __future__ import annotations

import json
import os
import pwd
import secrets
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, date, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import api_commands
import audit_commands
import interface_commands
import ledger_commands
from accounting.forecast.champion import REASONS
from data.approvals import propose_settings
from data.demo.build import build_demo, remove_demo
from data.engine import Busy, DiskFull, Engine
from data.engine import Options as EngineOptions
from data.export import Wanted as WantedRows
from data.export import export_ledger
from data.forecasts import document, newest
from data.ingest.factor_file import FACTOR_KIND
from data.ingest.load import SITE_KIND, Options, Receipt, import_file
from data.ingest.problems import Refused
from data.recovery import recovered
from data.settle import settle
from data.sites import documents
from data.state import FAILURE, SUCCESS, Act, DBAPIError, Entry, NotRecorded, acting, acts, now
from data.store import Limits, StoreError
from data.trace import Name, Unknown, find, trace
from jobs.forecast import refreshed
from security import accounts
from security.accounts import AccountRefused, Wanted
from security.alarm_upload import places_of
from security.first import setup_code
from security.keys import Keys
from security.passwords import Busy as TooMany
from security.problem import Problem
from security.start import opened_keys
from settings import Settings
from translations import text

DONE, FAILED, MISUSED = 0, 1, 2


def engine_options(settings: Settings) -> EngineOptions:
    """Return how the settings want the data directory opened."""
    limits = Limits(settings.threads, settings.memory_mb)
    places = tuple(place.name for place in places_of(settings, now))
    return EngineOptions(limits, settings.language, settings.disk_floor_mb, places)


class Console(Protocol):
    """Where a command speaks: results, messages, progress."""

    def out(self, line: str) -> None:
        """Write a line of the result (standard output)."""

    def err(self, line: str) -> None:
        """Write a line of the conversation (standard error)."""

    def progress(self, task: str, done: int, of: int) -> None:
        """Tell how far a task is."""


@dataclass(frozen=True)
class Request:
    """A command and its values, all JSON."""

    name: str
    values: Mapping[str, Any]

    def to_json(self) -> bytes:
        """Return the request as the socket carries it."""
        return json.dumps({"name": self.name, "values": dict(self.values)}).encode()


def from_json(body: bytes) -> Request:
    """Return the request that a body carries."""
    found = json.loads(body)
    return Request(str(found["name"]), dict(found["values"]))


def os_user(uid: int | None = None) -> str:
    """Return the name of an operating-system user; of this process's where no number is given.

    Not by the environment, which anybody may set.
    """
    number = os.getuid() if uid is None else uid
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return f"uid {number}"


@dataclass(frozen=True)
class House:
    """What commands are carried out in: the data directory, its settings, its keys when asked."""

    engine: Engine
    settings: Settings

    @cached_property
    def keys(self) -> Keys:
        """The keys; opened, and on the first use made, only by what needs them."""
        return opened_keys(self.settings, self.engine.state)


def run(house: House, request: Request, console: Console, by: str) -> int:
    """Carry a command of an operating-system user out and return its exit code.

    Errors become sentences; what changes or leaves the house is recorded (9.5).
    """
    with acts(Act(by, "console", "", "local", secrets.token_hex(8))):
        return _recorded(house, request, console)


def _recorded(house: House, request: Request, console: Console) -> int:
    """Carry a command out with the records that it leaves.

    What writes to the store is announced first; the rest records itself where it succeeds, so
    that only its failure is left to record here.
    """
    engine, name = house.engine, request.name
    event, key = EVENTS.get(name, ("", ""))
    what = _object(request.values.get(key, "")) or name
    try:
        if name in WRITING:
            recovered(engine)
        if name in ANNOUNCED and not request.values.get("dry_run"):
            with engine.state.audit.during(event, what) as conclusion:
                code = _carried_out(house, request, console)
                conclusion.outcome = SUCCESS if code == DONE else FAILURE
            return code
        code = _carried_out(house, request, console)
    except (NotRecorded, DBAPIError) as error:
        console.err(text("审计记录无法写入，操作没有执行：{reason}", engine.language, reason=error))
        return FAILED
    if event and code != DONE:
        engine.state.audit.record(Entry(event, what, outcome=FAILURE))
    elif name in LEAVING:
        engine.state.audit.record(Entry(event, what))
    return code


def _object(value: object) -> str:
    words = value if isinstance(value, list) else [value]
    return ", ".join(Path(str(one)).name if "/" in str(one) else str(one) for one in words)


def _carried_out(house: House, request: Request, console: Console) -> int:
    engine, language = house.engine, house.engine.language
    values = dict(request.values)
    if request.name in NAMED:
        values["actor"] = acting().actor
    try:
        if request.name in KEYED:
            values["keys"] = house.keys
        return COMMANDS[request.name](engine, console, **values)
    except Refused as refused:
        for problem in refused.problems:
            console.err(problem.line(language))
        count = len(refused.problems)
        console.err(text("没有导入：{count} 处问题", language, count=count))
    except AccountRefused as refused:
        for reason in refused.reasons:
            console.err(reason)
    except Problem as problem:
        console.err(problem.told(language))
    except TooMany:
        console.err(text("正在登录的人太多，请稍后再试", language))
    except (DiskFull, Busy) as error:
        console.err(str(error))
    except StoreError as error:
        console.err(
            text("数据库拒绝了这次操作，没有写入任何数据：{reason}", language, reason=error)
        )
    except BrokenPipeError:
        return FAILED  # nobody listens any more
    except OSError as error:
        console.err(
            text(
                "文件 {name} 无法读写：{reason}",
                language,
                name=error.filename,
                reason=error.strerror,
            )
        )
    return FAILED


def import_files(
    engine: Engine,
    console: Console,
    *,
    kind: str,
    files: list[str],
    site: str,
    dry_run: bool,
    accept_good: bool,
    actor: str,
    as_json: bool,
) -> int:
    """Take files in, one after the other; the first refused one stops the rest."""
    options = Options(site, dry_run, accept_good, actor)
    receipts = []
    if kind == FACTOR_KIND.name:
        return _import_factors(
            engine, console, files=files, actor=actor, dry_run=dry_run, as_json=as_json
        )
    for done, name in enumerate(files):
        console.progress(text("导入", engine.language), done, len(files))
        receipt = import_file(engine, kind, Path(name), options)
        receipts.append(receipt)
        for note in receipt.notes:
            console.err(note)
        if not as_json:
            console.out(_receipt_line(engine.language, receipt, dry_run=dry_run))
    console.progress(text("导入", engine.language), len(files), len(files))
    if kind == SITE_KIND and not dry_run:
        for number in propose_settings(engine, actor):
            key = "设置的变化须由另一账号批准，此前沿用原设置（approve show {number}）"
            console.err(text(key, engine.language, number=number))
    if as_json:
        console.out(json.dumps([asdict(r) for r in receipts], ensure_ascii=False))
    return DONE


def _import_factors(
    engine: Engine,
    console: Console,
    *,
    files: list[str],
    actor: str,
    dry_run: bool,
    as_json: bool,
) -> int:
    """Propose the rows of factor files; a second person decides."""
    codes = [
        ledger_commands.factors_import(
            engine, console, file=name, document="", actor=actor, dry_run=dry_run, as_json=as_json
        )
        for name in files
    ]
    return max(codes)


def _receipt_line(language: str, receipt: Receipt, *, dry_run: bool) -> str:
    if receipt.seen_at:
        return text(
            "{file}：此文件已于 {at} 导入，没有变化",
            language,
            file=receipt.file,
            at=receipt.seen_at,
        )
    trial = "{file}：试运行，将新增 {new} 行，相同 {same} 行，更正 {fixed} 行，剔除 {out} 行"
    taken = "{file}：新增 {new} 行，相同 {same} 行，更正 {fixed} 行，剔除 {out} 行（批次 {batch}）"
    return text(
        trial if dry_run else taken,
        language,
        file=receipt.file,
        new=receipt.new_rows,
        same=receipt.same_rows,
        fixed=receipt.corrections,
        out=receipt.left_out,
        batch=receipt.batch,
    )


def settle_ledger(engine: Engine, console: Console, *, first: str, last: str, as_json: bool) -> int:
    """Compute the ledger for what changed."""
    done = settle(
        engine,
        _month(first),
        _month(last),
        lambda site, at, of: console.progress(
            text("结算 {site}", engine.language, site=site), at, of
        ),
    )
    if as_json:
        console.out(json.dumps(asdict(done)))
    elif done.run == 0:
        console.out(text("没有变化，无需结算", engine.language))
    else:
        console.out(
            text(
                "已结算 {months} 个站点月，写入 {figures} 个数值（第 {run} 次结算）",
                engine.language,
                months=done.months,
                figures=done.figures,
                run=done.run,
            )
        )
    return DONE


def forecast(engine: Engine, console: Console, *, as_json: bool) -> int:
    """Make the forecasts anew where what they are made of has changed; print them."""
    made = refreshed(engine)
    if as_json:
        console.out(json.dumps(document(engine), ensure_ascii=False))
        return DONE
    last = made or newest(engine)
    key = "已预测（第 {run} 次）" if made else "没有变化，沿用第 {run} 次预测"
    console.out(text(key, engine.language, run=0 if last is None else last.run))
    for series, reason in sorted((last.reasons if last else {}).items()):
        if reason:
            console.out(f"{series}: {text(REASONS[reason], engine.language)}")
    return DONE


def _month(label: str) -> date | None:
    return date.fromisoformat(f"{label}-01") if label else None


def export(
    engine: Engine,
    console: Console,
    *,
    out: str,
    first: str,
    last: str,
    form: str,
    as_of: str,
    view: str,
    as_json: bool,
) -> int:
    """Write the ledger, or a view of it, to a file."""
    known = None
    if as_of:
        moment = datetime.fromisoformat(as_of)
        known = moment.astimezone(UTC).replace(tzinfo=None)
    count = export_ledger(engine, Path(out), form, WantedRows(first, last, known, view))
    if as_json:
        console.out(json.dumps({"file": out, "rows": count}, ensure_ascii=False))
    else:
        console.out(text("已写入 {file}：{count} 行", engine.language, file=out, count=count))
    return DONE


def trace_figure(
    engine: Engine,
    console: Console,
    *,
    indicator: str,
    period: str,
    site: str,
    dimension: str,
    entity: str,
    figure_id: str,
    as_json: bool,
) -> int:
    """Print a figure down to factors and readings."""
    try:
        if not figure_id:
            with engine.store.read() as cursor:
                figure_id = find(cursor, Name(indicator, period, site, dimension, entity))
        found = trace(engine, figure_id)
    except Unknown as unknown:
        choices = str(unknown) or text("账本里没有", engine.language)
        console.err(text("没有唯一的数值：{choices}", engine.language, choices=choices))
        return FAILED
    if as_json:
        console.out(json.dumps(found, ensure_ascii=False))
        return DONE
    for line in _trace_lines(engine.language, found):
        console.out(line)
    return DONE


def _trace_lines(language: str, found: dict[str, Any]) -> list[str]:
    value = "--" if found["value"] is None else f"{found['value']!r} {found['unit']}"
    head = f"{found['indicator']} {found['dimension']}/{found['entity']} {found['period']}"
    lines = [
        f"{head} = {value} ({found['quality']}{'; ' + found['flags'] if found['flags'] else ''})",
        text("公式：{formula}", language, formula=found["formula"]),
    ]
    for term in found["terms"]:
        factor = f" [{term['factor_id']}]" if term["factor_id"] else ""
        line = (
            f"  {term['kind']} {term['ref']}: {term['quantity']!r} {term['unit']} × "
            f"{term['coefficient']!r}{factor} {term['origin'] or ''} {term['source'] or ''}"
        )
        lines.append(line.rstrip())
    lines.append(
        text("读数：{count} 条（--json 列出全部）", language, count=len(found["readings"]))
    )
    return lines


def demo(engine: Engine, console: Console, *, months: int, seed: int, last_day: str) -> int:
    """Build the demonstration plant, import it like any other plant's files, and settle."""
    day = date.fromisoformat(last_day)
    build_demo(engine, day, months, seed, console.progress)
    return settle_ledger(engine, console, first="", last="", as_json=False)


def demo_remove(engine: Engine, console: Console) -> int:
    """Delete the demonstration sites and say what stays."""
    removed, stays = remove_demo(engine)
    for site in removed:
        console.out(text("已删除演示站点 {site}", engine.language, site=site))
    if not removed:
        console.out(text("没有演示站点", engine.language))
    console.out(text("保留：{stays}", engine.language, stays=", ".join(stays) or "--"))
    return DONE


def only_demo_sites(engine: Engine) -> bool:
    """Tell whether there are sites and all of them are demonstrations."""
    with engine.store.read() as cursor:
        found = documents(cursor)
    return bool(found) and all(document.demo for document in found.values())


def user_add(
    engine: Engine,
    console: Console,
    *,
    name: str,
    role: str,
    password_file: str,
    by: Mapping[str, str],
    as_json: bool,
    keys: Keys,
) -> int:
    """Make an account with its second factor; its password is the first line of a file."""
    wanted = Wanted(name, role, _first_line(password_file))
    with _vouched(engine, keys, by):
        made, secret = accounts.add_with_factor(engine.state, keys, wanted, now(), engine.language)
    if as_json:
        said = {"user": made.name, "role": made.role, "totp_secret": secret}
        console.out(json.dumps(said, ensure_ascii=False))
    else:
        key = "已建立账号 {name}（{role}）"
        console.out(text(key, engine.language, name=made.name, role=made.role))
        console.out(
            text("动态口令的密钥（只显示这一次）：{secret}", engine.language, secret=secret)
        )
    return DONE


@contextmanager
def _vouched(engine: Engine, keys: Keys, by: Mapping[str, str]) -> Iterator[None]:
    """Act as the administrator who stands for a change of accounts, once there is one.

    Whoever may write to the data directory must not be able to make himself an administrator
    alone: from the first active security administrator on it takes two (9.4.3).
    """
    language = engine.language
    if by.get("user"):
        password = _first_line(by["password_file"]) if by.get("password_file") else ""
        found = accounts.vouched(
            engine.state, keys, by["user"], password, by.get("code", ""), now(), language
        )
        with acts(replace(acting(), actor=found.name, role=found.role)):
            yield
    elif engine.state.accounts.active("secadmin"):
        raise AccountRefused(
            [
                text("已有安全管理员，建立账号和重设密码须由另一位管理员担保", language),
                text(
                    "加上 --as 管理员 --as-password-file 文件 --as-code 动态口令，或在页面办理",
                    language,
                ),
            ]
        )
    else:
        yield


def user_disable(engine: Engine, console: Console, *, name: str) -> int:
    """Let nobody use an account any more."""
    account = accounts.disable(engine.state, name, now(), engine.language)
    console.out(text("已停用账号 {name}，其会话已结束", engine.language, name=account.name))
    return DONE


def user_reset(
    engine: Engine,
    console: Console,
    *,
    name: str,
    password_file: str,
    by: Mapping[str, str],
    keys: Keys,
) -> int:
    """Give an account a new password."""
    password = _first_line(password_file)
    with _vouched(engine, keys, by):
        account = accounts.reset(engine.state, name, password, now(), engine.language)
    console.out(
        text(
            "已重设账号 {name} 的密码；账号可用，原有会话已结束", engine.language, name=account.name
        )
    )
    return DONE


def _first_line(name: str) -> str:
    """Return a file's first line; what else is wrong with it, the password rules say."""
    lines = Path(name).read_text(encoding="utf-8-sig", errors="replace").splitlines()
    return lines[0] if lines else ""


def setup(engine: Engine, console: Console) -> int:
    """Print a new set-up code while there is no account."""
    code = setup_code(engine.state)
    if code is None:
        console.err(text("已有账号，不再需要设置码", engine.language))
        return FAILED
    console.out(code)
    return DONE


def key_list(engine: Engine, console: Console, *, keys: Keys, as_json: bool) -> int:
    """Print what keys there are: kind, id, when made; never a private half."""
    rows = keys.listed()
    if as_json:
        console.out(json.dumps(rows, ensure_ascii=False))
        return DONE
    console.out(text("密钥目录：{folder}", engine.language, folder=keys.folder))
    for row in rows:
        console.out("  ".join(str(value) for value in row.values()))
    for what in keys.unfinished():
        key = "密钥 {what} 的轮换没有做完：再执行一次 key rotate {what} 即可"
        console.err(text(key, engine.language, what=what))
    return DONE


def key_print(engine: Engine, console: Console, *, keys: Keys, what: str) -> int:
    """Print the root key, to be locked away on paper: without it nothing sealed is readable."""
    printed = keys.printed_root()
    if printed is None:
        console.err(text("根密钥由口令或设备保管，不能打印", engine.language))
        return FAILED
    console.out(printed)
    return DONE


def key_rotate(engine: Engine, console: Console, *, keys: Keys, what: str) -> int:
    """Put a new key in the place of one; what the old one sealed or signed stays readable."""
    rotations: Mapping[str, Callable[[], object]] = {
        "root": keys.rotate_root,
        "signing": keys.rotate_signing,
        "envelope": keys.rotate_envelope,
        "purposes": keys.rotate_purposes,
    }
    rotations[what]()
    console.out(text("已轮换密钥 {what}", engine.language, what=what))
    return DONE


# What a command is recorded as, and which of its values says what it is about.
EVENTS: Mapping[str, tuple[str, str]] = {
    "import": ("data.import", "files"),
    "settle": ("ledger.settle", "first"),
    "forecast": ("forecast.make", ""),
    "export": ("ledger.export", "out"),
    "demo": ("demo.build", "months"),
    "demo-remove": ("data.remove", ""),
    "user-add": ("account.add", "name"),
    "user-disable": ("account.disable", "name"),
    "user-reset": ("account.reset", "name"),
    "setup": ("code.setup", ""),
    "factors-import": ("proposal.propose", "file"),
    "period-step": ("period.step", "month"),
    "approve-decide": ("proposal.decide", "number"),
    "key-print": ("key.use", "what"),
    "key-rotate": ("key.rotate", "what"),
    **audit_commands.EVENTS,
    **api_commands.EVENTS,
    **interface_commands.EVENTS,
}
ANNOUNCED = frozenset(("import", "settle", "forecast", "demo", "demo-remove", "approve-decide"))
LEAVING = frozenset(("export", "key-print", "key-rotate", "interfaces-doc",
                     *audit_commands.COMMANDS))  # fmt: skip
KEYED = frozenset(
    (
        "key-list", "key-print", "key-rotate", "user-add", "user-reset", "approve-decide",
        *audit_commands.COMMANDS,
    )
)  # fmt: skip
NAMED = frozenset(("import", "factors-import", "period-step")) | interface_commands.NAMED
WRITING = ledger_commands.WRITING | {"import", "settle", "forecast", "demo", "demo-remove"}
COMMANDS: dict[str, Callable[..., int]] = {
    **ledger_commands.COMMANDS,
    **audit_commands.COMMANDS,
    **api_commands.COMMANDS,
    **interface_commands.COMMANDS,
    "import": import_files,
    "settle": settle_ledger,
    "forecast": forecast,
    "export": export,
    "trace": trace_figure,
    "demo": demo,
    "demo-remove": demo_remove,
    "user-add": user_add,
    "user-disable": user_disable,
    "user-reset": user_reset,
    "setup": setup,
    "key-list": key_list,
    "key-print": key_print,
    "key-rotate": key_rotate,
}
