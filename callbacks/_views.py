"""Rows of views (口径): computed when a reader asks, kept in memory until the data change."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

import pandas as pd

from data import queries
from data.engine import Engine
from data.store import EVERYTHING, Topic
from figures.view import shifted

MADE_OF = EVERYTHING & ~Topic.FORECASTS
_Key = tuple[str, str, str, str]  # view, site, grain, factor library


@dataclass(frozen=True)
class _Span:
    """Rows from one month to another, both included."""

    first: str
    last: str
    rows: pd.DataFrame

    def covers(self, first: str, last: str) -> bool:
        return self.first <= first and last <= self.last


@dataclass
class ViewRows:
    """Rows of views by site and grain for one version of the data.

    Other filters than the view ask for the same rows again, and a longer range only for the
    months that are new. One view is computed at a time: whoever waits for none is not slowed by
    several.
    """

    engine: Engine
    _version: int = field(default=-1, init=False)
    _found: dict[_Key, _Span] = field(default_factory=dict, init=False)
    _guard: threading.Lock = field(default_factory=threading.Lock, init=False)
    _turn: threading.Lock = field(default_factory=threading.Lock, init=False)

    def of(self, view: str, site: str, grain: str, first: str, last: str) -> pd.DataFrame:
        """Return a site's rows under a view that hold at least the months from first to last."""
        key = (view, site, grain, self.engine.library.digest)
        version = self.engine.store.version_of(MADE_OF)
        held = self._held(version, key)
        if held is not None and held.covers(first, last):
            return held.rows
        with self._turn:
            held = self._held(version, key)
            if held is None or not held.covers(first, last):
                held = self._longer(key, held, first, last)
                with self._guard:
                    if version == self._version:
                        self._found[key] = held
            return held.rows

    def _held(self, version: int, key: _Key) -> _Span | None:
        with self._guard:
            if version > self._version:
                self._found.clear()
                self._version = version
            return self._found.get(key)

    def _longer(self, key: _Key, held: _Span | None, first: str, last: str) -> _Span:
        """Return the span grown to hold a range, computing what it does not hold yet."""
        view, site, grain, _ = key
        if held is None:
            return _Span(first, last, queries.viewed(self.engine, site, view, grain, first, last))
        parts = [held.rows]
        if first < held.first:
            parts.append(
                queries.viewed(self.engine, site, view, grain, first, shifted(held.first, -1))
            )
        if last > held.last:
            parts.append(
                queries.viewed(self.engine, site, view, grain, shifted(held.last, 1), last)
            )
        rows = pd.concat([part for part in parts if len(part)] or parts[:1], ignore_index=True)
        return _Span(min(first, held.first), max(last, held.last), rows)
