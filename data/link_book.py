"""What interfaces tell of themselves: health, last values, and events that begin and end."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from decimal import Decimal

from data.connectors.base import Health, LinkState, Quality
from data.pushes import moment, us
from data.spool_file import SpoolFile

# Every kind of event, in words; the alarm engine reads them (issue 5.3 f).
EVENTS = {
    "link": "接口断开",
    "silent": "测点停更",
    "hushed": "推送停止",
    "config": "点表有误，测点已停用",
    "skew": "时钟偏差",
    "step": "时钟跳变",
    "future": "来自未来的读数，已隔离",
    "late": "超过 400 天的读数，已隔离",
    "unknown": "没有登记的测点或表号，已隔离",
    "unit": "单位与表计不符，已隔离",
    "gap": "数据缺口",
    "digest": "暂存的数据摘要不符",
    "disk": "磁盘将满",
    "pressure": "待入库的数据过多",
    "drain": "入库失败",
    "stall": "待入库的数据没有进展",
    "file": "收到的文件不能导入",
    "collector": "采集程序停止",
}
AGAIN_US = 60_000_000


@dataclass(frozen=True)
class Event:
    """Something that happened to an interface and lasts until it ends.

    Parameters
    ----------
    id
        Its number.
    interface, point
        Where; empty where it is nobody's in particular.
    code
        One of EVENTS.
    detail
        More, as words.
    began, seen, ended
        When it began, when it was last noticed, when it ended (None while it lasts).
    times
        How often it was noticed.
    """

    id: int
    interface: str
    point: str
    code: str
    detail: str
    began: datetime
    seen: datetime
    times: int
    ended: datetime | None


@dataclass(frozen=True)
class LastValue:
    """The newest value of a point, and the newest good one."""

    point: str
    ts: datetime
    value: Decimal | None
    q: Quality
    note: str
    received_at: datetime
    good_at: datetime | None
    good_value: Decimal | None


class LinkBook:
    """What interfaces tell of themselves."""

    def __init__(self, file: SpoolFile) -> None:
        self._file = file

    def raised(
        self, code: str, at: datetime, detail: str = "", *, interface: str = "", point: str = ""
    ) -> None:
        """Note that something is so; while it lasts it is one event."""
        if code not in EVENTS:
            raise ValueError(code)
        known = self._file.select(
            "SELECT seen_us FROM event WHERE interface = ? AND point = ? AND code = ? "
            "AND detail = ? AND ended_us IS NULL",
            interface, point, code, detail,
        )  # fmt: skip
        if known and us(at) - known[0][0] < AGAIN_US:
            return  # said a moment ago
        with self._file.transaction() as connection:
            connection.execute(
                "INSERT INTO event(interface, point, code, detail, began_us, seen_us, times) "
                "VALUES(?, ?, ?, ?, ?5, ?5, 1) ON CONFLICT(interface, point, code) "
                "WHERE ended_us IS NULL DO UPDATE SET detail = excluded.detail, "
                "seen_us = excluded.seen_us, times = times + 1",
                (interface, point, code, detail, us(at)),
            )

    def ended(self, code: str, at: datetime, *, interface: str = "", point: str = "") -> None:
        """Note that something is so no more."""
        if not self._file.select(
            "SELECT 1 FROM event WHERE interface = ? AND point = ? AND code = ? "
            "AND ended_us IS NULL",
            interface, point, code,
        ):  # fmt: skip
            return
        with self._file.transaction() as connection:
            connection.execute(
                "UPDATE event SET ended_us = ? WHERE interface = ? AND point = ? AND code = ? "
                "AND ended_us IS NULL",
                (us(at), interface, point, code),
            )

    def end_all(self, interface: str, at: datetime, codes: tuple[str, ...]) -> None:
        """End what lasts of an interface that is switched off or changed."""
        marks = ", ".join("?" for _ in codes)
        with self._file.transaction() as connection:
            connection.execute(
                f"UPDATE event SET ended_us = ? WHERE interface = ? AND ended_us IS NULL "
                f"AND code IN ({marks})",
                (us(at), interface, *codes),
            )

    def events(self, interface: str | None = None, *, lasting: bool = False) -> list[Event]:
        """Return events, newest first."""
        rows = self._file.select(
            "SELECT id, interface, point, code, detail, began_us, seen_us, times, ended_us "
            "FROM event WHERE (?1 IS NULL OR interface = ?1) AND (?2 = 0 OR ended_us IS NULL) "
            "ORDER BY id DESC LIMIT 1000",
            interface, int(lasting),
        )  # fmt: skip
        return [
            Event(number, name, point, code, detail, moment(began), moment(seen), times,
                  None if ended is None else moment(ended))
            for number, name, point, code, detail, began, seen, times, ended in rows
        ]  # fmt: skip

    def keep_health(self, rows: list[Health], at: datetime) -> None:
        """Keep how interfaces are; what was kept of others is forgotten."""
        bodies = [(h.interface_id, json.dumps(_plain(asdict(h))), us(at)) for h in rows]
        with self._file.transaction() as connection:
            connection.execute("DELETE FROM health")
            connection.executemany("INSERT INTO health VALUES(?, ?, ?)", bodies)

    def health(self) -> dict[str, tuple[Health, datetime]]:
        """Return how each interface was when its collector last said so, and when that was."""
        rows = self._file.select("SELECT interface, body, at_us FROM health")
        return {name: (_health(json.loads(body)), moment(at)) for name, body, at in rows}

    def last_values(self, interface: str) -> list[LastValue]:
        """Return the newest value of each point of an interface."""
        rows = self._file.select(
            "SELECT point, ts_us, value, q, note, received_us, good_us, good_value "
            "FROM last_value WHERE interface = ? ORDER BY point",
            interface,
        )
        return [
            LastValue(point, moment(ts), _decimal(value), Quality(q), note, moment(received),
                      None if good is None else moment(good), _decimal(good_value))
            for point, ts, value, q, note, received, good, good_value in rows
        ]  # fmt: skip


def _decimal(value: str | None) -> Decimal | None:
    return None if value is None else Decimal(value)


def _plain(body: dict[str, object]) -> dict[str, object]:
    return {k: v.isoformat() if isinstance(v, datetime) else v for k, v in body.items()}


def _health(body: dict[str, object]) -> Health:
    for name in ("since", "last_good_at"):
        if body[name] is not None:
            body[name] = datetime.fromisoformat(str(body[name]))
    body["state"] = LinkState(str(body["state"]))
    body["disabled"] = tuple((a, b) for a, b in body["disabled"])  # type: ignore[attr-defined]
    body["silent"] = tuple(body["silent"])  # type: ignore[arg-type]
    return Health(**body)  # type: ignore[arg-type]
