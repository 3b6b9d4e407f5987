"""Interfaces as they are configured: every change is a new version with who and when (10.4.3)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, NullPool, Row, create_engine, func, insert, select

from data.connectors.base import Point
from data.digest import sm3
from data.state.audit import Entry, recorded
from data.state.tables import INTERFACE_VERSION as T

SAVE, ENABLE, DISABLE, REMOVE = "save", "enable", "disable", "remove"


class NoSuchInterface(Exception):
    """There is no interface of that name."""


@dataclass(frozen=True)
class Wanted:
    """An interface as somebody wants it, checked.

    Parameters
    ----------
    interface_id, kind, site, title
        Its name, its connector, whose data it brings, what people call it.
    settings
        The connector's settings as written: secrets by where they are kept.
    points
        Its point table.
    enabled
        Whether the collector runs it.
    """

    interface_id: str
    kind: str
    site: str
    title: str
    settings: Mapping[str, Any]
    points: Sequence[Point]
    enabled: bool = True


@dataclass(frozen=True)
class InterfaceVersion:
    """One version of an interface: what was wanted, which act made it, by whom, when (UTC)."""

    version: int
    wanted: Wanted
    points_sm3: str
    act: str
    author: str
    at: datetime


@dataclass(frozen=True)
class Brief:
    """Whose data an interface brings, whether it runs, and its newest version."""

    site: str
    enabled: bool
    version: int


class Interfaces:
    """The interfaces of a data directory."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def newest(self) -> int:
        """Return the number of the newest version of all: another one means something changed."""
        with self._engine.connect() as connection:
            return int(connection.execute(select(func.max(T.c.version))).scalar() or 0)

    def current(self) -> dict[str, InterfaceVersion]:
        """Return the newest version of every interface that is not removed, by name."""
        return {name: one for name, one in self._newest().items() if one.act != REMOVE}

    def removed(self) -> dict[str, InterfaceVersion]:
        """Return the version that says so of every interface that was removed, by name."""
        return {name: one for name, one in self._newest().items() if one.act == REMOVE}

    def _newest(self) -> dict[str, InterfaceVersion]:
        newest = select(func.max(T.c.version)).group_by(T.c.interface)
        wanted = select(T).where(T.c.version.in_(newest)).order_by(T.c.interface)
        with self._engine.connect() as connection:
            found = [_version(row) for row in connection.execute(wanted)]
        return {one.wanted.interface_id: one for one in found}

    def brief(self) -> dict[str, Brief]:
        """Return what is asked every second of every interface that is not removed, by name."""
        newest = select(func.max(T.c.version)).group_by(T.c.interface)
        wanted = select(T.c.interface, T.c.site, T.c.enabled, T.c.version).where(
            T.c.version.in_(newest), T.c.act != REMOVE
        )
        with self._engine.connect() as connection:
            rows = connection.execute(wanted.order_by(T.c.interface))
            return {row.interface: Brief(row.site, bool(row.enabled), row.version) for row in rows}

    def find(self, interface: str) -> InterfaceVersion:
        """Return the newest version of an interface.

        Raises
        ------
        NoSuchInterface
            There is none of that name.
        """
        found = self.current().get(interface)
        if found is None:
            raise NoSuchInterface(interface)
        return found

    def at_version(self, version: int) -> InterfaceVersion | None:
        """Return a version by its number."""
        with self._engine.connect() as connection:
            row = connection.execute(select(T).where(T.c.version == version)).first()
        return None if row is None else _version(row)

    def history(self, interface: str) -> list[InterfaceVersion]:
        """Return every version of an interface, newest first."""
        wanted = select(T).where(T.c.interface == interface).order_by(T.c.version.desc())
        with self._engine.connect() as connection:
            return [_version(row) for row in connection.execute(wanted)]

    def save(self, wanted: Wanted, author: str, at: datetime) -> int:
        """Keep an interface as it is wanted and return its version; the same again changes nothing.

        The caller has checked it (``data.interfaces.checked``).
        """
        return self._add(wanted, SAVE, author, at)

    def switch(self, interface: str, author: str, at: datetime, *, on: bool) -> int:
        """Let the collector run an interface, or not, and return its version.

        Raises
        ------
        NoSuchInterface
            There is none of that name.
        """
        before = self.find(interface).wanted
        return self._add(_with(before, enabled=on), ENABLE if on else DISABLE, author, at)

    def remove(self, interface: str, author: str, at: datetime) -> int:
        """Take an interface away for good; its versions and its name stay.

        Raises
        ------
        NoSuchInterface
            There is none of that name.
        """
        before = self.find(interface).wanted
        return self._add(_with(before, enabled=False), REMOVE, author, at)

    def _add(self, wanted: Wanted, act: str, author: str, at: datetime) -> int:
        settings = json.dumps(dict(wanted.settings), ensure_ascii=False, sort_keys=True)
        points = json.dumps([p.model_dump(mode="json") for p in wanted.points], ensure_ascii=False)
        entry = Entry(f"interface.{act}", wanted.interface_id)
        with recorded(self._engine, entry) as what:
            row = what.connection.execute(
                select(T).where(T.c.interface == wanted.interface_id)
                .order_by(T.c.version.desc()).limit(1)
            ).first()  # fmt: skip
            values = {
                "interface": wanted.interface_id, "kind": wanted.kind, "site": wanted.site,
                "title": wanted.title, "enabled": int(wanted.enabled), "settings": settings,
                "points": points, "points_sm3": sm3(points.encode()),
            }  # fmt: skip
            gone = row is not None and (row.act == REMOVE) != (act == REMOVE)
            if row is not None and not gone and _same(row, values):
                what.entry = None
                return int(row.version)
            what.note(before=_told(row), after=_told_values(values))
            result = what.connection.execute(
                insert(T).values(**values, act=act, author=author, at=at)
            )
            return int(result.lastrowid)


def _with(wanted: Wanted, *, enabled: bool) -> Wanted:
    return Wanted(wanted.interface_id, wanted.kind, wanted.site, wanted.title, wanted.settings,
                  wanted.points, enabled)  # fmt: skip


def _same(row: Row[Any], values: Mapping[str, object]) -> bool:
    return all(getattr(row, name) == value for name, value in values.items())


def _told(row: Row[Any] | None) -> str:
    return "" if row is None else _told_values(row._asdict())


def _told_values(values: Mapping[str, Any]) -> str:
    """Return what the trail keeps of a version: the table by its digest, secrets by their place."""
    names = ("kind", "site", "title", "enabled", "settings", "points_sm3")
    return json.dumps({name: values[name] for name in names}, ensure_ascii=False)


def _version(row: Row[Any]) -> InterfaceVersion:
    points = tuple(Point.model_validate(one) for one in json.loads(row.points))
    wanted = Wanted(row.interface, row.kind, row.site, row.title, json.loads(row.settings),
                    points, bool(row.enabled))  # fmt: skip
    return InterfaceVersion(row.version, wanted, row.points_sm3, row.act, row.author, row.at)


def interfaces_read_only(home: Path) -> Interfaces:
    """Return the interfaces of a data directory whose state this process must not change."""
    url = f"sqlite:///file:{home / 'state.db'}?mode=ro&uri=true"
    return Interfaces(create_engine(url, poolclass=NullPool))
