"""What a reader looks at: sites, span, grain, units and comparison, and the cells of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from math import fsum
from typing import TypeVar

from figures.cells import Book, Cell, Key, adds_over_sites
from figures.focus import MONTH, Focus, Parted, Unparted, focus_words
from figures.forecast import Forecasts
from figures.number import Units
from figures.sales import Sales
from translations import text

SIZES = {"month": 1, "quarter": 3, "year": 12}
GRAINS = tuple(SIZES)
COMPARISONS = ("none", "month", "year")
Row = TypeVar("Row", bound=tuple[str, ...])
_MONTHS_EN = ("Jan", "Feb", "Mar", "Apr", "May", "Jun",
              "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")  # fmt: skip


def shifted(month: str, by: int) -> str:
    """Return the month a number of months later (or earlier)."""
    at = int(month[:4]) * 12 + int(month[5:7]) - 1 + by
    return f"{at // 12:04d}-{at % 12 + 1:02d}"


def months_of(first: str, last: str) -> list[str]:
    """Return the months from the first to the last, both included."""
    found = []
    while first <= last:
        found.append(first)
        first = shifted(first, 1)
    return found


@dataclass(frozen=True, slots=True)
class Span:
    """A period of the axis: a month, quarter or year, and the ledger's months in it."""

    label: str
    months: tuple[str, ...]

    @property
    def running(self) -> bool:
        """Tell whether it is a year that is not over: it holds the months so far."""
        return len(self.label) == 4 and len(self.months) < 12

    def back(self, by: int) -> Span:
        """Return the same span a number of months earlier."""
        moved = tuple(shifted(month, -by) for month in self.months)
        grain = {size: grain for grain, size in SIZES.items()}.get(len(moved))
        return Span(_label(moved[0], grain) if grain else f"{moved[0]}/{moved[-1]}", moved)


def spans(first: str, last: str, grain: str, begun: str = "") -> tuple[Span, ...]:
    """Return the periods of a range; only whole quarters and years are among them.

    Parameters
    ----------
    first, last
        The months of the range.
    grain
        Month, quarter or year.
    begun
        The first month that the running year can have; where the range holds the year from there
        on, its months so far are the last period. Empty where the range ends with no running year.
    """
    found: dict[str, list[str]] = {}
    for month in months_of(first, last):
        found.setdefault(_label(month, grain), []).append(month)
    return tuple(
        Span(label, tuple(m))
        for label, m in found.items()
        if len(m) == SIZES[grain] or (grain == "year" and m[-1] == last and m[0] == begun)
    )


def _label(month: str, grain: str) -> str:
    if grain == "year":
        return month[:4]
    if grain == "quarter":
        return f"{month[:4]}-Q{(int(month[5:7]) + 2) // 3}"
    return month


@dataclass(frozen=True, slots=True)
class SiteInfo:
    """A site as the screen names it."""

    site: str
    name_zh: str
    name_en: str
    demo: bool
    zone: str
    areas: tuple[tuple[str, float], ...] = ()

    def name(self, language: str) -> str:
        """Return the site's name in a language."""
        return self.name_en if language == "en" and self.name_en else self.name_zh


@dataclass(frozen=True, slots=True)
class Flow:
    """What of the full-process emissions an activity causes in a stage for a line, kgCO2e."""

    activity: str
    stage: str
    line: str
    kg: float


@dataclass(frozen=True, slots=True)
class BatchMonth:
    """A batch as its month counts it: mass taken in, t; what it substitutes, kgCO2e."""

    line: str
    mass_in_t: float
    kg: float
    copper_kg: float


@dataclass(frozen=True, slots=True)
class Lens:
    """A view (口径) of the ledger that a reader chose: its name in addresses, its title."""

    name: str
    title: str


@dataclass(frozen=True, slots=True)
class Remark:
    """What stands on a month of a site: somebody's note, or a shutdown of the calendar.

    Parameters
    ----------
    month, text
        Where and what.
    page, panel
        The page and the chart that it is for; empty for all of them.
    note
        The note's number; 0 for what came with the calendar.
    days
        Which days, of what came with the calendar.
    """

    month: str
    text: str
    page: str = ""
    panel: str = ""
    note: int = 0
    days: str = ""

    @property
    def words(self) -> str:
        """All that there is to say."""
        return f"{self.text} {self.days}" if self.days else self.text


@dataclass(frozen=True, slots=True)
class Issue:
    """An alarm issue as charts and strips show it.

    Parameters
    ----------
    level, status, medium
        How grave it is, where it stands, the medium R24 counts it in.
    name, at, what
        What it is about, when it began and what was found, in words.
    first, last
        The days it touches, ``2026-07-29``.
    """

    level: str
    status: str
    medium: str
    name: str
    at: str
    what: str
    first: str
    last: str


@dataclass(frozen=True)
class View:
    """The cells a page is built from.

    Parameters
    ----------
    book, days
        Month and day figures of the chosen sites.
    periods
        The periods of the axis, oldest first.
    units, language, compare
        How numbers are written, in which language, and what is drawn beside them.
    switches
        Panel key to the choice of its switch.
    facts
        Words of the footer that are not ledger figures, by name: meters, factors.
    outdoor_c
        Mean outdoor temperature by month, degrees Celsius.
    targets
        Indicator, dimension, entity and kind (target, quota, budget, plan) to the value by period,
        in the ledger's unit; empty where several sites are chosen.
    lens
        The view of the ledger whose numbers these are; None for the ledger's own.
    partial_days
        Month to the days of it that are known, of months that are not whole; None where several
        sites are chosen, which know different days.
    base_year
        What intensities are held against; None where the site has none, or several are chosen.
    line_alarms
        Dismantling line to how many alarms of its meters and batches are not closed.
    profiles
        Meter role to the mean kWh of an hour of the last month, by weekday (0 is Monday) and
        hour; a role without hours that are wholly known is absent.
    charger_kw
        Rated power of the chargers in service in the last month; None where it is not known.
    remarks
        What stands on the months of the sites.
    edits
        Whether the reader may write notes and set targets.
    issues, alerts
        Alarm issues of the sites, the newest first; the address of the page that lists them,
        empty where the reader may not open it.
    opens
        The addresses of the other pages that a card leads to and the reader may open.
    flows, batches
        What the last period's full-process emissions and product substitution are made of in the
        ledger; empty for pages that do not show it.
    copper
        Whether copper counts in the totals; None where the chosen sites differ.
    focus
        The parts of a site that the page is filtered by; `book` and `days` give those alone.
    at
        The period of the axis that indicators follow; None for the last.
    forecasts, forecasting
        The newest forecasts, None before the first; whether they are being ``computing`` or
        ``failed``, else empty.
    sales
        What 售碳潜力 shows besides figures; None on every other page.
    """

    book: Book
    days: Book
    sites: tuple[SiteInfo, ...]
    periods: tuple[Span, ...]
    grain: str = "month"
    units: Units = field(default_factory=Units)
    language: str = "zh"
    compare: str = "year"
    switches: Mapping[str, str] = field(default_factory=dict)
    facts: Mapping[str, str] = field(default_factory=dict)
    outdoor_c: Mapping[str, float] = field(default_factory=dict)
    targets: Mapping[tuple[str, str, str, str], Mapping[str, float]] = field(default_factory=dict)
    lens: Lens | None = None
    partial_days: Mapping[str, float] | None = field(default_factory=dict)
    base_year: int | None = None
    line_alarms: Mapping[str, int] = field(default_factory=dict)
    profiles: Mapping[str, Mapping[tuple[int, int], float]] = field(default_factory=dict)
    charger_kw: float | None = None
    remarks: tuple[Remark, ...] = ()
    edits: bool = False
    issues: tuple[Issue, ...] = ()
    alerts: str = ""
    opens: frozenset[str] = frozenset()
    flows: tuple[Flow, ...] = ()
    batches: tuple[BatchMonth, ...] = ()
    copper: bool | None = True
    focus: Focus = ()
    at: Span | None = None
    forecasts: Forecasts | None = None
    forecasting: str = ""
    sales: Sales | None = None

    def t(self, key: str, /, **values: object) -> str:
        """Return a sentence in the reader's language."""
        return text(key, self.language, **values)

    @property
    def last(self) -> Span:
        """The period that indicators follow: the last, unless the page is filtered by one."""
        return self.at or self.periods[-1]

    @property
    def unfiltered(self) -> View:
        """The same view of whole sites."""
        if not self.focus:
            return self
        books = [b.whole if isinstance(b, Parted) else b for b in (self.book, self.days)]
        return replace(self, book=books[0], days=books[1], focus=())

    def filtered(self, focus: Focus) -> View:
        """Return the view of parts of its sites alone; a month is what indicators follow."""
        month = dict(focus).get(MONTH)
        at = next((span for span in self.periods if span.label == month), None)
        parts = tuple(one for one in focus if one[0] != MONTH)
        if not parts:
            return replace(self, at=at)
        return replace(
            self, at=at, focus=parts, book=Parted(self.book, parts), days=Parted(self.days, parts)
        )

    def reaches(self, key: Key) -> bool:
        """Tell whether a name has numbers of the parts that the page is filtered by."""
        try:
            self.book.named(key)
        except Unparted:
            return False
        return True

    def kept(self, indicator: str, dimension: str, rows: Sequence[Row]) -> tuple[Row, ...]:
        """Return the members of a dimension that the filter leaves, their entity in third place.

        Raises
        ------
        Unparted
            It leaves none.
        """
        found = tuple(row for row in rows if self.reaches((indicator, dimension, row[2])))
        if not found:
            self.book.named((indicator, dimension, rows[0][2]))
        return found

    @property
    def filter_words(self) -> str:
        """The filter of the page as a subtitle says it; empty for whole sites."""
        return self.t("筛选：{name}", name=self.focus_words) if self.focus else ""

    @property
    def focus_words(self) -> str:
        """The parts that the page is filtered by, in words; empty for whole sites."""
        return focus_words(self.focus, self.language)

    @property
    def step(self) -> int:
        """How many months a period begins after the one before."""
        return SIZES[self.grain]

    def cell(self, key: Key, span: Span) -> Cell | None:
        """Return the cell of a name in a period; a running year is marked as a running month is.

        Per floor area a year has a value once it is whole (accounting.md §9 e).
        """
        cell = self.book.over(key, span.months, span.label)
        if cell is None or not span.running:
            return cell
        if not adds_over_sites(cell.unit):
            return Cell(None, cell.unit, quality="null", period=span.label)
        return replace(cell, flags=cell.flags | {"month_to_date"}, period=span.label)

    def cells(self, key: Key) -> list[Cell | None]:
        """Return the cells of a name over the axis."""
        return [self.cell(key, span) for span in self.periods]

    def before(self, key: Key, months: int) -> list[Cell | None]:
        """Return the cells of a name over the axis, a number of months earlier."""
        return [self.cell(key, span.back(months)) for span in self.periods]

    def target(self, key: Key, kind: str, span: Span) -> float | None:
        """Return the target of a period: its own, or the sum of those of all its months."""
        periods = self.targets.get((*self.book.named(key), kind), {})
        if span.label in periods:
            return periods[span.label]
        known = [periods[month] for month in span.months if month in periods]
        return fsum(known) if len(known) == len(span.months) else None

    def remarks_at(self, span: Span, panel: str) -> list[Remark]:
        """Return what stands on the months of a period, for one chart of this page."""
        here = self.facts.get("page", "")
        found = [
            remark for remark in self.remarks
            if remark.month in span.months and remark.page in ("", here)
            and remark.panel in ("", panel)
        ]  # fmt: skip
        if len(span.months) == 1:
            return found
        return [
            replace(one, text=f"{short_period(one.month, self.language)} {one.text}")
            for one in found
        ]

    def now(self, key: Key) -> Cell | None:
        """Return the cell of a name in the last period."""
        return self.cell(key, self.last)

    def previous(self, key: Key) -> Cell | None:
        """Return the cell of the period just before the last."""
        return self.cell(key, self.last.back(self.step))

    def year_ago(self, key: Key) -> Cell | None:
        """Return the cell of the last period's counterpart a year earlier."""
        return self.cell(key, self.last.back(12))

    def known(self, keys: Sequence[Key]) -> bool:
        """Tell whether the ledger holds any of the names."""
        return any(self.book.has(key) for key in keys)

    def joined(self, *words: str) -> str:
        """Return phrases as one line, parted by the comma of the language."""
        return self.comma.join(word for word in words if word)

    @property
    def comma(self) -> str:
        """What parts the phrases of a line."""
        return "，" if self.language == "zh" else ", "

    @property
    def lens_words(self) -> str:
        """The view of the ledger in words; empty for the ledger's own."""
        return self.t("口径：{name}", name=self.t(self.lens.title)) if self.lens else ""

    @property
    def last_short(self) -> str:
        """The last period as a sentence names it."""
        return (
            self.last_words if self.last.running else short_period(self.last.label, self.language)
        )

    @property
    def last_words(self) -> str:
        """The last period as a title names it; of a running year its months so far."""
        return span_words(self.last, self.language)

    def range_words(self) -> str:
        """Return the range of the axis in words."""
        first, last = self.periods[0], self.periods[-1]
        if len(self.periods) == 1:
            return self.last_words
        joint = " ～ " if self.language == "zh" else " – "
        return f"{first.label}{joint}{last.label}"


def period_words(label: str, language: str) -> str:
    """Return a period as a title names it: 2025年7月, Jul 2025."""
    if len(label) == 10:
        return label
    if "/" in label:
        return _months_words(label, language)
    if len(label) == 4:
        return f"{label}年" if language == "zh" else label
    year, rest = label[:4], label[5:]
    if rest.startswith("Q"):
        return f"{year}年第{rest[1]}季度" if language == "zh" else f"{rest} {year}"
    if language == "zh":
        return f"{year}年{int(rest)}月"
    return f"{_MONTHS_EN[int(rest) - 1]} {year}"


def _months_words(label: str, language: str) -> str:
    """Return several months: 2025年1～10月, Jan – Oct 2025; of two years both are said."""
    begin, end = label.split("/")
    if begin == end:
        return period_words(begin, language)
    if begin[:4] != end[:4]:
        joint = "～" if language == "zh" else " – "
        return joint.join(period_words(month, language) for month in (begin, end))
    first, last = int(begin[5:7]), int(end[5:7])
    if language == "zh":
        return f"{label[:4]}年{first}～{last}月"
    return f"{_MONTHS_EN[first - 1]} – {_MONTHS_EN[last - 1]} {label[:4]}"


def span_words(span: Span, language: str) -> str:
    """Return a period as a title names it; of a running year its months: 2025年1～10月."""
    label = f"{span.months[0]}/{span.months[-1]}" if span.running else span.label
    return period_words(label, language)


def short_period(label: str, language: str) -> str:
    """Return a period as a sentence names it: 7月, Jul."""
    if len(label) != 7 or "Q" in label:
        return period_words(label, language)
    month = int(label[5:7])
    return f"{month}月" if language == "zh" else _MONTHS_EN[month - 1]


def tick(label: str, language: str) -> tuple[str, str]:
    """Return an axis label and the year it stands under."""
    if len(label) == 10:
        day = date.fromisoformat(label)
        return (f"{day.day}日" if language == "zh" else str(day.day)), label[:7]
    if len(label) == 4:
        return label, ""
    if "Q" in label:
        return label[5:], label[:4]
    return short_period(label, language), label[:4]
