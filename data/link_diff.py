"""What differs between two versions of an interface: settings, points, cells (clause 10.4.3)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from data import connectors
from data.connectors.base import is_secret
from data.points import table_cells
from data.state import WantedInterface

HIDDEN = "***"


@dataclass(frozen=True)
class Change:
    """One cell that differs: of which point (empty for a setting), which column, from, to.

    ``before`` is None for what was added, ``after`` for what was taken away.
    """

    point: str
    column: str
    before: str | None
    after: str | None


def difference(before: WantedInterface, after: WantedInterface, language: str) -> list[Change]:
    """Return what differs between two versions of an interface.

    Parameters
    ----------
    before, after
        The versions.
    language
        Of the columns' names.

    Returns
    -------
    list of Change
        Settings by name, then points in the order of the later table; secrets are hidden.
    """
    return [*_settings(before, after), *_points(before, after, language)]


def _settings(before: WantedInterface, after: WantedInterface) -> Iterator[Change]:
    for name in sorted({*before.settings, *after.settings}):
        old, new = before.settings.get(name), after.settings.get(name)
        if old != new:
            yield Change("", name, _told(before, name, old), _told(after, name, new))
    for name in ("title", "site", "enabled"):
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield Change("", name, str(old).lower(), str(new).lower())


def _told(wanted: WantedInterface, name: str, value: object) -> str | None:
    if value is None:
        return None
    secret = is_secret(connectors.connector(wanted.kind).Config, name)
    return HIDDEN if secret else str(value)


def _points(before: WantedInterface, after: WantedInterface, language: str) -> Iterator[Change]:
    old = {point.point_id: table_cells(point, language) for point in before.points}
    new = {point.point_id: table_cells(point, language) for point in after.points}
    for name in [*new, *(one for one in old if one not in new)]:
        if name not in old or name not in new:
            yield Change(name, "", None if name not in old else name,
                         None if name not in new else name)  # fmt: skip
            continue
        for column, value in new[name].items():
            if old[name][column] != value:
                yield Change(name, column, old[name][column], value)
