"""What 售碳潜力 reads besides figures: scenarios drawn anew, evidence, steps, eligibility."""

from __future__ import annotations

from collections.abc import Hashable
from datetime import datetime
from typing import TYPE_CHECKING

from flask import has_request_context

from accounting.project import project_of
from accounting.revenue import eligible
from accounting.scenario import Choice, Drawn, Outcome, drawn, outcome
from callbacks._scope import in_scope
from data import scenarios, whatif
from data.bases import basis_of
from data.eligibility import SWITCH
from data.periods import local
from data.sales import today_at
from data.state import Evidence, ProjectEvent, Scenario
from data.state.evidence import RETIRE
from data.state.scenarios import SALE, WHATIF
from data.state.statements import MARKET
from data.stated import amounts_of
from figures.sales import (
    LINES,
    SOURCE_WORDS,
    Document,
    Done,
    Preset,
    Sales,
    Saved,
    Scene,
    Source,
    Stated,
    WhatIf,
)
from security import policy, web
from security.policy import PROJECT, SCENARIO
from translations import text

if TYPE_CHECKING:
    from callbacks._reader import PageReader

PATH = "/market"


def rights(reader: PageReader) -> tuple[bool, bool]:
    """Tell whether who asks may save scenarios, and keep evidence and steps."""
    session = web.current() if has_request_context() else None
    if session is None:
        return False, False
    state = reader.engine.state
    return (policy.may(state, session.role, PATH, SCENARIO),
            policy.may(state, session.role, PATH, PROJECT))  # fmt: skip


def revision(reader: PageReader, page: str) -> Hashable:
    """Return what is another one when what the page shows besides figures has changed."""
    if page != "market":
        return ()
    state = reader.engine.state
    zone = next((site.zone for site in reader.every_site().values()), "Asia/Shanghai")
    return (state.scenarios.revision, state.evidence.revision, state.projects.revision,
            state.statements.revision,
            len(state.approvals.all(only_open=True)), reader.newest_run, today_at(zone),
            rights(reader))  # fmt: skip


def sales_of(reader: PageReader, sites: tuple[str, ...], language: str) -> Sales:
    """Return what the page shows of its sites besides figures."""
    site, zone = sites[0], reader.sites()[sites[0]].zone
    saves, keeps = rights(reader)
    if len(sites) > 1:
        return Sales("", today_at(zone), stated=_stated(reader, "", zone))
    state = reader.engine.state
    events = state.projects.events(site)
    return Sales(
        site, today_at(zone), scene=_scene(reader, site, language), saves=saves, keeps=keeps,
        documents=tuple(_document(one, zone) for one in state.evidence.of([site])),
        project=project_of(one.move for one in events),
        history=tuple(_done(one, zone, language) for one in reversed(events)),
        sources=_sources(reader, site),
        stated=_stated(reader, site, zone),
        whatifs=tuple(_whatif(one, zone) for one in state.scenarios.of(site, WHATIF)),
        bus=reader.bus(site),
        resold=bool(reader.documents()[site].settings.get("charger_resold")),
        discounts=reader.discounts(site),
    )  # fmt: skip


def _stated(reader: PageReader, site: str, zone: str) -> dict[str, tuple[Stated, ...]]:
    """Return what was stated of the market and, where there is one, of the site."""
    kept = reader.engine.state.statements
    found = kept.of(MARKET) | (kept.of(site) if site else {})
    return {
        name: tuple(
            Stated(one.period, amounts_of(one), one.source, _by(one.author, one.at, zone))
            for one in rows
        )
        for name, rows in found.items()
    }


def _whatif(one: Scenario, zone: str) -> WhatIf:
    return WhatIf(one.scenario, one.name, whatif.read(one.body), _by(one.author, one.at, zone))


def _sources(reader: PageReader, site: str) -> tuple[Source, ...]:
    """Return every source with its switch, and what waits for a second person (CONTRACT §3)."""
    settings = reader.documents()[site].settings
    waiting = {
        name: one.proposal
        for one in reader.engine.state.approvals.all(only_open=True)
        if one.kind == "setting" and one.body.get("site") == site
        for name in one.body.get("settings", {})
    }
    return tuple(
        Source(
            source, eligible(settings, source), str(settings.get(f"methodology_{source}") or ""),
            str(settings.get(f"evidence_{source}") or ""),
            max(waiting.get(f"{name}_{source}", 0) for name in SWITCH),
        )
        for source in SOURCE_WORDS
    )  # fmt: skip


def _by(author: str, at: datetime, zone: str) -> str:
    return f"{author} {local(at, zone):%Y-%m-%d %H:%M}"


def _document(one: Evidence, zone: str) -> Document:
    said, original = one.said, one.original
    return Document(
        one.evidence, one.site, said.title, said.number, said.issuer, said.issued_on, said.clause,
        said.stance, said.expires_on, original.name, original.sm3, original.size,
        one.act == RETIRE, _by(one.author, one.at, zone),
    )  # fmt: skip


_DONE = {"plan": "计划", "begin": "开始", "complete": "完成", "back": "退回"}


def _done(one: ProjectEvent, zone: str, language: str) -> Done:
    move = one.move
    documents = " ".join(f"#{number}" for number in move.evidence)
    facts = (text(_DONE[move.act], language), move.owner, move.actual_on or move.planned_on,
             documents, move.reason)  # fmt: skip
    return Done(move.step, move.act, " · ".join(filter(None, facts)), _by(one.actor, one.at, zone))


def paths_of(reader: PageReader, site: str) -> Drawn | None:
    """Return the joint paths of a site's newest forecast, drawn once a run."""
    run = reader.newest_run
    return reader.drawn.get(run, site, lambda: _drawn(reader, run, site))


def _drawn(reader: PageReader, run: int, site: str) -> Drawn | None:
    basis = basis_of(reader.engine, run, site)
    return None if basis is None else drawn(basis)


def outcome_of(reader: PageReader, site: str, choice: Choice) -> Outcome | None:
    """Return what a scenario of a site comes to; None without a forecast."""
    if not in_scope(site) or site not in reader.sites():
        return None
    found = paths_of(reader, site)
    return None if found is None else _outcome(reader, found, site, choice)


def _outcome(reader: PageReader, found: Drawn, site: str, choice: Choice) -> Outcome:
    lines = eligible_lines(reader, site)
    key = (site, choice, lines)
    return reader.drawn.get(reader.newest_run, key, lambda: outcome(found, choice, lines))


def eligible_lines(reader: PageReader, site: str) -> frozenset[str]:
    """Return the lines to which a methodology applies."""
    settings = reader.documents()[site].settings
    return frozenset(line for line in LINES if eligible(settings, line))


def any_eligible(reader: PageReader, site: str) -> bool:
    """Tell whether a methodology applies to any source: the gate of a project's first step."""
    settings = reader.documents()[site].settings
    return any(eligible(settings, source) for source in SOURCE_WORDS)


def _scene(reader: PageReader, site: str, language: str) -> Scene | None:
    found = paths_of(reader, site)
    if found is None:
        return None
    market = reader.market_prices
    presets = [Preset(*one) for one in scenarios.presets(market)]
    basis = found.basis
    said = "" if market is None else text(
        "均价：{first} 起各周的最低、{year} 年平均、最高；增速和比例为内部假设",
        language, first=market.first, year=market.year,
    )  # fmt: skip
    return Scene(
        presets=tuple(presets),
        outcomes=tuple(_outcome(reader, found, site, one.choice) for one in presets),
        saved=tuple(_saved(reader, found, site)),
        origin=basis.origin, seed=basis.seed, run=reader.newest_run, prices=said,
        sure=all(spread.sure for spread in basis.lines.values()),
    )  # fmt: skip


def _saved(reader: PageReader, found: Drawn, site: str) -> list[Saved]:
    zone = reader.sites()[site].zone
    kept = []
    for one in reader.engine.state.scenarios.of(site, SALE):
        choice = scenarios.read(one.body)
        made = _outcome(reader, found, site, choice)
        kept.append(Saved(one.scenario, one.name, choice, made, _by(one.author, one.at, zone)))
    return kept
