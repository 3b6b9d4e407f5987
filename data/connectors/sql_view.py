"""A view in another system's database: weighbridge, MES, ERP (PostgreSQL, MySQL, MariaDB).

Read-only three times over: the account must not be able to write, the session is set to read only,
and the one statement made here is a SELECT of named columns of one named view. What was read is
remembered by a cursor column (when a row was last changed); a changed row is a correction.
"""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, ParamSpec, TypeVar
from zoneinfo import ZoneInfo

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql import quoted_name

from data.connectors.base import (
    Batch,
    Emit,
    InterfaceDoc,
    LinkError,
    Point,
    ProbeReport,
    ProbeRow,
    Quality,
    Reading,
)
from data.connectors.sql_config import DRIVERS, SqlViewConfig, ViewAddress, trouble
from data.connectors.sql_cursor import CursorFile, Seen
from data.connectors.sql_rows import (
    Mark,
    Row,
    RowError,
    Void,
    digest,
    overlapped,
    readings,
    table,
)
from data.digest import sm3
from data.ingest.kinds import KINDS
from data.slots import slots, utc_now

POSTGRES_PORT = 5432
P = ParamSpec("P")
T = TypeVar("T")
_WRITES = "('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'DROP', 'ALTER')"


class SqlView:
    """One view."""

    kind: ClassVar[str] = "sql_view"
    title: ClassVar[str] = "数据库视图"
    polls: ClassVar[bool] = True
    Config: ClassVar = SqlViewConfig
    PointAddr: ClassVar = ViewAddress
    DOC: ClassVar[InterfaceDoc] = InterfaceDoc(
        purpose="从地磅、生产管理（MES）或企业资源（ERP）系统取得称重、拆解批次和产出，避免重复录入。",
        function="按周期读取视图 {view} 中改动过的行；重新过磅和作废作为更正，原值保留。"
        "只读，不建表、不写回、不调用存储过程。",
        physical="局域网 TCP 到数据库服务器；对方防火墙只放行本机到数据库端口，建议启用加密。",
        protocol="SQL（PostgreSQL、MySQL 或 MariaDB），只执行一种语句："
        "按游标列 {cursor} 和主键排序的 SELECT；每 {period_s} 秒一次，"
        "每次至多 {page_rows} 行，语句限时 {statement_s} 秒，"
        "回读 {overlap_s} 秒。",
        test="新增、改重量、作废各一行，核对本系统的更正；同一时刻改动多行不漏不重；"
        "用只读账号尝试写入应被数据库拒绝；锁表时查询按时放弃。",
        duties="业务系统厂家建立视图和只读账号，保证游标列随每次改动更新、行不被物理删除；"
        "数据库管理员开通网络；用户确认列的含义和单位；本系统不改对方数据。",
    )

    def __init__(self, cfg: Any, points: Sequence[Point]) -> None:  # noqa: ANN401 - its own Config
        self._cfg: SqlViewConfig = cfg
        self._points = {ViewAddress.parse(p.address).name: p for p in points}
        self._all = points
        self._zone = ZoneInfo(cfg.zone)
        self._void = Void(cfg.void, frozenset(word.lower() for word in cfg.void_words))
        self._seen = Seen()
        self._stopped = CursorFile(self._file_name())
        self._strange = False
        self._waiting: list[tuple[Path, str]] = []

    def _file_name(self) -> str:
        """Return whose cursor it is: other columns or a new point are read from the beginning."""
        cfg = self._cfg
        view = [cfg.url, cfg.schema_name, cfg.view, cfg.content, cfg.cursor, cfg.key]
        told = [view, sorted(self._points), sorted(cfg.columns.items())]
        return f"{sm3(json.dumps(told).encode())[:32]}.json"

    async def run(self, emit: Emit) -> None:
        """Read what has changed, at once and then every period, until cancelled."""
        engine = _engine(self._cfg)
        if await _asked(self._checked, engine):
            emit.trouble("视图里有游标列为空的行，它们读不到")
        await self._round(engine, emit)
        async for _ in slots([self._cfg.period_s], emit.clock):
            await self._round(engine, emit)

    async def _round(self, engine: sa.Engine, emit: Emit) -> None:
        """Take every row that was changed since the last round."""
        kept = self._stopped.kept()
        since = None if kept is None else overlapped(kept, self._cfg.overlap_s)
        after: Mark | None = None
        with tempfile.TemporaryDirectory() as folder:
            await self._look_at_answers(Path(folder), emit)
            while True:
                rows, now = await _asked(self._page, engine, since, after)
                emit.connected()
                fresh = self._seen.fresh(rows)
                if fresh:
                    await self._take(fresh, Path(folder), emit)
                    self._seen.add(fresh)
                if rows:
                    after = self._mark_of(rows[-1])
                    self._stopped.keep(after.cursor, now)
                if len(rows) < self._cfg.page_rows:
                    return

    async def _take(self, rows: Sequence[Row], folder: Path, emit: Emit) -> None:
        """Commit rows; when this returns they are on the disk."""
        if self._cfg.content != "readings":
            await self._take_file(rows, folder, emit)
            return
        found: list[Reading] = []
        for row in rows:
            try:
                of_row = readings(row, self._cfg.columns, self._points, self._zone, self._void)
            except RowError as error:
                emit.trouble(error.reason)
                continue
            if not of_row and not self._strange:
                self._strange = True
                emit.trouble("视图里有点表没有的测点")
            found += of_row
        if found:
            key = f"{self._cfg.view}/{sm3(''.join(digest(row) for row in rows).encode())[:32]}"
            await emit(Batch(key, tuple(found), stamped=True, backlog=True))

    async def _take_file(self, rows: Sequence[Row], folder: Path, emit: Emit) -> None:
        """Commit rows as an import file; bad rows are left out, the others count."""
        cfg = self._cfg
        body = table(rows, cfg.columns, cfg.constants, KINDS[cfg.content], cfg.cursor, self._void)
        content = sm3(body)
        path = folder / f"{cfg.content}-{content[:16]}.csv"
        await asyncio.to_thread(path.write_bytes, body)
        answer = await emit.take(path, content, cfg.content, accept_good=True)
        if answer.state == "waiting":
            self._waiting.append((path, content))
        elif answer.state == "refused":
            emit.trouble("视图的行没有通过导入检查")

    async def _look_at_answers(self, folder: Path, emit: Emit) -> None:
        """Ask what became of the files of earlier rounds."""
        waiting, self._waiting = self._waiting, []
        for path, content in waiting:
            answer = await emit.take(folder / path.name, content, self._cfg.content,
                                     accept_good=True)  # fmt: skip
            if answer.state == "waiting":
                self._waiting.append((path, content))
            elif answer.state == "refused":
                emit.trouble("视图的行没有通过导入检查")

    def _mark_of(self, row: Row) -> Mark:
        key = tuple(row[name] for name in self._cfg.key)
        if None in key:
            raise LinkError("视图的主键列里有空值")
        return Mark(row[self._cfg.cursor], key)

    # The database, in a thread.

    def _newest(self, engine: sa.Engine) -> tuple[list[Row], object]:
        """Return the rows that were changed last, and the database's time."""
        cursor_ = self._view()[1][self._cfg.cursor]
        query = self._select(None, None).order_by(None).order_by(cursor_.desc())
        return self._fetched(engine, query)

    def _page(
        self, engine: sa.Engine, since: object, after: Mark | None
    ) -> tuple[list[Row], object]:
        """Return the next rows in the order of their change, and the database's time."""
        return self._fetched(engine, self._select(since, after))

    def _fetched(self, engine: sa.Engine, query: sa.Select[Any]) -> tuple[list[Row], object]:
        with _session(engine, self._cfg) as connection:
            rows = connection.execute(query).mappings().all()
            found: list[Row] = [dict(row) for row in rows]
            newest = found[-1][self._cfg.cursor] if found else None
            zoned = isinstance(newest, datetime) and newest.tzinfo is not None
            clock = "CURRENT_TIMESTAMP(6)" if zoned else "LOCALTIMESTAMP(6)"
            return found, connection.scalar(sa.select(sa.literal_column(clock)))

    def _view(self) -> tuple[sa.TableClause, dict[str, sa.ColumnClause[Any]]]:
        """Return the view with the columns that are read, every name quoted."""
        cfg = self._cfg
        names = [cfg.cursor, *cfg.key, *cfg.columns.values(), *([cfg.void] if cfg.void else [])]
        if cfg.content == "readings" and "point" not in cfg.columns:
            names += self._points
        columns: dict[str, sa.ColumnClause[Any]] = {
            name: sa.column(quoted_name(name, quote=True)) for name in dict.fromkeys(names)
        }
        schema = quoted_name(cfg.schema_name, quote=True) if cfg.schema_name else None
        return sa.table(
            quoted_name(cfg.view, quote=True), *columns.values(), schema=schema
        ), columns

    def _select(self, since: object, after: Mark | None) -> sa.Select[Any]:
        """Return the statement that reads the next page; values are bound, never written in."""
        cfg = self._cfg
        view, columns = self._view()
        place = [columns[cfg.cursor], *(columns[name] for name in cfg.key)]
        query = sa.select(*columns.values()).select_from(view).order_by(*place)
        query = query.where(columns[cfg.cursor].is_not(None)).limit(cfg.page_rows)
        if since is not None:
            query = query.where(columns[cfg.cursor] >= since)
        if after is not None:
            query = query.where(_beyond(place, (after.cursor, *after.key)))
        return query

    def _checked(self, engine: sa.Engine) -> bool:
        """Refuse an account that could write to the view; tell whether rows have no cursor."""
        cfg = self._cfg
        with _session(engine, cfg) as connection:
            if engine.dialect.name == "postgresql":
                name = engine.dialect.identifier_preparer.quote(quoted_name(cfg.view, quote=True))
                if cfg.schema_name:
                    schema = quoted_name(cfg.schema_name, quote=True)
                    name = f"{engine.dialect.identifier_preparer.quote(schema)}.{name}"
                may = connection.scalar(_PG_MAY, {"name": name})
            else:
                schema_ = cfg.schema_name or engine.url.database
                may = connection.scalar(_MY_MAY, {"schema": schema_, "name": cfg.view})
            if may:
                raise LinkError("这个账号能改动视图或它的库；请换成只读账号")
            view, columns = self._view()
            unmarked = sa.select(sa.literal(1)).select_from(view)
            unmarked = unmarked.where(columns[cfg.cursor].is_(None)).limit(1)
            return connection.scalar(unmarked) is not None

    async def probe(self) -> ProbeReport:
        """Read the newest page once; nothing is kept."""
        began, at = time.monotonic(), utc_now()
        engine = _engine(self._cfg)
        try:
            await _asked(self._checked, engine)
            rows, now = await _asked(self._newest, engine)
        except LinkError as error:
            return ProbeReport(at, ok=False, error=str(error))
        skew = None
        if isinstance(now, datetime) and now.tzinfo is not None:
            skew = (now - at).total_seconds()
        shown = self._probe_rows(rows)
        ok = bool(rows) and all(not row.error for row in shown)
        empty = "" if rows else "视图里没有行"
        return ProbeReport(at, ok, shown, empty, time.monotonic() - began, skew)

    def _probe_rows(self, rows: Sequence[Row]) -> tuple[ProbeRow, ...]:
        if self._cfg.content != "readings":
            return tuple(
                ProbeRow(" ".join(str(row[name]) for name in self._cfg.key), number)
                for number, row in enumerate(rows[:50], 1)
            )
        last: dict[str, Reading] = {}
        for row in reversed(rows):
            try:
                of_row = readings(row, self._cfg.columns, self._points, self._zone, self._void)
            except RowError as error:
                return (ProbeRow("", 0, error=error.reason),)
            last |= {reading.point: reading for reading in of_row}
        return tuple(_probe_row(point, last.get(point.point_id)) for point in self._all)


def _probe_row(point: Point, found: Reading | None) -> ProbeRow:
    if found is None:
        return ProbeRow(point.point_id, point.row, error="视图里没有这个测点",
                        hint="请核对点表地址与视图里的编码")  # fmt: skip
    error = found.note if found.q is Quality.BAD else ""
    return ProbeRow(point.point_id, point.row, value=found.value, unit=point.unit, error=error)


def _beyond(place: Sequence[sa.ColumnClause[Any]], values: Sequence[object]) -> Any:  # noqa: ANN401
    """Return the condition that a row lies behind these values in the order."""
    first, value = place[0], values[0]
    if len(values) == 1:
        return first > value
    return sa.or_(first > value, sa.and_(first == value, _beyond(place[1:], values[1:])))


_PG_MAY = sa.text(
    "SELECT has_table_privilege(:name, 'INSERT, UPDATE, DELETE, TRUNCATE') "
    "OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)"
)
_MINE = "grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')"
_MY_MAY = sa.text(
    "SELECT EXISTS (SELECT 1 FROM information_schema.user_privileges "
    f"WHERE {_MINE} AND privilege_type IN {_WRITES}) "
    "OR EXISTS (SELECT 1 FROM information_schema.schema_privileges "
    f"WHERE {_MINE} AND table_schema = :schema AND privilege_type IN {_WRITES}) "
    "OR EXISTS (SELECT 1 FROM information_schema.table_privileges "
    f"WHERE {_MINE} AND table_schema = :schema AND table_name = :name "
    f"AND privilege_type IN {_WRITES})"
)


def _engine(cfg: SqlViewConfig) -> sa.Engine:
    """Return an engine that holds no connection; certificates are always checked.

    A page is read on a connection of its own, which its thread closes whatever became of the task
    that waits for it.
    """
    url = sa.make_url(cfg.url)
    backend = url.get_backend_name()
    if cfg.password is not None:
        url = url.set(password=cfg.password.get_secret_value())
    options: dict[str, object] = {}
    if cfg.tls:
        context = ssl.create_default_context(cafile=cfg.ca_file)
        options["ssl_context" if backend == "postgresql" else "ssl"] = context
    # The socket's own limit, for a server that is frozen; the statement's limit comes first.
    wait_s = cfg.statement_s + cfg.timeout_s
    if backend == "postgresql":
        options["timeout"] = wait_s
    else:
        options |= {
            "connect_timeout": cfg.connect_s,
            "read_timeout": wait_s,
            "write_timeout": wait_s,
        }
    url = url.set(drivername=f"{backend}+{DRIVERS[backend]}")
    engine = sa.create_engine(url, connect_args=options, poolclass=sa.NullPool)
    if backend == "postgresql":

        @sa.event.listens_for(engine, "do_connect")
        def reached(driver: Any, _record: object, _words: object, named: dict[str, Any]) -> object:  # noqa: ANN401
            return _reached(driver.loaded_dbapi.Connection, named, cfg.connect_s)

    return engine


def _reached(made: Callable[..., object], named: dict[str, Any], connect_s: float) -> object:
    """Connect to PostgreSQL: its driver has one limit for the network and for what it answers."""
    place = (named["host"], named.get("port", POSTGRES_PORT))
    line = socket.create_connection(place, connect_s)
    try:
        line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        line.settimeout(named["timeout"])
        return made(**named, sock=line)
    except BaseException:
        line.close()
        raise


@contextmanager
def _session(engine: sa.Engine, cfg: SqlViewConfig) -> Iterator[sa.Connection]:
    """Open a session that can only read and gives up slow statements."""
    limit_ms = int(cfg.statement_s * 1000)
    with engine.connect() as connection:
        if engine.dialect.name == "postgresql":
            statements = [
                "SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY",
                f"SET statement_timeout = {limit_ms}",
            ]
        elif getattr(engine.dialect, "is_mariadb", False):
            statements = [
                "SET SESSION TRANSACTION READ ONLY",
                f"SET SESSION max_statement_time = {cfg.statement_s}",
            ]
        else:
            statements = [
                "SET SESSION TRANSACTION READ ONLY",
                f"SET SESSION max_execution_time = {limit_ms}",
            ]
        for statement in statements:
            connection.execute(sa.text(statement))
        connection.commit()
        yield connection


async def _asked(ask: Callable[P, T], *given: P.args, **named: P.kwargs) -> T:
    """Return what a question to the database gives; it waits in a thread.

    Raises
    ------
    LinkError
        The database is not there, refuses the account, or gave the statement up.
    """
    try:
        return await asyncio.to_thread(ask, *given, **named)
    except (SQLAlchemyError, OSError) as error:
        raise LinkError(trouble(error)) from error
