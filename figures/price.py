"""The market's price over several periods: turnover over volume, never a mean of prices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import fsum

from figures.cells import Cell, Key
from figures.cells import view as viewed
from translations import text

PRICE: Key = ("ccer_price", "market", "cn")
VOLUME: Key = ("ccer_volume", "market", "cn")


def average(
    language: str, prices: Sequence[Cell | None], volumes: Sequence[Cell | None], label: str
) -> Cell:
    """Return the average price of several periods, weighted by their volume; null without trade."""
    pairs = [
        (price, volume)
        for price, volume in zip(prices, volumes, strict=True)
        if price is not None and volume is not None and price.value is not None and volume.value
    ]
    if not pairs:
        return Cell(None, "CNY/t", quality="null", period=label)
    if len(pairs) == 1:
        return pairs[0][0]
    turnover = fsum((price.value or 0.0) * (volume.value or 0.0) for price, volume in pairs)
    whole = fsum(volume.value or 0.0 for _, volume in pairs)
    note = text("Σ 价格 × 成交量 ÷ Σ 成交量", language)
    cell = viewed(turnover / whole, "CNY/t", [cell for pair in pairs for cell in pair])
    return replace(cell, period=label, note=note)
