"""What 售碳潜力 shows besides ledger and forecasts: scenarios, evidence, project, eligibility."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from accounting.project import Project
from accounting.scenario import Choice, Outcome
from accounting.whatif import Bus, Levers
from figures.number import exact, kpi_decimals, written

TEN_THOUSAND = Decimal("0.0001")
LINES = ("cable", "conductor", "transformer")
SOURCE_WORDS = {
    "cable": "电缆拆解", "conductor": "架空导线拆解", "transformer": "变压器拆解",
    "pv": "光伏", "charger": "充电桩", "heat_pump": "地源热泵",
}  # fmt: skip


@dataclass(frozen=True)
class Preset:
    """Assumptions that the product offers: name in addresses, title, where they come from."""

    key: str
    title: str
    choice: Choice


@dataclass(frozen=True)
class Saved:
    """A saved scenario with what it comes to now."""

    scenario: int
    name: str
    choice: Choice
    outcome: Outcome
    by: str


@dataclass(frozen=True)
class WhatIf:
    """A saved what-if."""

    scenario: int
    name: str
    levers: Levers
    by: str


@dataclass(frozen=True)
class Scene:
    """The scenario panel: presets, what the first one shown comes to, saved ones.

    ``prices`` says what the prices of the presets are: lowest, mean and highest of which weeks;
    ``sure`` whether past errors of every line are known.
    """

    presets: tuple[Preset, ...]
    outcomes: tuple[Outcome, ...]
    saved: tuple[Saved, ...] = ()
    origin: str = ""
    seed: int = 0
    run: int = 0
    prices: str = ""
    sure: bool = True


@dataclass(frozen=True)
class Document:
    """A document of the evidence library as the page lists it."""

    evidence: int
    site: str
    title: str
    number: str
    issuer: str
    issued_on: str
    clause: str
    stance: str
    expires_on: str
    file: str
    sm3: str
    size: int
    retired: bool
    by: str

    def counts_on(self, day: date) -> bool:
        """Tell whether it is neither retired nor expired."""
        return not self.retired and (not self.expires_on or self.expires_on >= day.isoformat())


@dataclass(frozen=True)
class Source:
    """A source of reductions and whether a methodology applies: flag_k of accounting.md §11."""

    source: str
    eligible: bool
    methodology: str = ""
    evidence: str = ""
    waiting: int = 0


@dataclass(frozen=True)
class Stated:
    """What somebody stated of the market or a phase: year or day, amounts, source, by whom."""

    period: str
    amounts: Mapping[str, float | None]
    source: str
    by: str


@dataclass(frozen=True)
class Done:
    """A move of the project as its history shows it."""

    step: int
    act: str
    words: str
    by: str


@dataclass(frozen=True)
class Sales:
    """Everything of one site that the page shows besides figures; several sites have none.

    Parameters
    ----------
    site, today
        Whose, and the day that dates are held against.
    scene
        None without a forecast.
    documents
        The evidence of the chosen sites, retired documents too.
    project, history
        How the project stands and what was done, newest first.
    sources
        Eligibility by source.
    discounts
        Line and month to CF(u) and what it would be if nothing were estimated.
    stated
        What was stated of the market's facts and of the site's phases by name, newest first.
    whatifs, bus, resold
        Saved what-ifs; an electric bus as the site's own are; whether charging is resold.
    saves, keeps
        Whether the reader may save scenarios; keep evidence, eligibility and steps.
    """

    site: str
    today: date
    scene: Scene | None = None
    documents: tuple[Document, ...] = ()
    project: Project = field(default_factory=Project)
    history: tuple[Done, ...] = ()
    sources: tuple[Source, ...] = ()
    discounts: Mapping[tuple[str, str], tuple[float, float]] = field(default_factory=dict)
    stated: Mapping[str, tuple[Stated, ...]] = field(default_factory=dict)
    whatifs: tuple[WhatIf, ...] = ()
    bus: Bus | None = None
    resold: bool = False
    saves: bool = False
    keeps: bool = False

    @property
    def eligible(self) -> frozenset[str]:
        """The sources to which a methodology applies."""
        return frozenset(one.source for one in self.sources if one.eligible)

    def document(self, number: int) -> Document | None:
        """Return a document by its number."""
        return next((one for one in self.documents if one.evidence == number), None)


def money(cny: float) -> str:
    """Return an amount in 万元, words of the number alone; half up as money is."""
    shown = exact(cny) * TEN_THOUSAND
    return written(shown, kpi_decimals(shown), money=True)


def tonnes(value: float) -> str:
    """Return tonnes without decimals from 1,000 up."""
    shown = exact(value)
    return written(shown, kpi_decimals(shown))
