"""Working days of the demonstration plant.

Public holidays and make-up workdays of 2023-2026 as announced by 国务院办公厅; other years have
only the holidays of fixed date and no make-up days.
"""

from __future__ import annotations

from datetime import date, timedelta

# (first day, last day, name)
HOLIDAYS = (
    ("2023-01-01", "2023-01-02", "元旦"), ("2023-01-21", "2023-01-27", "春节"),
    ("2023-04-05", "2023-04-05", "清明节"), ("2023-04-29", "2023-05-03", "劳动节"),
    ("2023-06-22", "2023-06-24", "端午节"), ("2023-09-29", "2023-10-06", "中秋节、国庆节"),
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
FIXED = ((1, 1), (5, 1), (5, 2), (10, 1), (10, 2), (10, 3))
SHUTDOWN_AFTER = timedelta(days=4)


def _days() -> tuple[frozenset[date], frozenset[date], frozenset[date]]:
    holidays: set[date] = set()
    shutdown: set[date] = set()
    for first, last, name in HOLIDAYS:
        day, end = date.fromisoformat(first), date.fromisoformat(last)
        stop = end + SHUTDOWN_AFTER if name == "春节" else end
        while day <= stop:
            (holidays if day <= end else shutdown).add(day)
            day += timedelta(days=1)
    make_up = frozenset(date.fromisoformat(day) for day in MAKE_UP)
    return frozenset(holidays), make_up - shutdown, frozenset(shutdown)


PUBLIC, WORKED, SHUT = _days()


def is_holiday(day: date) -> bool:
    """Tell whether a day is a public holiday or in the plant's spring-festival stop."""
    known = 2023 <= day.year <= 2026
    return day in PUBLIC or day in SHUT or (not known and (day.month, day.day) in FIXED)


def is_workday(day: date) -> bool:
    """Tell whether the plant works on a day."""
    if day in WORKED:
        return True
    return day.weekday() < 5 and not is_holiday(day)


def rows(site: str, first: date, last: date) -> list[dict[str, str]]:
    """Return the calendar's import rows that overlap a range."""
    found = []
    for start, end, name in HOLIDAYS:
        if date.fromisoformat(end) >= first and date.fromisoformat(start) <= last:
            found.append({"site": "CN", "date_from": start, "date_to": end, "kind": "holiday",
                          "note": name})  # fmt: skip
            if name == "春节":
                stop = date.fromisoformat(end)
                found.append({
                    "site": site, "date_from": (stop + timedelta(days=1)).isoformat(),
                    "date_to": (stop + SHUTDOWN_AFTER).isoformat(), "kind": "shutdown",
                    "note": "春节停工（演示数据）",
                })  # fmt: skip
    for worked in MAKE_UP:
        if first.isoformat() <= worked <= last.isoformat():
            found.append({"site": "CN", "date_from": worked, "date_to": worked,
                          "kind": "workday", "note": "调休上班"})  # fmt: skip
    return found
