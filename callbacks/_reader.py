"""Reading for the pages: books and built pages, kept as long as the data stay the same."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import pandas as pd

from accounting.emission import Basis
from accounting.inputs import LINES
from accounting.revenue import eligible
from accounting.whatif import Bus
from callbacks import _forecasts
from callbacks._sales import sales_of
from callbacks._scope import scope
from callbacks._views import ViewRows
from data import flows, queries, scenarios
from data.bases import newest_run
from data.discounts import discounts
from data.engine import Engine
from data.ingest.site_file import SiteDocument
from data.store import EVERYTHING, Topic
from data.views import VIEWS, under_view
from data.whatif import bus_of
from figures import policy
from figures.cells import Book
from figures.focus import MONTH
from figures.forecast import Forecasts
from figures.number import written
from figures.view import BatchMonth, Flow, Lens, Remark, SiteInfo, Span, View, shifted, spans
from pages._filters import Filters, Known
from translations import text

T = TypeVar("T")
KEPT = 512
DRAWN = 96  # joint paths take ten megabytes a site, what scenarios come to nothing
VIEWED = 12  # books of views: ranges are free to choose, and a book of years takes megabytes
LATE = timedelta(hours=2)
_HOURLY = ("charger", "pv_generation", "pv_export")
# Pages that add up since the ledger's first month.
_FROM_THE_START = ("substitution", "lifecycle", "market")
FORECASTING = ("overview", "market")


@dataclass
class Kept:
    """Answers by key for one version of the data; the least recently used go first."""

    most: int = KEPT
    version: int = -1
    found: OrderedDict[Hashable, Any] = field(default_factory=OrderedDict)
    guard: threading.Lock = field(default_factory=threading.Lock)

    def get(self, version: int, key: Hashable, make: Callable[[], T]) -> T:
        """Return what is kept for a key, made anew when the data have changed."""
        with self.guard:
            if version != self.version:
                self.found.clear()
                self.version = version
            if key in self.found:
                self.found.move_to_end(key)
                kept: T = self.found[key]
                return kept
        made = make()
        with self.guard:
            if version == self.version:
                self.found[key] = made
                while len(self.found) > self.most:
                    self.found.popitem(last=False)
        return made


class PageReader:
    """Gives the pages their views of the data directory."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._data: dict[Topic, Kept] = {}
        self._pages = Kept()
        self.views = ViewRows(engine)
        self._viewed = Kept(most=VIEWED)
        self._sure: dict[tuple[str, str], float] = {}
        self.forecasting: Callable[[], str] = str  # whether forecasts are being made; app.py
        self.drawn = Kept(most=DRAWN)

    @property
    def version(self) -> int:
        """The version of the data: another one after every commit."""
        return self._engine.store.version

    @property
    def engine(self) -> Engine:
        """The opened data directory."""
        return self._engine

    def page(self, key: Hashable, make: Callable[[], T]) -> T:
        """Return a built page, kept until the data change."""
        return self._pages.get(self.version, key, make)

    def _kept(self, key: Hashable, make: Callable[[], T], of: Topic = EVERYTHING) -> T:
        """Return what is made of topics of the data, kept until one of them changes."""
        version = self._engine.store.version_of(of)
        return self._data.setdefault(of, Kept()).get(version, key, make)

    def every_site(self) -> dict[str, SiteInfo]:
        """Return every site as the screen names it, whoever asks."""
        return self._kept("sites", self._read_sites, Topic.RECORDS)

    def sites(self) -> dict[str, SiteInfo]:
        """Return the sites that who asks may see, as the screen names them."""
        found, allowed = self.every_site(), scope()
        if allowed is None:
            return found
        return {name: site for name, site in found.items() if name in allowed}

    def documents(self) -> dict[str, SiteDocument]:
        """Return every site's document by its identifier."""
        return self._kept("documents", lambda: queries.site_documents(self._engine), Topic.RECORDS)

    def _read_sites(self) -> dict[str, SiteInfo]:
        return {
            name: SiteInfo(
                name, d.name_zh, d.name_en, d.demo, d.timezone,
                tuple((a.building, a.m2) for a in d.areas if a.valid_to is None),
            )
            for name, d in self.documents().items()
        }  # fmt: skip

    def known(self) -> Known | None:
        """Return what there is to choose from for who asks; None without any figure."""
        return self._kept(("known", scope()), self._read_known, Topic.RECORDS | Topic.LEDGER)

    def _read_known(self) -> Known | None:
        sites = self.sites()
        if not sites:
            return None
        real = tuple(name for name, site in sites.items() if not site.demo)
        months = queries.months_known(self._engine, list(sites))
        if months is None:
            return None
        first, complete, last = months
        order = (*real, *(name for name, site in sites.items() if site.demo))
        views = tuple((name, rule.zh) for name, rule in VIEWS.items())
        span = queries.default_range(first, complete)
        return Known(order, first, last, span, real or order, views)

    def book(self, sites: tuple[str, ...]) -> Book:
        """Return the month figures of sites."""
        return self._kept(("book", sites), lambda: Book.of(self._months(sites)), Topic.LEDGER)

    def _months(self, sites: tuple[str, ...]) -> pd.DataFrame:
        return queries.ledger(self._engine, sites, "month")

    def viewed_book(self, sites: tuple[str, ...], view: str, first: str, last: str) -> Book:
        """Return the month figures of sites under a view, of a range of months and no others."""
        return self._viewed.get(
            self.version, ("month", sites, view, first, last),
            lambda: self._under(self._months(sites), sites, view, "month", first, last),
        )  # fmt: skip

    def _under(
        self, held: pd.DataFrame, sites: tuple[str, ...], view: str, grain: str, first: str,
        last: str,
    ) -> Book:  # fmt: skip
        """Return ledger rows under a view; a month that is not computed has no row at all."""
        rows = pd.concat([self.views.of(view, site, grain, first, last) for site in sites])
        within = held["period"].str[:7].between(first, last)
        return Book.of(under_view(held[within].reset_index(drop=True), rows, view))

    def days(self, sites: tuple[str, ...], last: str) -> Book:
        """Return the day figures of a month and of the twelve before."""
        return self._kept(
            ("days", sites, last), lambda: Book.of(self._days(sites, last)), Topic.LEDGER
        )

    def _days(self, sites: tuple[str, ...], last: str) -> pd.DataFrame:
        return queries.site_days(self._engine, sites, shifted(last, -12), last)

    def viewed_days(self, sites: tuple[str, ...], view: str, last: str) -> Book:
        """Return the day figures of a month and of the twelve before under a view."""
        return self._viewed.get(
            self.version, ("day", sites, view, last),
            lambda: self._under(self._days(sites, last), sites, view, "day", shifted(last, -12),
                                last),
        )  # fmt: skip

    @property
    def newest_run(self) -> int:
        """The number of the newest run of forecasts; 0 before the first."""
        return self._kept("newest_run", lambda: newest_run(self._engine), Topic.FORECASTS)

    @property
    def market_prices(self) -> scenarios.Prices | None:
        """The prices that the presets of scenarios are made of."""
        return self._kept("market_prices", lambda: scenarios.prices(self._engine), Topic.RECORDS)

    def forecasts(self) -> Forecasts | None:
        """Return the newest forecasts, of every site; None before the first."""
        return self._kept("forecasts", lambda: _forecasts.read(self._engine), Topic.FORECASTS)

    def freshness(self, filters: Filters) -> queries.Freshness:
        """Return how far the data of the first chosen site reach."""
        site = self.sites()[filters.sites[0]]
        return self._kept(
            ("fresh", site.site),
            lambda: queries.freshness(self._engine, site.site, site.zone),
            Topic.READINGS | Topic.RECORDS,
        )

    def open_alarms(self, sites: tuple[str, ...]) -> int:
        """Return how many alarms of sites are not closed."""
        return self._engine.state.incidents.open_count((*sites, ""))

    def meter_names(self, site: str) -> dict[str, str]:
        """Return the names of a site's meters by their identifiers."""
        return self._kept(
            ("meters", site), lambda: queries.meter_names(self._engine, site), Topic.RECORDS
        )

    def late(self, filters: Filters, now: datetime) -> bool:
        """Tell whether the newest readings of a real site are late and its running month is shown.

        A demonstration site ends with yesterday by design.
        """
        site = self.sites()[filters.sites[0]]
        newest = self.freshness(filters).newest
        if site.demo or newest is None or filters.last < f"{newest:%Y-%m}":
            return False
        return now.astimezone(ZoneInfo(site.zone)).replace(tzinfo=None) - newest > LATE

    def view(self, page: str, filters: Filters, language: str) -> View | None:
        """Return a page's view of the data; None where a range holds no whole period."""
        periods = spans(filters.first, filters.last, filters.grain, self._begun(filters))
        if not periods:
            return None
        sites = tuple(self.sites()[name] for name in filters.sites)
        month = dict(filters.focus).get(MONTH)
        last = next((span for span in periods if span.label == month), periods[-1])
        book, days = self._books(page, filters, periods, last.months[-1])
        return View(
            book=book, days=days, sites=sites, periods=periods,
            grain=filters.grain, language=language,
            units=replace(filters.units, money=text("万元", language)),
            compare=filters.compare, switches=filters.switches,
            facts=self._facts(page, filters, last.months[-1], sites, language),
            outdoor_c=self._kept(
                ("outdoor", sites[0].site),
                lambda: queries.outdoor_means(self._engine, sites[0].site), Topic.RECORDS,
            ),
            targets={} if len(sites) > 1 else self._kept(
                ("targets", sites[0].site),
                lambda: queries.targets(self._engine, sites[0].site), Topic.RECORDS,
            ),
            lens=Lens(filters.view, VIEWS[filters.view].zh) if filters.view else None,
            partial_days=None if len(sites) > 1 else self._kept(
                ("partial", sites[0].site),
                lambda: queries.partial_days(self._engine, sites[0].site, sites[0].zone),
                Topic.READINGS | Topic.RECORDS,
            ),
            base_year=self._base_year(filters),
            remarks=(*self.remarks(filters.sites, language),
                     *(policy.remarks(language) if page == policy.PAGE else ())),
            copper=self._copper(filters),
            forecasts=self.forecasts() if page in FORECASTING else None,
            forecasting=self.forecasting() if page in FORECASTING else "",
            sales=sales_of(self, filters.sites, language) if page == "market" else None,
            **self._own(page, filters, last.months[-1]),
            **self._details(page, sites, last),
        ).filtered(filters.focus)  # fmt: skip

    def _own(self, page: str, filters: Filters, month: str) -> dict[str, Any]:
        """Return what only one page shows: alarms by line, hours of a day."""
        names = filters.sites
        if page == "process":
            return {
                "line_alarms": self._kept(
                    ("line alarms", names, self.alarms_revision),
                    lambda: queries.line_alarms(self._engine, names), Topic.RECORDS,
                ),
            }  # fmt: skip
        if page != "substitution" or len(names) > 1:
            return {}
        site = self.sites()[names[0]]

        def hours(role: str) -> dict[tuple[int, int], float]:
            return self._kept(
                ("hours", site.site, month, role),
                lambda: queries.hour_means(self._engine, site.site, site.zone, month, role),
                Topic.READINGS | Topic.RECORDS,
            )

        return {
            "profiles": {role: hours(role) for role in _HOURLY},
            "charger_kw": self._kept(
                ("charger power", site.site, month),
                lambda: queries.charger_power(self._engine, site.site, month),
                Topic.RECORDS,
            ),
        }

    @property
    def alarms_revision(self) -> int:
        """Another number after every change of an alarm issue."""
        return self._engine.state.incidents.revision

    @property
    def notes_revision(self) -> int:
        """Another number after every change of a note."""
        return self._engine.state.notes.revision

    def remarks(self, sites: tuple[str, ...], language: str) -> tuple[Remark, ...]:
        """Return what stands on the months of sites: notes, then shutdowns of the calendar."""
        shut = self._kept(
            ("shutdowns", sites), lambda: queries.shutdowns(self._engine, sites), Topic.RECORDS
        )
        found = [
            (one.site, Remark(one.month, one.text, one.page, one.panel, one.note))
            for one in self._engine.state.notes.of(sites)
        ]
        found += [
            (one.site, Remark(one.month, one.note or text("停工", language), days=one.days))
            for one in shut
        ]
        if len(sites) < 2:
            return tuple(remark for _, remark in found)
        names = {name: self.sites()[name].name(language) for name in sites}
        return tuple(replace(remark, text=f"{names[site]} {remark.text}") for site, remark in found)

    def _copper(self, filters: Filters) -> bool | None:
        """Tell whether copper counts in the totals of the sites, or of the view that is chosen."""
        ruled = VIEWS[filters.view].settings if filters.view else {}
        found = {
            bool({**self.documents()[site].settings, **ruled}.get("include_copper", True))
            for site in filters.sites
        }
        return found.pop() if len(found) == 1 else None

    def _details(self, page: str, sites: tuple[SiteInfo, ...], last: Span) -> dict[str, Any]:
        """Return what a page shows of the lineage of its last period; nothing for the others."""
        if page != "lifecycle":
            return {}
        names = tuple(site.site for site in sites)
        return self._kept(
            ("details", names, last.months), lambda: self._read_details(names, last),
            Topic.LEDGER | Topic.RECORDS,
        )  # fmt: skip

    def _read_details(self, names: tuple[str, ...], last: Span) -> dict[str, Any]:
        parts = flows.lifecycle_flows(self._engine, names, last.months)
        booked = {self.documents()[name].settings.get("book_on") for name in names}
        found: dict[str, Any] = {"flows": tuple(Flow(*row) for row in _rows(parts))}
        if booked <= {None, "dismantling"}:  # what was shipped is no batch's own month
            made = flows.batch_substitution(self._engine, names, last.months)
            found["batches"] = tuple(BatchMonth(*row) for row in _rows(made))
        return found

    def discounts(self, site: str) -> dict[tuple[str, str], tuple[float, float]]:
        """Return CF(u) of every line and month of a site, and what it would be unestimated."""
        return self._kept(
            ("discounts", site, self._engine.library.digest),
            lambda: discounts(self._engine, site, self._sure),
            Topic.LEDGER,
        )

    def bus(self, site: str) -> Bus | None:
        """Return an electric bus as a site's own were in its last twelve months."""
        known = self.known()
        if known is None:
            return None
        months = [shifted(known.range[1], -back) for back in range(12)]
        return self._kept(
            ("bus", site, months[0], self._engine.library.digest),
            lambda: bus_of(self._engine, site, months),
            Topic.RECORDS,
        )

    def market_days(self, first: str, last: str) -> Book:
        """Return price and volume of the market's days between two months."""
        return self._kept(
            ("market", first, last),
            lambda: Book.of(flows.market_days(self._engine, first, last)), Topic.LEDGER,
        )  # fmt: skip

    def _begun(self, filters: Filters) -> str:
        """Return the first month of the running year; empty for a range that ends before it."""
        known = self.known()
        if known is None or filters.last < known.range[1]:
            return ""
        return max(f"{filters.last[:4]}-01", known.first)

    def _base_year(self, filters: Filters) -> int | None:
        """Return the year that intensities are held against; several sites have none in common."""
        several = len(filters.sites) > 1
        return None if several else self.documents()[filters.sites[0]].base_year

    def _books(
        self, page: str, filters: Filters, periods: tuple[Span, ...], last: str
    ) -> tuple[Book, Book]:
        """Return the month and day figures that a page needs, the ledger's or a view's."""
        sites, view = filters.sites, filters.view
        daily = page == "emission"
        if page == "market":
            days = self.market_days(periods[0].months[0], periods[-1].months[-1])
        else:
            days = self.days(sites, last) if daily and not view else Book({}, 0)
        if not view:
            return self.book(sites), days
        first = shifted(periods[0].months[0], -12)  # what the periods are compared with
        known = self.known()
        if page in _FROM_THE_START and known is not None:
            first = min(first, known.first)
        base = self._base_year(filters) if filters.grain == "year" else None
        first = min(first, f"{base}-01") if base else first
        months = self.viewed_book(sites, view, first, periods[-1].months[-1])
        return months, self.viewed_days(sites, view, last) if daily else days

    def _facts(
        self, page: str, filters: Filters, month: str, sites: tuple[SiteInfo, ...], language: str
    ) -> dict[str, str]:
        """Return the words of the footers: meters, factors, areas."""
        meters = self._meters(filters, language)
        document = self.documents()[sites[0].site]
        rule = VIEWS.get(filters.view)
        basis = rule.basis if rule else Basis.INVENTORY
        settings = {**document.settings, **(rule.settings if rule else {})}
        factor = queries.grid_factor(self._engine, document.province, month, basis)
        name = factor.name_en if language == "en" else factor.name_zh
        sources = text("来源：{meters}、燃油台账；{name} {value} {unit}", language, meters=meters,
                       name=name, value=factor.value, unit=factor.unit)  # fmt: skip
        areas = [
            text("厂区 {m2} m²" if building == "plant" else "办公楼 {m2} m²", language,
                 m2=_whole(m2))
            for building, m2 in sites[0].areas
        ]  # fmt: skip
        return {
            "page": page, "sources": sources, "feed": self.feed_words(language),
            "methodology": "yes" if any(eligible(settings, line) for line in LINES) else "",
            "materials": str(settings.get("material_set", "CONS")),
            "areas": "|".join(areas),
            "meters": text("来源：{meters}、燃油台账", language, meters=meters),
        }  # fmt: skip

    def feed_words(self, language: str) -> str:
        """Return when prices last came by themselves and what went wrong; empty without a feed."""
        done, failed = self._kept("feed", lambda: _forecasts.fed(self._engine), Topic.FORECASTS)
        words = []
        if done is not None:
            words.append(text("行情上次自动更新 {at}", language, at=_forecasts.local(done.at)))
        if failed is not None and (done is None or failed.at > done.at):
            words.append(text("{at} 更新失败：{reason}", language, at=_forecasts.local(failed.at),
                              reason=failed.reason(language)))  # fmt: skip
        return ("；" if language == "zh" else "; ").join(words)

    def _meters(self, filters: Filters, language: str) -> str:
        counts = self.freshness(filters).meters
        words = {"electricity": "电表 {count} 块", "water": "水表 {count} 块",
                 "heat": "热量表 {count} 块"}  # fmt: skip
        joint = "、" if language == "zh" else ", "
        return joint.join(
            text(sentence, language, count=counts[medium])
            for medium, sentence in words.items()
            if medium in counts
        )


def _rows(found: pd.DataFrame) -> list[list[Any]]:
    rows: list[list[Any]] = found.to_numpy(dtype=object).tolist()
    return rows


def _whole(value: float) -> str:
    from decimal import Decimal

    return written(Decimal(repr(value)), 0)
