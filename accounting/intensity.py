"""Quantities per tonne, kilometre and unit (module M8, accounting.md §10, R24)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from accounting.amount import MEASURED, NULL, Amount, Source, flag_bits, nothing, of, quotient
from accounting.inputs import Grain

LOW_VOLUME = 0.05
COUNTED_IN = {"km": ("length_km", ("cable", "conductor")), "unit": ("units", ("transformer",))}


def per_tonne(
    grain: Grain, parts: Mapping[str, Amount], throughput: Mapping[str, Amount]
) -> dict[str, Amount]:
    """Return X_p / mass_in_p of each line; null where nothing was dismantled (M8-4).

    Parameters
    ----------
    grain
        The month as one period.
    parts
        X by line, in any unit.
    throughput
        Mass dismantled by line, t.

    Returns
    -------
    dict
        X per t by line, ``low_volume`` under 5 % of the usual throughput.
    """
    return {
        line: quotient(parts[line], throughput[line]).flagged(_low(grain, line, throughput[line]))
        for line in throughput
    }


def _low(grain: Grain, line: str, mass: Amount) -> int:
    usual = grain.inputs.usual_throughput_t.get(line)
    low = usual is not None and mass.quality[0] != NULL and mass.values[0] < LOW_VOLUME * usual
    return flag_bits("low_volume") if low else 0


def per_piece(
    grain: Grain, parts: Mapping[str, Amount], throughput: Mapping[str, Amount], piece: str
) -> dict[str, Amount]:
    """Return X_p per kilometre, or per unit, over the batches that record them (R24).

    Parameters
    ----------
    grain
        The month as one period.
    parts
        X by line, in any unit.
    throughput
        Mass dismantled by line, t.
    piece
        ``km`` or ``unit``.

    Returns
    -------
    dict
        (X_p / mass_in_p) (sum mass_in / sum pieces) by line; null where no batch has pieces.
    """
    column, lines = COUNTED_IN[piece]
    found = {}
    for line in lines:
        pieces = _pieces(grain, line, throughput[line], column, piece)
        amount = quotient(parts[line], pieces)
        found[line] = amount.flagged(_low(grain, line, throughput[line]))
    return found


def _pieces(grain: Grain, line: str, mass: Amount, column: str, piece: str) -> Amount:
    """Return the pieces that the line's whole mass stands for: mass x pieces / their mass."""
    rows = grain.inputs.batches_by_line[line]
    if rows.empty or mass.quality[0] == NULL:
        return nothing(1)
    rows = rows[rows[column] > 0]
    if rows.empty:
        return nothing(1)
    weighed, counted = (math.fsum(rows[name].tolist()) for name in ("mass_in_t", column))
    quantity = mass.values * counted / weighed if weighed else np.nan
    zero = np.zeros(1)
    source = Source(piece, line, piece, np.atleast_1d(quantity), zero, zero, zero)
    return replace(of(source, np.array([MEASURED]), np.array([0])), sources=())


def idle(amount: Amount, throughput: Amount) -> int:
    """Return the flag of a line that used energy and dismantled nothing (§9, 5.4 b).

    Parameters
    ----------
    amount
        The line's energy or emissions.
    throughput
        Its mass dismantled, t.
    """
    known = amount.quality[0] != NULL and throughput.quality[0] != NULL
    stood = known and throughput.values[0] == 0 and amount.values[0] > 0
    return flag_bits("idle") if stood else 0
