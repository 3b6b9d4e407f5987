"""The audit trail: append-only, chained, in the transaction of what it records (9.5, 9.6).

Whoever opens a door (a request, a command, a job) says once who acts (``acts``); every method of
the state that changes something records it itself, in its own transaction: no record, no action.
What is written elsewhere (DuckDB) is announced first (``Audit.during``) and concluded after.
"""

from __future__ import annotations

import hashlib
import json
import secrets
import sqlite3
import time
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta, timezone
from typing import Any

from sqlalchemy import Connection, Engine, Row, func, insert, select

from data.state.tables import AUDIT

LONGEST_TEXT = 4000
GENESIS = bytes(32)
BEIJING = timezone(timedelta(hours=8))
SUCCESS, FAILURE, DENIED, INTENT = "success", "failure", "denied", "intent"

# Every kind of event there is, in words; a record of another kind is refused.
EVENTS: Mapping[str, str] = {
    "audit.begin": "审计开始",
    "audit.checkpoint": "审计检查点",
    "audit.anchor": "检查点外送",
    "audit.verify": "审计校验",
    "audit.query": "查询审计记录",
    "audit.export": "导出审计记录",
    "audit.report": "生成审计报告",
    "audit.seal": "封存审计分段",
    "service.start": "服务启动",
    "service.stop": "服务停止",
    "service.alive": "运行心跳",
    "clock.step": "时钟跳变",
    "session.login": "登录",
    "session.logout": "退出",
    "session.end": "会话被结束",
    "session.display": "大屏会话",
    "display.grant": "大屏授权",
    "display.revoke": "撤销大屏",
    "session.demonstration": "演示会话",
    "request.denied": "越权访问",
    "request.refused": "拒绝畸形请求",
    "alarm.security": "安全告警",
    "account.request": "申请账号变更",
    "account.decide": "处理账号变更申请",
    "account.add": "建立账号",
    "account.role": "变更角色",
    "account.sites": "变更站点范围",
    "account.enable": "启用账号",
    "account.disable": "停用账号",
    "account.reset": "重设密码",
    "account.password": "修改密码",
    "account.factor": "第二因素变更",
    "account.unmask": "查看个人信息",
    "policy.change": "权限策略变更",
    "code.setup": "设置码",
    "code.demonstration": "演示链接",
    "proposal.propose": "提出变更申请",
    "proposal.withdraw": "撤回申请",
    "proposal.accept": "批准申请",
    "proposal.reject": "驳回申请",
    "proposal.decide": "处理申请",
    "period.step": "月结步骤",
    "visit.read": "已阅变化",
    "note.add": "添加备注",
    "note.change": "修改备注",
    "note.remove": "删除备注",
    "target.set": "设定目标",
    "scenario.save": "保存情景",
    "scenario.remove": "删除情景",
    "scenario.restore": "恢复情景",
    "evidence.add": "添加佐证材料",
    "evidence.change": "修改佐证材料",
    "evidence.retire": "停用佐证材料",
    "evidence.restore": "恢复佐证材料",
    "evidence.open": "下载佐证原件",
    "project.step": "项目步骤",
    "market.fact": "设定市场数据",
    "phase.set": "设定阶段预期成果",
    "eligibility.propose": "申请变更方法学适用性",
    "interface.save": "保存接口",
    "interface.enable": "启用接口",
    "interface.disable": "停用接口",
    "interface.remove": "移除接口",
    "interface.probe": "试读接口",
    "interface.resend": "重新入库",
    "interface.document": "生成接口文档",
    "api_key.add": "建立接口密钥",
    "api_key.revoke": "吊销接口密钥",
    "api.denied": "接口拒绝访问",
    "api.push": "接口推送数据",
    "api.read": "接口读取数据",
    "alarm.follow": "告警随数据更新",
    "alarm.assign": "派单",
    "alarm.note": "告警备注",
    "alarm.close": "关闭告警",
    "alarm.reopen": "重新打开告警",
    "alarm.dropped": "告警上传队列超限",
    "data.import": "导入数据",
    "data.revoke": "撤回批次",
    "data.remove": "删除演示数据",
    "ledger.settle": "结算账本",
    "forecast.make": "作出预测",
    "ledger.export": "导出账本",
    "page.export": "下载数据",
    "demo.build": "建立演示厂",
    "command.run": "执行命令",
    "key.use": "密钥使用",
    "key.rotate": "密钥轮换",
    "fact.note": "环境变化",
}


class NotRecorded(Exception):
    """A record could not be written, so what it would have recorded was not done."""


@dataclass(frozen=True)
class Act:
    """Who acts, from where, in which request; within which announced action.

    Parameters
    ----------
    actor, role
        The account and its role; ``system`` for the product itself, ``console`` for a command.
    session
        The first digits of the session's digest.
    address
        Where the request came from.
    request
        The request's number: every record of one request has it.
    intent
        Number of the record that announced the action; 0 outside one.
    """

    actor: str = "system"
    role: str = "system"
    session: str = ""
    address: str = ""
    request: str = ""
    intent: int = 0


_ACT: ContextVar[Act] = ContextVar("act", default=Act())  # noqa: B039 (frozen)


def acting() -> Act:
    """Return who acts here and now."""
    return _ACT.get()


def act_as(act: Act) -> None:
    """Say who acts from here on in this thread (a request's first and last step)."""
    _ACT.set(act)


@contextmanager
def acts(act: Act) -> Iterator[None]:
    """Say who acts within a block."""
    token = _ACT.set(act)
    try:
        yield
    finally:
        _ACT.reset(token)


@dataclass(frozen=True)
class Entry:
    """What is to be recorded; who acts is added when it is appended.

    Parameters
    ----------
    event
        One of EVENTS.
    object
        What it is about: an account, a file, a proposal, a path.
    description
        What happened, in words or JSON; never a password, token or code.
    outcome
        success, failure, denied, or intent for an announcement.
    before, after
        Digests or short values of what was and what is.
    """

    event: str
    object: str = ""
    description: str = ""
    outcome: str = SUCCESS
    before: str = ""
    after: str = ""


@dataclass(frozen=True)
class Record:
    """A record as it is kept; ``prev`` and ``hash`` are 32 bytes."""

    seq: int
    at: str
    mono_ns: int
    boot: str
    actor: str
    role: str
    session: str
    address: str
    event: str
    object: str
    description: str
    outcome: str
    before: str
    after: str
    request: str
    intent: int
    prev: bytes
    hash: bytes


FIELDS = tuple(Record.__dataclass_fields__)
_BOOT = secrets.token_hex(8)  # this start of the process: monotonic times compare within one


def digest(values: Mapping[str, Any]) -> bytes:
    """Return the SM3 digest of a record: every field with its length, then the one before.

    Lengths before contents: "ab" + "c" and "a" + "bc" must not be the same record.

    Parameters
    ----------
    values
        The fields of ``Record``; ``hash`` is not looked at.

    Returns
    -------
    bytes
        32 bytes: SM3("AUD1" ‖ for each field in order: length (4 bytes, big-endian) ‖ UTF-8).
    """
    found = hashlib.new("sm3", b"AUD1")
    for name in FIELDS[:-1]:
        value = values[name]
        body = value if isinstance(value, bytes) else str(value).encode()
        found.update(len(body).to_bytes(4, "big"))
        found.update(body)
    return found.digest()


def plain(words: str) -> str:
    """Return text as it is recorded: control and half signs escaped, cut at LONGEST_TEXT.

    Whatever a user typed must neither end a log's line nor colour a terminal.
    """
    cut = words if len(words) <= LONGEST_TEXT else words[: LONGEST_TEXT - 1] + "…"
    if cut.isprintable():
        return cut
    return "".join(
        c if c.isprintable() or unicodedata.category(c) == "Zs" else _escaped(c) for c in cut
    )


def _escaped(sign: str) -> str:
    return json.dumps(sign)[1:-1] if ord(sign) > 0x1F else f"\\u{ord(sign):04x}"


def append(connection: Connection, entry: Entry, at: datetime | None = None) -> int:
    """Append a record within a transaction that holds the write lock, and return its number.

    Parameters
    ----------
    connection
        Inside ``recorded`` or ``writing``.
    entry
        What happened.
    at
        When; now if None.

    Raises
    ------
    ValueError
        There is no such event.
    sqlalchemy.exc.DBAPIError
        It cannot be written: the transaction must be given up.
    """
    row = _chained(_newest(connection), acting(), entry, at)
    connection.execute(insert(AUDIT).values(**row))
    return int(row["seq"])


_NEWEST = select(AUDIT.c.seq, AUDIT.c.hash).order_by(AUDIT.c.seq.desc()).limit(1)


def _newest(connection: Connection) -> tuple[int, bytes]:
    """Return number and hash of the newest record; what the first one follows if none is there."""
    row = connection.execute(_NEWEST).first()
    return (0, GENESIS) if row is None else (row.seq, row.hash)


def _chained(
    newest: tuple[int, bytes], act: Act, entry: Entry, at: datetime | None = None
) -> dict[str, Any]:
    """Return the columns of a record that follows the newest one."""
    if entry.event not in EVENTS:
        raise ValueError(entry.event)
    values: dict[str, Any] = {
        "seq": newest[0] + 1,
        "at": (at or datetime.now(BEIJING)).isoformat(timespec="microseconds"),
        "mono_ns": time.monotonic_ns(),
        "boot": _BOOT,
        "actor": plain(act.actor),
        "role": act.role,
        "session": act.session,
        "address": plain(act.address),
        "event": entry.event,
        "object": plain(entry.object),
        "description": plain(entry.description),
        "outcome": entry.outcome,
        "before": plain(entry.before),
        "after": plain(entry.after),
        "request": act.request,
        "intent": act.intent,
        "prev": newest[1],
    }
    return {**values, "hash": digest(values)}


@contextmanager
def writing(engine: Engine) -> Iterator[Connection]:
    """Yield a connection in a transaction that holds the write lock from its start.

    Without it two threads could read the same newest record and chain to it both.
    """
    with engine.begin() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield connection


@dataclass
class Recording:
    """A transaction that will be recorded; ``entry`` may be refined until it ends."""

    connection: Connection
    entry: Entry | None

    def note(self, **changed: str) -> None:
        """Refine what will be recorded."""
        if self.entry is not None:
            self.entry = replace(self.entry, **changed)


@contextmanager
def recorded(engine: Engine, entry: Entry | None) -> Iterator[Recording]:
    """Do something and record it in the same transaction; neither is kept without the other.

    Parameters
    ----------
    engine
        The state's.
    entry
        What happens. The block may set it to None where nothing did.

    Raises
    ------
    NotRecorded
        The record could not be written; nothing was done.
    """
    with writing(engine) as connection:
        found = Recording(connection, entry)
        yield found
        if found.entry is None:
            return
        try:
            append(connection, found.entry)
        except sqlite3.Error as error:
            raise NotRecorded(str(error)) from error


@dataclass
class Conclusion:
    """How an announced action ended; the block that does it says so."""

    intent: int
    outcome: str = SUCCESS
    object: str = ""
    description: str = ""
    facts: dict[str, Any] = field(default_factory=dict)


class Audit:
    """The trail of a data directory."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._installation = ""

    def begin(self) -> str:
        """Begin the trail, once for each installation, and return the installation's number.

        It is the first record: signed heads of this trail are told apart from another's by it.
        """
        if self._installation:
            return self._installation
        wanted = select(AUDIT.c.object).where(AUDIT.c.event == "audit.begin")
        with writing(self._engine) as connection:
            found = connection.execute(wanted.order_by(AUDIT.c.seq).limit(1)).scalar()
            if found is None:
                found = secrets.token_hex(16)
                with acts(Act()):
                    append(connection, Entry("audit.begin", found))
        self._installation = str(found)
        return self._installation

    def record(self, entry: Entry) -> int:
        """Append one record in a transaction of its own and return its number."""
        with writing(self._engine) as connection:
            return append(connection, entry)

    def record_all(self, entries: Sequence[tuple[Act, Entry]]) -> None:
        """Append records of several who act, in one transaction: all of them or none."""
        rows: list[dict[str, Any]] = []
        with writing(self._engine) as connection:
            newest = _newest(connection)
            for act, entry in entries:
                rows.append(_chained(newest, act, entry))
                newest = (rows[-1]["seq"], rows[-1]["hash"])
            connection.execute(insert(AUDIT), rows)

    @contextmanager
    def during(self, event: str, what: str, description: str = "") -> Iterator[Conclusion]:
        """Announce an action whose data live elsewhere, and conclude it when the block ends.

        What the block writes carries the announcement's number (``Store.write`` keeps it with
        the data), so that after a stop in between it can be told whether it was done.

        Parameters
        ----------
        event, what, description
            As in Entry.
        """
        number = self.record(Entry(event, what, description, INTENT))
        found = Conclusion(number, object=what)
        with acts(replace(acting(), intent=number)):
            try:
                yield found
            except BaseException as error:
                found.outcome = FAILURE
                found.description = found.description or f"{type(error).__name__}: {error}"
                raise
            finally:
                self.record(Entry(event, found.object, found.description, found.outcome))

    def unconcluded(self) -> list[Record]:
        """Return the announcements without a conclusion, oldest first: a stop came between.

        A conclusion has the event of its announcement; records of the action's parts do not
        conclude it.
        """
        done = AUDIT.alias()
        concluded = (
            select(done.c.seq)
            .where(
                done.c.intent == AUDIT.c.seq,
                done.c.event == AUDIT.c.event,
                done.c.outcome != INTENT,
            )
            .exists()
        )
        wanted = select(AUDIT).where(AUDIT.c.outcome == INTENT, ~concluded).order_by(AUDIT.c.seq)
        with self._engine.connect() as connection:
            return [_record(row) for row in connection.execute(wanted)]

    def has_parts(self, intent: int) -> bool:
        """Tell whether an announced action has left records of its parts."""
        wanted = select(AUDIT.c.seq).where(AUDIT.c.intent == intent, AUDIT.c.outcome == SUCCESS)
        with self._engine.connect() as connection:
            return connection.execute(wanted.limit(1)).first() is not None

    def conclude(self, intent: Record, *, applied: bool) -> None:
        """Conclude an announcement that a stop left open, by what was found in the data."""
        words = "重启后核对：已写入" if applied else "重启后核对：没有写入"
        with acts(replace(acting(), intent=intent.seq)):
            outcome = SUCCESS if applied else FAILURE
            self.record(Entry(intent.event, intent.object, words, outcome))

    def head(self) -> tuple[int, bytes]:
        """Return the number and digest of the newest record; 0 and zeros without any."""
        with self._engine.connect() as connection:
            return _newest(connection)

    def hash_of(self, seq: int) -> bytes:
        """Return the digest of a record; zeros where there is none."""
        with self._engine.connect() as connection:
            found = connection.execute(select(AUDIT.c.hash).where(AUDIT.c.seq == seq)).scalar()
        return found or GENESIS

    def count(self) -> int:
        """Return how many records there are."""
        with self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(AUDIT)).scalar_one()

    def newest(self, event: str, what: str) -> int:
        """Return the number of the newest record that something was done; 0 where it never was.

        Parameters
        ----------
        event, what
            The event and its object.
        """
        done = (AUDIT.c.event == event, AUDIT.c.object == what, AUDIT.c.outcome == SUCCESS)
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.max(AUDIT.c.seq)).where(*done)).scalar() or 0)

    def rows(self, after: int = 0, upto: int = 0) -> Iterator[tuple[Any, ...]]:
        """Yield records after a number as bare values, oldest first, as they were at one moment.

        For whoever goes through all of them: no object for each.

        Parameters
        ----------
        after, upto
            Above which and up to which number; to the end where ``upto`` is 0.

        Returns
        -------
        iterator of tuple
            In the order of ``FIELDS``.
        """
        sql = f"SELECT {', '.join(FIELDS)} FROM audit WHERE seq > ? AND seq <= ? ORDER BY seq"
        with self._engine.connect() as connection:
            kept = connection.connection.dbapi_connection
            if kept is None:
                return
            cursor = kept.cursor()
            try:
                cursor.execute(sql, (after, upto or (1 << 62)))
                while found := cursor.fetchmany(1000):
                    yield from found
            finally:
                cursor.close()

    def records(self, after: int = 0, most: int = 0) -> Iterator[Record]:
        """Yield records after a number, oldest first; all of them where no limit is given."""
        wanted = select(AUDIT).where(AUDIT.c.seq > after).order_by(AUDIT.c.seq)
        wanted = wanted.limit(most) if most else wanted
        with self._engine.connect() as connection:
            for row in connection.execute(wanted).yield_per(1000):
                yield _record(row)


def _record(row: Row[Any]) -> Record:
    return Record(**row._mapping)
