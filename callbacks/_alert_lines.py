"""Alarm issues in words: what was found, measured against which limit, how long, whose."""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from callbacks._reader import PageReader
from data.state import Incident
from figures.alerts import ENTITIES, KINDS, Line, conclusion, span_words
from figures.view import Issue, SiteInfo
from translations import text

_UNITS = {"m3/h": "m³/h", "m3/d": "m³/d", "m3": "m³", "register": ""}
_COUNTED = {"A3": "{name}，{count} 小时", "A5": "{name}，{count} 晚", "A8": "{name}，{count} 晚",
            "A2": "{name}，{count} 天", "A10": "{name}，{count} 天"}  # fmt: skip


class Namer:
    """Names what alarms of a site are about."""

    def __init__(self, reader: PageReader, site: SiteInfo, language: str) -> None:
        self.site, self._language = site, language
        self._meters = reader.meter_names(site.site)

    def name(self, subject: str) -> str:
        """Return the name of a meter, batch, medium or interface."""
        if subject in ENTITIES:
            return text(ENTITIES[subject], self._language)
        return self._meters.get(subject, subject)


def what_words(one: Incident, language: str) -> str:
    """Return what was found."""
    name = text(KINDS.get(one.kind, one.kind), language)
    if one.kind == "A6":
        words = text("缺数 {hours} 小时", language, hours=f"{one.shown or one.hits:g}")
        return words if not one.holds else text("{what}，仍无数据", language, what=words)
    if one.kind in _COUNTED and one.hits > 1:
        return text(_COUNTED[one.kind], language, name=name, count=one.hits)
    if one.detail:
        joint = "，" if language == "zh" else ", "
        return f"{name}{joint}{one.detail}"
    return name


def measured_words(one: Incident) -> str:
    """Return the measured value and its limit with their unit."""
    if one.shown is None:
        return ""
    unit = _UNITS.get(one.unit, one.unit)
    limit = "" if one.threshold is None else f" / {_number(one.threshold)}"
    return f"{_number(one.shown)}{limit} {unit}".strip()


def _number(value: float) -> str:
    decimals = 0 if abs(value) >= 1000 else 1 if abs(value) >= 10 else 2
    words = f"{value:,.{decimals}f}"
    if "." in words:
        words = words.rstrip("0").rstrip(".")
    return words.replace("-", "\u2212")


def line_of(one: Incident, namer: Namer, language: str) -> Line:
    """Return an issue as the screen shows it."""
    zone = namer.site.zone if one.site else "UTC"
    here = datetime.now(ZoneInfo(zone)).replace(tzinfo=None)
    if one.status == "closed":
        note, own = conclusion(one.reason, language), one.closed_by != "system"
    else:
        note, own = span_words((here - one.since).total_seconds() / 3600, language), False
    year = "" if one.since.year == here.year else f"{one.since:%Y-}"
    return Line(
        one.incident, one.kind, one.level, one.status, f"{year}{one.since:%m-%d %H:%M}",
        one.subject if one.subject not in ENTITIES else "", namer.name(one.subject),
        what_words(one, language), measured_words(one), one.effect_kgco2e, one.effect_on,
        one.assignee, note, own, one.holds,
    )  # fmt: skip


def issues_of(reader: PageReader, sites: tuple[str, ...], language: str) -> tuple[Issue, ...]:
    """Return the alarm issues of sites as charts and strips show them, the newest first."""
    known = reader.sites()
    namers = {site: Namer(reader, known[site], language) for site in sites if site in known}
    found = []
    for one in reader.engine.state.incidents.of(sites):
        line = line_of(one, namers[one.site], language)
        last = max(one.since, one.until - timedelta(microseconds=1))
        found.append(
            Issue(one.level, one.status, one.medium, line.name, line.at, line.what,
                  f"{one.since:%Y-%m-%d}", f"{last:%Y-%m-%d}")
        )  # fmt: skip
    return tuple(found)
