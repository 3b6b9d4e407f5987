"""What an interface is made of: points, readings, batches, and the protocol of a connector.

A connector is one file that speaks one protocol to one device or server. It is handed its settings
and its points, only ever reads, and gives what it read to ``emit``, which returns when the batch is
on the disk: only then may the peer be told that it arrived (clauses 7.1 and 9.1.1).
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Protocol, Self, runtime_checkable

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from data.slots import SteadyClock

ENTRY_POINTS = "carbon.connectors"
CONNECT_S = 3.0  # with the longest pause between two tries, less than ten seconds
BYTE_ORDERS = ("ABCD", "CDAB", "BADC", "DCBA")


class Quality(IntEnum):
    """How far a reading can be trusted; the numbers are those of the store."""

    GOOD = 0
    UNCERTAIN = 1
    BAD = 2
    MANUAL = 3


class PointKind(StrEnum):
    """What a point's value is."""

    REGISTER = "register"  # 累计: the figure a counter shows
    INSTANT = "instant"  # 瞬时: a power, a voltage
    INTERVAL = "interval"  # 区间: what was used since the value before
    STATUS = "status"  # 状态: on, off, an alarm word

    @property
    def metered(self) -> bool:
        """Whether totals are made of it; such a point is never skipped to save time."""
        return self is PointKind.REGISTER or self is PointKind.INTERVAL


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one point.

    Parameters
    ----------
    point
        The point's name in the point table.
    ts
        When it was so, with a zone; the source's own time where the protocol has one.
    value
        In the point's unit, after scale and offset; None where nothing usable was read.
    q
        Its quality.
    note
        Why it is not good: a sentence in Chinese, key of the catalogue.
    """

    point: str
    ts: datetime
    value: Decimal | None
    q: Quality = Quality.GOOD
    note: str = ""


@dataclass(frozen=True, slots=True)
class Batch:
    """What is acknowledged together.

    Parameters
    ----------
    key
        The same key is the same batch: given twice, it counts once.
    readings
        In any order.
    source_seq
        The sender's own running number, where it has one; a hole in it is a gap.
    stamped
        Whether the source stamped the readings itself; what the collector stamps has no skew.
    sent_at
        The source's clock when it sent, where the protocol says it: the skew is measured by it.
    backlog
        Whether the source gives what it kept meanwhile: old readings, not a clock that is slow.
        Without ``sent_at`` the newest reading of a batch is taken for its clock otherwise.
    """

    key: str
    readings: tuple[Reading, ...]
    source_seq: int | None = None
    stamped: bool = False
    sent_at: datetime | None = None
    backlog: bool = False


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of a batch: it is on the disk.

    Parameters
    ----------
    duplicate
        A batch of this key was there already; nothing was added.
    missing
        The sender's numbers that have not come; the peer should be asked to send them again.
    """

    duplicate: bool = False
    missing: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class FileAnswer:
    """What became of a file: ``waiting``, ``done``, ``known`` (came before) or ``refused``.

    ``detail`` is the answer in the user's language.
    """

    state: str
    detail: str = ""


class SpoolBusy(Exception):
    """The spool takes nothing now: do not acknowledge, try again after ``retry_after_s``."""

    def __init__(self, retry_after_s: float, reason: str = "") -> None:
        super().__init__(reason or f"busy, retry after {retry_after_s:g} s")
        self.retry_after_s = retry_after_s


class LinkError(Exception):
    """The peer cannot be reached or stopped answering; the supervisor tries again later.

    The message is a sentence in Chinese, key of the catalogue, or the system's own words.
    """


class Emit(Protocol):
    """What a running connector is given: the way into the spool, and what it tells of itself."""

    async def __call__(self, batch: Batch) -> Receipt:
        """Commit a batch; it is on the disk when this returns.

        Raises
        ------
        SpoolBusy
            Nothing was taken.
        """
        ...

    async def take(self, path: Path, digest: str, kind: str, *, accept_good: bool) -> FileAnswer:
        """Commit a whole file by its SM3 digest, or tell what became of it.

        It is on the disk when this returns; the same content is the same file.
        """
        ...

    def connected(self) -> None:
        """Tell that the peer answers."""
        ...

    def trouble(self, reason: str) -> None:
        """Tell what went wrong without the link being lost: a time-out, a busy answer."""
        ...

    def disable(self, point_id: str, reason: str) -> None:
        """Tell that a point is asked no more, because its row in the point table is wrong."""
        ...

    @property
    def clock(self) -> SteadyClock:
        """The clock to ask and to stamp by (``data.slots.slots``): it does not jump."""
        ...

    @property
    def language(self) -> str:
        """The language of what is written down for people at once."""
        ...

    @property
    def pressed(self) -> bool:
        """Whether the spool is filling: leave out instantaneous points, never registers."""
        ...


class Point(BaseModel):
    """One row of a point table (connectors.md §3.3), checked; ``data/points.py`` reads the files.

    The column ``address`` is checked by the connector's PointAddr; ``row`` is the row's number in
    its table, so that an error names it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    point_id: str
    name: str = ""
    meter_id: str = ""
    address: str
    func: str = ""
    dtype: str = ""
    byte_order: str = "ABCD"
    example: str = ""
    scale: Decimal = Decimal(1)
    offset: Decimal = Decimal(0)
    unit: str = ""
    kind: PointKind = PointKind.REGISTER
    rollover: Decimal | None = None
    period_s: float = Field(900, ge=0.1)
    valid_min: Decimal | None = None
    valid_max: Decimal | None = None
    max_rate: Decimal | None = None
    quiet: str = ""
    note: str = ""
    row: int = 0

    def in_range(self, value: Decimal) -> bool:
        """Tell whether a value is within the limits that the table gives."""
        low, high = self.valid_min, self.valid_max
        return (low is None or value >= low) and (high is None or value <= high)


def scaled(point: Point, raw: Decimal) -> Decimal:
    """Return a raw value in the point's unit."""
    return raw * point.scale + point.offset


class PointAddress(BaseModel):
    """How a connector reads the columns 地址 and 功能码; a subclass names the parts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    @classmethod
    def parse(cls, address: str, func: str = "") -> Self:
        """Return the address of a cell.

        Raises
        ------
        ValueError
            It is none; the message is a sentence in Chinese, key of the catalogue.
        """
        raise NotImplementedError

    @classmethod
    def check(cls, point: Point, cfg: ConnectorConfig) -> None:
        """Raise ValueError where a row's other columns do not fit its address or the settings."""

    @classmethod
    def place(cls, point: Point, cfg: ConnectorConfig) -> Hashable:
        """Return what a row points at, however its address is written: two rows may not share it.

        Parameters
        ----------
        point
            A row whose address can be parsed.
        cfg
            The interface's settings, which fill what the address leaves out.
        """
        return cls.parse(point.address, point.func)


def _resolved(value: Any) -> Any:  # noqa: ANN401 - pydantic hands over whatever was written
    """Return the secret that ``env:NAME``, ``file:/path`` or ``credential:NAME`` names."""
    if not isinstance(value, str):
        return value
    place, _, name = value.partition(":")
    if place == "env" and name:
        if name not in os.environ:
            raise ValueError("没有设置这个环境变量")
        return os.environ[name]
    if place == "credential" and name:
        folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
        if not folder or Path(name).name != name:
            raise ValueError("没有这个凭据；它由系统服务在启动时提供")
        return _first_line(Path(folder, name))
    if place == "file" and name:
        return _first_line(Path(name))
    raise ValueError("密码和密钥不能直接写在这里；请写 env:变量名、file:路径 或 credential:名称")


def _first_line(path: Path) -> str:
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise ValueError("这个密码文件读不了") from error
    if not lines:
        raise ValueError("这个密码文件是空的")
    return lines[0]


Secret = Annotated[SecretStr, BeforeValidator(_resolved)]
"""A password or key: written as where it is kept, never as what it is."""


def is_secret(config: type[ConnectorConfig], name: str) -> bool:
    """Tell whether a setting holds a secret, alone or as one of several types."""
    declared = config.model_fields.get(name)
    return declared is not None and _holds_secret(declared.annotation)


def _holds_secret(annotation: object) -> bool:
    inner = (getattr(annotation, "__origin__", None), *getattr(annotation, "__args__", ()))
    return annotation is SecretStr or any(map(_holds_secret, filter(None, inner)))


class ConnectorConfig(BaseModel):
    """An interface's settings; a connector adds its own. Unknown ones are refused.

    Transformer ratios are no setting of an interface: the meter register has them, with dates.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    timeout_s: float = Field(3.0, gt=0, le=60, description="等待应答的最长时间（秒）")
    latitude: float = Field(38.0, ge=-90, le=90, description="所在纬度，用于判断夜间静默")
    longitude: float = Field(114.5, ge=-180, le=180, description="所在经度，用于判断夜间静默")
    provider: str = Field("", max_length=80, description="数据提供方的单位名称，写在接口文档里")
    builder: str = Field("", max_length=80, description="系统建设方的单位名称，写在接口文档里")

    @property
    def connect_s(self) -> float:
        """How long to wait for a connection, s: a slow device answers slowly, its network not."""
        return min(self.timeout_s, CONNECT_S)


@dataclass(frozen=True)
class InterfaceDoc:
    """What the integration document says of a kind of interface (clause 7.2 a–f), in Chinese.

    Each is a paragraph, key of the catalogue; ``{name}`` in it is filled in from the settings.
    """

    purpose: str
    function: str
    physical: str
    protocol: str
    test: str
    duties: str


@dataclass(frozen=True)
class ProbeRow:
    """One point, asked once.

    Parameters
    ----------
    point_id, row
        Which point, and its row in the table.
    raw_hex
        The bytes as they came, empty where none did.
    orders
        The value by each byte order, in the point's unit; None where it is none. Empty where
        the protocol leaves no choice.
    value
        By the table's own order.
    unit
        The point's unit.
    error, hint
        What went wrong; what to look at. Sentences in Chinese, keys of the catalogue.
    """

    point_id: str
    row: int
    raw_hex: str = ""
    orders: tuple[tuple[str, Decimal | None], ...] = ()
    value: Decimal | None = None
    unit: str = ""
    error: str = ""
    hint: str = ""


@dataclass(frozen=True)
class ProbeReport:
    """One reading of every point, for the screen and for the interface test (7.2 e).

    Parameters
    ----------
    at
        When.
    ok
        Whether every point gave a usable value.
    rows
        One for each point asked.
    error
        Why nothing could be asked.
    elapsed_s
        How long it took.
    clock_skew_s
        The device's clock less ours, where it has one.
    """

    at: datetime
    ok: bool
    rows: tuple[ProbeRow, ...] = ()
    error: str = ""
    elapsed_s: float = 0.0
    clock_skew_s: float | None = None


def report_plain(report: ProbeReport) -> dict[str, Any]:
    """Return a report as JSON can hold it: numbers as text, so that no digit is lost."""
    rows = [
        {"point_id": r.point_id, "row": r.row, "raw_hex": r.raw_hex,
         "orders": {order: _told(value) for order, value in r.orders},
         "value": _told(r.value), "unit": r.unit, "error": r.error, "hint": r.hint}
        for r in report.rows
    ]  # fmt: skip
    return {
        "at": report.at.isoformat(), "ok": report.ok, "error": report.error,
        "elapsed_s": report.elapsed_s, "clock_skew_s": report.clock_skew_s, "rows": rows,
    }  # fmt: skip


def report_from(body: Mapping[str, Any]) -> ProbeReport:
    """Return the report that ``report_plain`` wrote."""
    rows = tuple(
        ProbeRow(r["point_id"], r["row"], r["raw_hex"],
                 tuple((order, _number(value)) for order, value in r["orders"].items()),
                 _number(r["value"]), r["unit"], r["error"], r["hint"])
        for r in body["rows"]
    )  # fmt: skip
    return ProbeReport(datetime.fromisoformat(body["at"]), body["ok"], rows, body["error"],
                       body["elapsed_s"], body["clock_skew_s"])  # fmt: skip


def _told(value: Decimal | None) -> str | None:
    return None if value is None else str(value)


def _number(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


@runtime_checkable
class Connector(Protocol):
    """One protocol to one device. Made anew for every try; it keeps nothing between two.

    ``run`` reads until it is cancelled. It raises LinkError (or OSError) where the peer is gone:
    the supervisor makes a new connector after a pause. It never retries a connection by itself.
    """

    kind: ClassVar[str]
    title: ClassVar[str]
    polls: ClassVar[bool]  # it asks by itself; False where the peer pushes and waits for an answer
    Config: ClassVar[type[ConnectorConfig]]
    PointAddr: ClassVar[type[PointAddress]]
    DOC: ClassVar[InterfaceDoc]

    def __init__(self, cfg: Any, points: Sequence[Point]) -> None:  # noqa: ANN401 - its own Config
        """Keep the settings (an instance of Config) and the points; connect to nothing."""

    async def run(self, emit: Emit) -> None:
        """Read for ever and give what was read to ``emit``."""
        ...

    async def probe(self) -> ProbeReport:
        """Read every point once."""
        ...


class LinkState(StrEnum):
    """What an interface is doing."""

    OFF = "off"  # 停用
    STARTING = "starting"  # 连接中
    RUNNING = "running"  # 正常
    TROUBLED = "troubled"  # 异常: connected, yet something is wrong
    WAITING = "waiting"  # 断开，等待重连


@dataclass(frozen=True)
class Health:
    """How an interface is.

    Parameters
    ----------
    interface_id
        Which.
    state
        What it is doing.
    since
        Since when.
    last_good_at
        When the last good value was read, None if never.
    error
        What is wrong now, empty where nothing is.
    lag_s
        Between the newest reading's time and its arrival.
    batches, readings, bad, duplicates, retries
        Counts since the collector started.
    disabled
        Points that are asked no more, each with its reason.
    silent
        Points that have given nothing good for more than three periods.
    """

    interface_id: str
    state: LinkState
    since: datetime
    last_good_at: datetime | None = None
    error: str = ""
    lag_s: float | None = None
    batches: int = 0
    readings: int = 0
    bad: int = 0
    duplicates: int = 0
    retries: int = 0
    disabled: tuple[tuple[str, str], ...] = field(default_factory=tuple)
    silent: tuple[str, ...] = field(default_factory=tuple)
