"""What 质量与告警 shows: a month of a site with its alarms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from callbacks._alert_lines import Namer
from callbacks._reader import PageReader
from data import quality
from data.quality import MeterRow
from data.state import Incident
from figures.view import SiteInfo, shifted
from pages._filters import Known, parse
from pages.alerts import Choice


@dataclass(frozen=True)
class Scene:
    """A site's month with its alarms, as the page works with it."""

    site: SiteInfo
    month: str
    known: Known
    rows: Sequence[MeterRow]
    before_pct: float | None
    incidents: Sequence[Incident]
    every: Sequence[Incident]
    namer: Namer


def scene_of(reader: PageReader, chosen: Choice, search: object, language_: str) -> Scene | None:
    """Return what an address asks for; None without any figure."""
    known = reader.known()
    if known is None:
        return None
    filters = parse(search if isinstance(search, str) else "", known)
    site = reader.sites()[filters.sites[0]]
    month = chosen.month if known.first <= chosen.month <= known.last else known.last
    rows = _calendar(reader, site.site, month)
    before = complete_pct(_calendar(reader, site.site, shifted(month, -1)))
    every = reader.engine.state.incidents.of((site.site, ""))
    here = [one for one in every if _concerns(one, site, month)]
    namer = Namer(reader, site, language_)
    return Scene(site, month, known, rows, before, here, every, namer)


def _calendar(reader: PageReader, site: str, month: str) -> list[MeterRow]:
    return reader.page(
        ("quality", site, month), lambda: quality.calendar(reader.engine, site, month)
    )


def complete_pct(rows: Sequence[MeterRow]) -> float | None:
    expected = sum(row.expected_h for row in rows)
    return 100.0 * sum(row.measured_h for row in rows) / expected if expected else None


def _concerns(one: Incident, site: SiteInfo, month: str) -> bool:
    """Tell whether an issue belongs on the page of a month: it touches it, or is not closed."""
    since, until = f"{one.since:%Y-%m}", f"{one.until - timedelta(microseconds=1):%Y-%m}"
    touches = since <= month <= max(since, until)
    return touches or (one.status != "closed" and since <= month)
