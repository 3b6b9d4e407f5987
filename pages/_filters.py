"""The filters of a page: all of them live in the address, so a copied link opens the same view."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from urllib.parse import parse_qsl, quote

from figures.focus import DIMENSIONS, Focus
from figures.number import Units
from figures.view import COMPARISONS, GRAINS, months_of, shifted

MASSES = ("t", "kg")
ENERGIES = ("MWh", "kWh", "tce")
_MONTH = re.compile(r"\d{4}-(0[1-9]|1[0-2])")
_WORD = re.compile(r"[a-z0-9_-]{1,40}")
_PART = re.compile(r"[A-Za-z0-9_-]{1,40}")
_OWN = (
    "site", "from", "to", "grain", "mass", "energy", "compare", "view", "trace", "focus",
)  # fmt: skip
LONGEST_MONTHS = 120


@dataclass(frozen=True)
class Known:
    """What there is to choose from: sites, months with figures, the default range, views.

    A view is its name in addresses and its title.
    """

    sites: tuple[str, ...]
    first: str
    last: str
    range: tuple[str, str]
    default_sites: tuple[str, ...] = ()
    views: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Filters:
    """What a reader chose; unknown values fall back to the default, as from a public address.

    ``asked`` are the months of the address, where others are shown because of these not all have
    figures.
    """

    sites: tuple[str, ...]
    first: str
    last: str
    grain: str = "month"
    mass: str = "t"
    energy: str = "MWh"
    compare: str = "year"
    view: str = ""
    focus: Focus = ()
    switches: Mapping[str, str] = field(default_factory=dict)
    asked: tuple[str, str] | None = field(default=None, compare=False)

    @property
    def units(self) -> Units:
        """The units that numbers are written in."""
        return Units(self.mass, self.energy)

    def key(self) -> tuple[object, ...]:
        """Return what the view depends on, for the cache."""
        return (
            self.sites, self.first, self.last, self.grain, self.mass, self.energy, self.compare,
            self.view, self.focus, tuple(sorted(self.switches.items())), self.asked,
        )  # fmt: skip


def parse(search: str | None, known: Known) -> Filters:
    """Return the filters of an address's query."""
    given = dict(parse_qsl((search or "").lstrip("?")[:2000]))
    sites = tuple(s for s in known.sites if s in given.get("site", "").split(","))
    first, last = _range(given, known)
    switches = {
        name: value
        for name, value in given.items()
        if name not in _OWN and _WORD.fullmatch(name) and _WORD.fullmatch(value)
    }
    return Filters(
        sites or known.default_sites or known.sites[:1], first, last,
        _one_of(given.get("grain"), GRAINS), _one_of(given.get("mass"), MASSES),
        _one_of(given.get("energy"), ENERGIES),
        _one_of(given.get("compare"), COMPARISONS, "year"),
        _one_of(given.get("view"), ["", *(name for name, _ in known.views)]),
        focus_of(given.get("focus", "")), switches, _asked(given, (first, last)),
    )  # fmt: skip


def focus_of(words: str) -> Focus:
    """Return what a page is filtered by: ``line:cable,month:2026-03``, one of a dimension."""
    found: dict[str, str] = {}
    for word in words.split(","):
        dimension, _, entity = word.partition(":")
        if dimension in DIMENSIONS and _PART.fullmatch(entity):
            found[dimension] = entity
    return tuple(found.items())


def focus_address(focus: Focus) -> str:
    """Return what a page is filtered by, as it stands in the address."""
    return ",".join(f"{dimension}:{entity}" for dimension, entity in focus)


def _one_of(value: str | None, choices: Sequence[str], default: str = "") -> str:
    return value if value is not None and value in choices else default or choices[0]


def _range(given: Mapping[str, str], known: Known) -> tuple[str, str]:
    first, last = given.get("from", ""), given.get("to", "")
    if not (_MONTH.fullmatch(first) and _MONTH.fullmatch(last)) or first > last:
        return known.range
    first, last = max(first, known.first), min(last, known.last)
    if first > last:
        return known.range
    return max(first, shifted(last, 1 - LONGEST_MONTHS)), last


def _asked(given: Mapping[str, str], shown: tuple[str, str]) -> tuple[str, str] | None:
    """Return the months that an address asks for where they are not those shown."""
    asked = given.get("from", ""), given.get("to", "")
    range_of_months = all(_MONTH.fullmatch(one) for one in asked) and asked[0] <= asked[1]
    return asked if range_of_months and asked != shown else None


def address(filters: Filters, known: Known, **changed: str | None) -> str:
    """Return the query of filters with some of them changed; defaults are left out."""
    whole: dict[str, str] = {}
    if filters.sites != (known.default_sites or known.sites[:1]):
        whole["site"] = ",".join(filters.sites)
    if (filters.first, filters.last) != known.range:
        whole |= {"from": filters.first, "to": filters.last}
    defaults = {"grain": "month", "mass": "t", "energy": "MWh", "compare": "year", "view": ""}
    whole |= {
        name: getattr(filters, name)
        for name, default in defaults.items()
        if getattr(filters, name) != default
    }
    if filters.focus:
        whole["focus"] = focus_address(filters.focus)
    whole |= filters.switches
    for name, value in changed.items():
        if value is None or defaults.get(name, "" if name == "focus" else None) == value:
            whole.pop(name, None)
        else:
            whole[name] = value
    if (whole.get("from"), whole.get("to")) == known.range:
        del whole["from"], whole["to"]
    return "?" + "&".join(f"{name}={_quoted(value)}" for name, value in whole.items())


@cache
def _quoted(value: str) -> str:
    return quote(value, safe=",:")


def presets(known: Known) -> list[tuple[str, str, str]]:
    """Return the ranges of the menu: name, first and last month."""
    last, complete = known.last, known.range[1]
    year = complete[:4]
    found = [
        ("本月", last, last),
        ("近 12 个月", shifted(complete, -11), complete),
        ("近 36 个月", shifted(complete, -35), complete),
        ("本年", f"{last[:4]}-01", last),
        ("上年", f"{int(year) - 1}-01", f"{int(year) - 1}-12"),
    ]
    return [
        (name, max(a, known.first), min(b, known.last))
        for name, a, b in found
        if b >= known.first and a <= known.last
    ]


def all_months(known: Known) -> list[str]:
    """Return every month that has figures."""
    return months_of(known.first, known.last)
