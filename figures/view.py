"""What a reader looks at: sites, span, grain, units and comparison, and the cells of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import fsum

from figures.cells import Book, Cell, Key
from figures.number import Units
from translations import text

GRAINS = ("month", "quarter", "year")
COMPARISONS = ("none", "month", "year")
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

    def back(self, by: int) -> Span:
        """Return the same span a number of months earlier."""
        moved = tuple(shifted(month, -by) for month in self.months)
        return Span(moved[0] if len(moved) == 1 else f"{moved[0]}/{moved[-1]}", moved)


def spans(first: str, last: str, grain: str) -> tuple[Span, ...]:
    """Return the periods of a range; only whole quarters and years are among them."""
    size = {"month": 1, "quarter": 3, "year": 12}[grain]
    found: dict[str, list[str]] = {}
    for month in months_of(first, last):
        found.setdefault(_label(month, grain), []).append(month)
    return tuple(Span(label, tuple(m)) for label, m in found.items() if len(m) == size)


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
class Lens:
    """A view (口径) of the ledger that a reader chose: its name in addresses, its title."""

    name: str
    title: str


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
        Indicator, dimension, entity and kind (target, quota, budget) to the value by period, in
        the ledger's unit; empty where several sites are chosen.
    lens
        The view of the ledger whose numbers these are; None for the ledger's own.
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

    def t(self, key: str, /, **values: object) -> str:
        """Return a sentence in the reader's language."""
        return text(key, self.language, **values)

    @property
    def last(self) -> Span:
        """The last period, which indicators follow."""
        return self.periods[-1]

    def cell(self, key: Key, span: Span) -> Cell | None:
        """Return the cell of a name in a period."""
        return self.book.over(key, span.months, span.label)

    def cells(self, key: Key) -> list[Cell | None]:
        """Return the cells of a name over the axis."""
        return [self.cell(key, span) for span in self.periods]

    def before(self, key: Key, months: int) -> list[Cell | None]:
        """Return the cells of a name over the axis, a number of months earlier."""
        return [self.cell(key, span.back(months)) for span in self.periods]

    def target(self, key: Key, kind: str, span: Span) -> float | None:
        """Return the target of a period: its own, or the sum of those of all its months."""
        periods = self.targets.get((*key, kind), {})
        if span.label in periods:
            return periods[span.label]
        known = [periods[month] for month in span.months if month in periods]
        return fsum(known) if len(known) == len(span.months) else None

    def now(self, key: Key) -> Cell | None:
        """Return the cell of a name in the last period."""
        return self.cell(key, self.last)

    def previous(self, key: Key) -> Cell | None:
        """Return the cell of the period just before the last."""
        return self.cell(key, self.last.back(len(self.last.months)))

    def year_ago(self, key: Key) -> Cell | None:
        """Return the cell of the last period's counterpart a year earlier."""
        return self.cell(key, self.last.back(12))

    def known(self, keys: Sequence[Key]) -> bool:
        """Tell whether the ledger holds any of the names."""
        return any(self.book.has(key) for key in keys)

    def joined(self, *words: str) -> str:
        """Return phrases as one line, parted by the comma of the language."""
        return ("，" if self.language == "zh" else ", ").join(word for word in words if word)

    @property
    def lens_words(self) -> str:
        """The view of the ledger in words; empty for the ledger's own."""
        return self.t("口径：{name}", name=self.t(self.lens.title)) if self.lens else ""

    def range_words(self) -> str:
        """Return the range of the axis in words."""
        first, last = self.periods[0], self.periods[-1]
        if len(self.periods) == 1:
            return period_words(last.label, self.language)
        joint = " ～ " if self.language == "zh" else " – "
        return f"{first.label}{joint}{last.label}"


def period_words(label: str, language: str) -> str:
    """Return a period as a title names it: 2025年7月, Jul 2025."""
    if len(label) == 10:
        return label
    if len(label) == 4:
        return f"{label}年" if language == "zh" else label
    year, rest = label[:4], label[5:]
    if rest.startswith("Q"):
        return f"{year}年第{rest[1]}季度" if language == "zh" else f"{rest} {year}"
    if language == "zh":
        return f"{year}年{int(rest)}月"
    return f"{_MONTHS_EN[int(rest) - 1]} {year}"


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
