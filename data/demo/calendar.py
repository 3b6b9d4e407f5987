"""Working days of the demonstration plant.

Public holidays and make-up workdays of 2023-2026 as announced by 国务院办公厅 in its yearly
notices. 2027 and every other year have only the holidays of fixed date and no make-up days:
their notices are not part of this table.
"""

from __future__ import annotations

from datetime import date, timedelta

# (first day, last day, name)
HOLIDAYS = (
    ("2023-01-01", "2023-01-02", "元旦"), ("2023-01-21", "2023-01-27", "春节"),
    ("2023-04-05", "2023-04-05", "清明节"), ("2023-04-29", "2023-05-03", "劳动节"),
    ("2023-06-22", "2023-06-24", "端午节"), ("2023-09-29", "2023-10-06", "国庆节、中秋节"),
    ("2023-12-30", "2024-01-01", "元旦"), ("2024-02-10", "2024-02-17", "春节"),
    ("2024-04-04", "2024-04-06", "清明节"), ("2024-05-01", "2024-05-05", "劳动节"),
    ("2024-06-08", "2024-06-10", "端午节"), ("2024-09-15", "2024-09-17", "中秋节"),
    ("2024-10-01", "2024-10-07", "国庆节"), ("2025-01-01", "2025-01-01", "元旦"),
    ("2025-01-28", "2025-02-04", "春节"), ("2025-04-04", "2025-04-06", "清明节"),
    ("2025-05-01", "2025-05-05", "劳动节"), ("2025-05-31", "2025-06-02", "端午节"),
    ("2025-10-01", "2025-10-08", "国庆节、中秋节"), ("2026-01-01", "2026-01-03", "元旦"),
    ("2026-02-15", "2026-02-23", "春节"), ("2026-04-04", "2026-04-06", "清明节"),
    ("2026-05-01", "2026-05-05", "劳动节"), ("2026-06-19", "2026-06-21", "端午节"),
    ("2026-09-25", "2026-09-27", "中秋节"), ("2026-10-01", "2026-10-07", "国庆节"),
)  # fmt: skip
MAKE_UP = (
    "2023-01-28", "2023-01-29", "2023-04-23", "2023-05-06", "2023-06-25", "2023-10-07",
    "2023-10-08", "2024-02-04", "2024-02-18", "2024-04-07", "2024-04-28", "2024-05-11",
    "2024-09-14", "2024-09-29", "2024-10-12", "2025-01-26", "2025-02-08", "2025-04-27",
    "2025-09-28", "2025-10-11", "2026-01-04", "2026-02-14", "2026-02-28", "2026-05-09",
    "2026-09-20", "2026-10-10",
)  # fmt: skip
KNOWN_YEARS = range(2023, 2027)
FIXED = ((1, 1, 1, "元旦"), (5, 1, 2, "劳动节"), (10, 1, 3, "国庆节"))
SHUTDOWN = timedelta(days=12)


def _stop(start: date, end: date, name: str) -> date:
    """Return the last day the plant stands still: at the spring festival it stops longer."""
    return max(end, start + SHUTDOWN - timedelta(days=1)) if name == "春节" else end


def _days() -> tuple[frozenset[date], frozenset[date], frozenset[date]]:
    holidays: set[date] = set()
    shutdown: set[date] = set()
    for first, last, name in HOLIDAYS:
        day, end = date.fromisoformat(first), date.fromisoformat(last)
        stop = _stop(day, end, name)
        while day <= stop:
            (holidays if day <= end else shutdown).add(day)
            day += timedelta(days=1)
    make_up = frozenset(date.fromisoformat(day) for day in MAKE_UP)
    return frozenset(holidays), make_up - shutdown, frozenset(shutdown)


PUBLIC, WORKED, SHUT = _days()


def _fixed(year: int) -> list[tuple[date, date, str]]:
    """Return the holidays of fixed date of a year without a notice."""
    return [
        (date(year, month, day), date(year, month, day + lasts - 1), name)
        for month, day, lasts, name in FIXED
    ]


def holidays(year: int) -> list[tuple[date, date, str]]:
    """Return a year's public holidays: first day, last day, name.

    References
    ----------
    国务院办公厅, notices on the arrangement of holidays, 2023-2026.
    """
    if year not in KNOWN_YEARS:
        return _fixed(year)
    found = [(date.fromisoformat(a), date.fromisoformat(b), name) for a, b, name in HOLIDAYS]
    return [row for row in found if row[0].year == year]


def is_holiday(day: date) -> bool:
    """Tell whether a day is a public holiday or in the plant's spring-festival stop."""
    if day.year in KNOWN_YEARS:
        return day in PUBLIC or day in SHUT
    return any(first <= day <= last for first, last, _ in _fixed(day.year))


def is_workday(day: date) -> bool:
    """Tell whether the plant works on a day."""
    if day in WORKED:
        return True
    return day.weekday() < 5 and not is_holiday(day)


def _row(site: str, first: date, last: date, kind: str, note: str) -> dict[str, str]:
    return {"site": site, "date_from": first.isoformat(), "date_to": last.isoformat(),
            "kind": kind, "note": note}  # fmt: skip


def rows(site: str, first: date, last: date) -> list[dict[str, str]]:
    """Return the calendar's import rows that overlap a range.

    Parameters
    ----------
    site
        Whose shutdowns are told; public holidays are rows of CN.
    first, last
        The range, both days included.

    Returns
    -------
    list of dict
        Holidays and shutdowns by year, then make-up workdays.
    """
    found = []
    for year in range(first.year - 1, last.year + 1):
        for start, end, name in holidays(year):
            stop = _stop(start, end, name)
            if end >= first and start <= last:
                found.append(_row("CN", start, end, "holiday", name))
            if stop > end and stop >= first and end < last:
                after = end + timedelta(days=1)
                found.append(_row(site, after, stop, "shutdown", "春节停工（演示数据）"))
    worked = sorted(date.fromisoformat(day) for day in MAKE_UP)
    found += [_row("CN", day, day, "workday", "调休上班") for day in worked if first <= day <= last]
    return found
