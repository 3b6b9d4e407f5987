"""Year figures: sums of the year's months, never extrapolated (accounting.md §9 e, §14).

What is extrapolated, the annualised estimate and the month-equivalent, is no ledger figure and
is shown as an estimate (§14, §15 M12-2); the base year is §13.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from itertools import groupby
from typing import NamedTuple

from accounting.factors import FactorLibrary
from accounting.ledger import Figure, TermRow, indicators
from accounting.uncertainty import figure_pct

COMPLETE = {"measured", "estimated"}
FORMULA = "Σ 12 months"
WHOLE_ONLY = ("energy_per_area", "emission_per_area")


def year_names() -> list[tuple[str, str]]:
    """Return the (indicator, dimension) that have a year figure."""
    return [key for key, row in indicators().items() if "year" in row.grains]


class MonthRow(NamedTuple):
    """A month's row of the ledger, of which year figures are made; None where not known."""

    period: str
    indicator: str
    dimension: str
    entity: str
    figure_id: str
    value: float | None
    unit: str
    quality: str
    measured_pct: float | None
    estimated_pct: float | None
    flags: str


def year_figures(months: Iterable[MonthRow]) -> list[Figure]:
    """Return the year figures of indicators that add up over months.

    Parameters
    ----------
    months
        Month rows of any years, all those of a year.

    Returns
    -------
    list of Figure
        By year, indicator, dimension and entity. Per floor area: null unless all twelve months
        are complete (§9 e). The others: the sum of the months that are known, ``incomplete``
        unless all twelve are complete (§14).
    """
    ordered = sorted(months, key=lambda row: (_summed(row), row.period))
    return [_year_figure(list(rows)) for _, rows in groupby(ordered, key=_summed)]


def _summed(row: MonthRow) -> tuple[str, ...]:
    return (row.period[:4], row.indicator, row.dimension, row.entity)


def _year_figure(rows: Sequence[MonthRow]) -> Figure:
    first = rows[0]
    terms = tuple(
        TermRow("figure", row.figure_id, row.value, row.unit, 1.0, (), "")
        for row in rows
        if row.value is not None
    )
    qualities = {row.quality for row in rows}
    flags = {flag for row in rows for flag in row.flags.split(";") if flag}
    whole = len(terms) == 12 and qualities <= COMPLETE and "month_to_date" not in flags
    if not whole and first.indicator in WHOLE_ONLY:
        terms = ()
    quality = "estimated" if "estimated" in qualities else "measured"
    return Figure(
        grain="year",
        period=first.period[:4],
        indicator=first.indicator,
        dimension=first.dimension,
        entity=first.entity,
        value=math.fsum(term.quantity for term in terms) if terms else None,
        unit=first.unit,
        quality=(quality if whole else "incomplete") if terms else "null",
        measured_pct=_mean(row.measured_pct for row in rows),
        estimated_pct=_mean(row.estimated_pct for row in rows),
        flags=";".join(sorted(flags)),
        formula=FORMULA,
        terms=terms,
    )


def with_uncertainty(
    figures: Sequence[Figure], parts: Mapping[str, Sequence[TermRow]], library: FactorLibrary
) -> list[Figure]:
    """Return year figures with their uncertainty, from the terms of their months (§13).

    Parameters
    ----------
    figures
        Year figures, whose terms name month figures.
    parts
        figure_id of a month figure to its terms.
    library
        The factors.
    """
    found = []
    for figure in figures:
        terms = [row for term in figure.terms for row in parts.get(term.ref, ())]
        pct = None
        if terms:
            pct = figure_pct(terms, library, estimated_pct=figure.estimated_pct)
        found.append(figure._replace(uncertainty_pct=pct))
    return found


def _mean(shares: Iterable[float | None]) -> float | None:
    """Return the mean share of the months that have one, percent."""
    known = [share for share in shares if share is not None]
    return math.fsum(known) / len(known) if known else None


def month_equivalent(value: float | None, known_days: float, days_of_month: float) -> float | None:
    """Return what a partly known month would be as a whole, an estimate (M12-2).

    Parameters
    ----------
    value
        Of the known days, any unit; None where not known.
    known_days
        Days that the value covers, hours / 24 at a start within a day.
    days_of_month
        Days of the whole month.

    Returns
    -------
    float or None
        value / known_days x days_of_month, unit of the value; None without a value or day.

    Raises
    ------
    ValueError
        More or less days are known than the month can have.

    References
    ----------
    accounting.md §14, §15 M12-2.
    """
    if not 0.0 <= known_days <= days_of_month:
        raise ValueError(f"{known_days} of {days_of_month} days")
    return annualised((value,), (known_days,), days_of_month)


def annualised(
    values: Sequence[float | None], known_days: Sequence[float], days_of_year: float = 365.0
) -> float | None:
    """Return 年化估算, what the known days come to over a whole year, an estimate.

    Parameters
    ----------
    values
        Shape (n,), of each month, any one unit; None where not known.
    known_days
        Shape (n,), days that each value covers.
    days_of_year
        365, or 366 of a leap year.

    Returns
    -------
    float or None
        sum(values) / sum(days) x days_of_year, unit of the values, over the months with a
        value: the days of one without never dilute the rest. None without any known day.

    Raises
    ------
    ValueError
        The sequences differ in length, or a number of days is negative.

    References
    ----------
    accounting.md §14.
    """
    pairs = list(zip(values, known_days, strict=True))
    if any(not days >= 0.0 for _, days in pairs):
        raise ValueError(f"not a number of days among {list(known_days)}")
    known = [(value, days) for value, days in pairs if value is not None]
    days = math.fsum(days for _, days in known)
    return math.fsum(value for value, _ in known) / days * days_of_year if days else None


def base_year_index(base: float | None, now: float | None) -> tuple[float | None, float | None]:
    """Return an intensity against the base year's (M12-3).

    Parameters
    ----------
    base, now
        Intensity of the base year and of now, in one unit; None where not known.

    Returns
    -------
    tuple of float or None
        Index, now / base x 100, and change, (now / base - 1) x 100, percent; both None where
        either is not known or the base is 0.

    References
    ----------
    accounting.md §13, §15 M12-3.
    """
    if base is None or now is None or base == 0.0:
        return None, None
    return now / base * 100.0, (now - base) / base * 100.0


def recalculation_due(
    before: float | None, after: float | None, limit: float = 0.05
) -> bool | None:
    """Tell whether a change of structure or factors moves the base year too far to keep.

    Parameters
    ----------
    before, after
        The base year's value before and after the change, in one unit; None where not known.
    limit
        Relative change from which on the base year is recalculated, ratio.

    Returns
    -------
    bool or None
        Whether abs(after - before) >= limit abs(before), on decimal text so that 5 % is 5 %;
        what does not move is never due. None where either is not known.

    References
    ----------
    accounting.md §13.
    """
    if before is None or after is None:
        return None
    old, new, share = (Decimal(repr(float(number))) for number in (before, after, limit))
    return new != old and abs(new - old) >= share * abs(old)
