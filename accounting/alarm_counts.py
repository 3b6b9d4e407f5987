"""How many alarms began in a month, by medium (accounting.md R24, 5.3 f)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from accounting.anomaly import MEDIA, Alarm
from accounting.formulas import formula
from accounting.ledger import Figure, TermRow

TOTAL = "total"


def alarm_counts(alarms: Iterable[Alarm], months: Sequence[str], running: str = "") -> list[Figure]:
    """Return the alarm counts of months.

    Parameters
    ----------
    alarms
        A site's alarms, open or closed, rejected ones included.
    months
        The site's months, ``2026-07``.
    running
        The running month, whose rows say so (R2); empty without one.

    Returns
    -------
    list of Figure
        alarm_count by medium and in total, 1; each alarm is a term.
    """
    by_month: dict[str, list[Alarm]] = {}
    for alarm in alarms:
        if alarm.medium in MEDIA:
            by_month.setdefault(f"{alarm.start:%Y-%m}", []).append(alarm)
    found = []
    for month in months:
        here = by_month.get(month, [])
        for medium in (*MEDIA, TOTAL):
            own = [alarm for alarm in here if medium in (TOTAL, alarm.medium)]
            flags = "month_to_date" if month == running else ""
            found.append(_figure(month, medium, own, flags))
    return found


def _figure(month: str, medium: str, alarms: Sequence[Alarm], flags: str) -> Figure:
    names = sorted(f"{a.rule}/{a.entity}/{a.start:%Y-%m-%dT%H:%M}" for a in alarms)
    return Figure(
        grain="month",
        period=month,
        indicator="alarm_count",
        dimension="medium",
        entity=medium,
        value=float(len(names)),
        unit="1",
        quality="measured",
        measured_pct=None,
        estimated_pct=None,
        flags=flags,
        formula=formula("alarm_count", "medium"),
        terms=tuple(TermRow("alarm", name, 1.0, "1", 1.0, (), "") for name in names),
    )
