"""What probes of interfaces gave, as it was recorded (T/CASMES 615 7.2 e)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Engine, insert, select

from data.connectors.base import ProbeReport, report_from, report_plain
from data.state.audit import Entry, recorded
from data.state.tables import INTERFACE_TEST as T


@dataclass(frozen=True)
class InterfaceTest:
    """A probe as it was recorded: of which version, by whom, when (UTC), what it gave."""

    test: int
    version: int
    report: ProbeReport
    author: str
    at: datetime


class InterfaceTests:
    """The recorded probes of a data directory."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def add(
        self, interface: str, version: int, report: ProbeReport, author: str, at: datetime
    ) -> None:
        """Keep what a probe gave, with its record in the trail."""
        verdict = "ok" if report.ok else "failed"
        body = json.dumps(report_plain(report), ensure_ascii=False, sort_keys=True)
        with recorded(self._engine, Entry("interface.probe", interface, verdict)) as what:
            what.connection.execute(
                insert(T).values(interface=interface, version=version, ok=int(report.ok),
                                 report=body, author=author, at=at)
            )  # fmt: skip

    def last(self, interface: str) -> InterfaceTest | None:
        """Return the newest probe of an interface."""
        wanted = select(T).where(T.c.interface == interface).order_by(T.c.test.desc()).limit(1)
        with self._engine.connect() as connection:
            row = connection.execute(wanted).first()
        if row is None:
            return None
        report = report_from(json.loads(row.report))
        return InterfaceTest(row.test, row.version, report, row.author, row.at)
