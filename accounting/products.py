"""Recovered products and what they substitute (module M6, accounting.md §8, R12, R20, D-4, D-10).

Every output row gives two terms, kappa x EF_prim and -kappa x EF_rec, so that each coefficient
is a plain product of factors and a shared factor stays visible in every figure that holds it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import numpy as np
import pandas as pd

from accounting.amount import (
    MEASURED,
    NULL,
    Amount,
    Source,
    Term,
    flag_bits,
    in_order,
    nothing,
    quotient,
    total,
)
from accounting.emission import MonthFactors
from accounting.inputs import LINES, PRODUCTS, Grain

PASSED, WARNED, FAILED = "passed", "warned", "failed"
COUNTED_FATES = ("sold", "reused", "rerefined")
REVIEW_KG_PER_T = {"CONS": 8000.0, "CN2026": 13000.0}
_WARN, _FAIL, _MORE_THAN_IN = Decimal("0.02"), Decimal("0.05"), Decimal("1.0001")


@dataclass(frozen=True)
class Pair:
    """The factors of a material: yield and quality, primary, recycled (empty: nothing)."""

    kappa: str
    primary: str
    recycled: str


_BOTH_SETS = {
    "transformer_oil": Pair("KAPPA_OIL", "MAT_OIL_PRIM", "MAT_OIL_REC"),
    "plastic_pvc": Pair("KAPPA_PVC", "MAT_PVC_PRIM", "MAT_PVC_REC"),
    "plastic_pe": Pair("KAPPA_PE", "MAT_LDPE_PRIM", "MAT_LDPE_REC"),
    "plastic_xlpe": Pair("KAPPA_XLPE", "MAT_XLPE_PRIM", "MAT_LDPE_REC"),
}
SETS: Mapping[str, Mapping[str, Pair]] = {
    "CONS": {
        "aluminium": Pair("KAPPA_AL", "MAT_AL_PRIM_DEFRA", "MAT_AL_REC_DEFRA"),
        "copper": Pair("KAPPA_CU", "MAT_SCRAPMETAL_PRIM_DEFRA", "MAT_SCRAPMETAL_REC_DEFRA"),
        "steel": Pair("KAPPA_STEEL", "MAT_STEEL_PRIM_DEFRA", "MAT_STEEL_REC_DEFRA"),
        "iron": Pair("KAPPA_IRON", "MAT_STEEL_PRIM_DEFRA", "MAT_STEEL_REC_DEFRA"),
        "silicon_steel": Pair("KAPPA_SISTEEL", "MAT_STEEL_PRIM_DEFRA", "MAT_STEEL_REC_DEFRA"),
        **_BOTH_SETS,
    },
    "CN2026": {
        "aluminium": Pair("KAPPA_AL", "MAT_AL_PRIM_IAI2022", "MAT_AL_REC_DEFRA"),
        "copper": Pair("KAPPA_CU", "MAT_CU_PRIM_ICA", "MAT_CU_REC_E85"),
        "steel": Pair("KAPPA_STEEL", "MAT_STEEL_PRIM_BOF", "MAT_STEEL_REC_WS"),
        "iron": Pair("KAPPA_IRON", "MAT_IRON_PRIM_PIG", "MAT_IRON_REC"),
        "silicon_steel": Pair("KAPPA_SISTEEL", "MAT_SISTEEL_PRIM_SCRAP", "MAT_SISTEEL_REC"),
        **_BOTH_SETS,
    },
}
REUSED_SHEET = Pair("KAPPA_SISTEEL", "MAT_SISTEEL_PRIM_COLD", "")


def pair(material_set: str, material: str, fate: str) -> Pair:
    """Return the factors of a material (§8); silicon steel reused as sheet is not remelted.

    Parameters
    ----------
    material_set
        ``CONS`` or ``CN2026`` (D-4).
    material, fate
        As in the outputs.

    Returns
    -------
    Pair
        Identifiers of the factor library.
    """
    if material == "silicon_steel" and fate == "reused":
        return REUSED_SHEET
    return SETS[material_set][material]


def product_of(material: str) -> str:
    """Return the product of 5.6 c) that a material counts in: the plastics are one."""
    return "plastic" if material.startswith("plastic_") else material


def verdict(mass_in_t: float, residue_t: float, out_t: Sequence[float]) -> str:
    """Return whether a batch's masses close (R20, A11).

    Parameters
    ----------
    mass_in_t, residue_t
        Taken in, and left over, t.
    out_t
        Every output, t; none at all fails.

    Returns
    -------
    str
        ``failed`` above 5 % or with more out than in, ``warned`` above 2 %, else ``passed``.
        Decimal text is compared, so that 5 % is 5 %.
    """
    whole_in = Decimal(repr(mass_in_t))
    whole_out = sum((Decimal(repr(t)) for t in out_t), Decimal(repr(residue_t)))
    deviation = abs(whole_in - whole_out)
    if not out_t or whole_out > whole_in * _MORE_THAN_IN or deviation > whole_in * _FAIL:
        return FAILED
    return WARNED if deviation > whole_in * _WARN else PASSED


def verdicts(batches: pd.DataFrame, outputs: pd.DataFrame) -> dict[str, str]:
    """Return each batch's verdict.

    Parameters
    ----------
    batches
        batch_id, mass_in_t, residue_t (NaN counts as none).
    outputs
        batch_id, mass_t.

    Returns
    -------
    dict
        batch_id to ``passed``, ``warned`` or ``failed``.
    """
    masses: dict[str, list[float]] = {}
    for ident, mass in zip(outputs["batch_id"], outputs["mass_t"], strict=True):
        masses.setdefault(str(ident), []).append(float(mass))
    return {
        str(ident): verdict(
            float(mass), 0.0 if left != left else float(left), masses.get(str(ident), [])
        )
        for ident, mass, left in zip(
            batches["batch_id"], batches["mass_in_t"], batches["residue_t"], strict=True
        )
    }


def shipped(outputs: pd.DataFrame, trips: pd.DataFrame, first: date, end: date) -> pd.DataFrame:
    """Return what of the outputs was shipped in a month (§8, ``book_on = shipment``).

    Outbound trips name a line and tonnes, not batches: what a line has recovered leaves in the
    order of its batches, oldest first.

    Parameters
    ----------
    outputs
        batch_id, day, line, material, mass_t, fate, verdict, origin of all months.
    trips
        day, line, leg, tonnes of all months.
    first, end
        The month's first day, and the next month's.

    Returns
    -------
    DataFrame
        The outputs' columns, mass_t being what left in the month, t.
    """
    goods = outputs[outputs["fate"].isin(COUNTED_FATES)]
    out = trips[trips["leg"] == "outbound"]
    edges = [d.isoformat() for d in (first, end)]
    found = []
    for line in LINES:
        rows = goods[goods["line"] == line].sort_values(["day", "batch_id", "material", "fate"])
        sent = out[out["line"] == line]
        low, high = (
            math.fsum(sent.loc[sent["day"].astype(str) < edge, "tonnes"]) for edge in edges
        )
        ends = rows["mass_t"].cumsum().to_numpy(np.float64)
        starts = ends - rows["mass_t"].to_numpy(np.float64)
        part = np.minimum(ends, high) - np.maximum(starts, low)
        rows = rows.assign(mass_t=part)
        found.append(rows[part > 0])
    return pd.concat(found)


@dataclass(frozen=True)
class Products:
    """What a month recovers and substitutes, one period.

    Parameters
    ----------
    output, residue
        t, by (line, product) and by line; null without any batch (R12).
    substitution, by_line
        S, kgCO2e, by product and by line; the lines leave copper out where the site says so.
    counted
        Tonnes that enter S, by product.
    net_factor
        kappa (EF_prim - EF_rec), kgCO2e/t, by product.
    """

    output: Mapping[tuple[str, str], Amount]
    residue: Mapping[str, Amount]
    substitution: Mapping[str, Amount]
    by_line: Mapping[str, Amount]
    counted: Mapping[str, Amount]
    net_factor: Mapping[str, Amount]

    def of_product(self, product: str) -> Amount:
        """Return a product's output over all lines, t."""
        return total([self.output[line, product] for line in LINES], 1)


def products(grain: Grain, factors: MonthFactors) -> Products:
    """Return the products of a month (§8, R12, R20).

    Parameters
    ----------
    grain
        The month as one period.
    factors
        The factor library as the month uses it.

    Returns
    -------
    Products
        S of a batch that does not close is null: its line and products are incomplete.
    """
    inputs = grain.inputs
    parts = list(_parts(grain, factors))
    reported = not inputs.batches.empty or not inputs.booked.empty
    copper = bool(grain.setting.get("include_copper", True))
    by_line = {
        line: _sum([p for p in parts if p.line == line and (copper or p.product != "copper")],
                   reported)
        for line in LINES
    }  # fmt: skip
    substitution = {
        product: _sum([p for p in parts if p.product == product], reported) for product in PRODUCTS
    }
    counted = {
        product: _sum([p for p in parts if p.product == product], reported, tonnes=True)
        for product in PRODUCTS
    }
    return Products(
        output=_outputs(grain),
        residue=_residues(grain),
        substitution=substitution,
        by_line=by_line,
        counted=counted,
        net_factor=_net_factors(grain, factors, substitution, counted),
    )


@dataclass(frozen=True)
class _Part:
    """A batch's part in a product: what it substitutes and the tonnes that count."""

    line: str
    product: str
    avoided: Amount
    tonnes: Amount


def _parts(grain: Grain, factors: MonthFactors) -> Iterator[_Part]:
    booked = grain.inputs.booked
    rows: dict[tuple[str, str, str, str], list[tuple[str, str, float, str]]] = {}
    for ident, line, material, mass, fate, verdict_, origin in zip(
        *(booked[c] for c in ("batch_id", "line", "material", "mass_t", "fate", "verdict",
                              "origin")),
        strict=True,
    ):  # fmt: skip
        key = (str(ident), str(line), product_of(str(material)), str(verdict_))
        rows.setdefault(key, []).append((str(material), str(fate), float(mass), str(origin)))
    for (ident, line, product, verdict_), found in sorted(rows.items()):
        yield _part(grain, factors, (ident, line, product, verdict_), found)
    yield from _without_outputs(grain)


def _part(
    grain: Grain,
    factors: MonthFactors,
    key: tuple[str, str, str, str],
    rows: Sequence[tuple[str, str, float, str]],
) -> _Part:
    ident, line, product, verdict_ = key
    if verdict_ == FAILED:
        null = nothing(1, NULL, flag_bits("mass_balance"))
        return _Part(line, product, null, null)
    chosen = str(grain.setting.get("material_set", "CONS"))
    avoided: list[Term] = []
    tonnes: list[Term] = []
    flags = flag_bits("mass_balance_warn") if verdict_ == WARNED else 0
    for material, fate, mass, origin in rows:
        if fate not in COUNTED_FATES:
            continue
        source = _source("output", f"{ident}/{material}/{fate}", "t", mass, origin)
        tonnes.append(Term(source, np.ones(1)))
        used = pair(chosen, material, fate)
        for sign, name in ((1.0, used.primary), (-1.0, used.recycled)):
            if name:
                one = factors.named(used.kappa, name, scale=sign)
                avoided.append(Term(source, np.array([one.value]), one.factor_ids))
                flags |= one.flags
    return _Part(line, product, _known(grain, avoided, flags), _known(grain, tonnes, 0))


def _known(grain: Grain, terms: Sequence[Term], flags: int) -> Amount:
    return Amount(
        in_order(terms), np.array([MEASURED]), np.array([flags]), (grain.log("output_log"),)
    )


def _without_outputs(grain: Grain) -> Iterator[_Part]:
    """Yield the unknown parts of batches whose products nobody recorded: of every product."""
    batches, known = grain.inputs.batches, set(grain.inputs.outputs["batch_id"].astype(str))
    if grain.setting.get("book_on", "dismantling") == "shipment":
        return  # what has no product cannot be shipped
    null = nothing(1, NULL, flag_bits("mass_balance"))
    for ident, line in zip(batches["batch_id"], batches["line"], strict=True):
        if str(ident) not in known:
            for product in PRODUCTS:
                yield _Part(str(line), product, null, null)


def _sum(parts: Sequence[_Part], reported: bool, *, tonnes: bool = False) -> Amount:
    """Return the sum over batches: zero where production is reported and has none (R12)."""
    if not parts:
        return nothing(1, MEASURED if reported else NULL)
    return total([p.tonnes if tonnes else p.avoided for p in parts], 1)


def _source(kind: str, ref: str, unit: str, quantity: float, origin: str) -> Source:
    zero = np.zeros(1)
    return Source(kind, ref, unit, np.array([quantity]), zero, zero, zero, origin)


def _outputs(grain: Grain) -> dict[tuple[str, str], Amount]:
    """Return every output whatever its fate, t, also of batches that do not close (R20)."""
    if grain.inputs.batches.empty:
        return {(line, product): nothing(1) for line in LINES for product in PRODUCTS}
    rows = grain.inputs.outputs
    terms: dict[tuple[str, str], list[Term]] = {
        (line, product): [] for line in LINES for product in PRODUCTS
    }
    for ident, line, material, mass, fate, origin in zip(
        *(rows[c].tolist() for c in ("batch_id", "line", "material", "mass_t", "fate", "origin")),
        strict=True,
    ):
        source = _source("output", f"{ident}/{material}/{fate}", "t", float(mass), str(origin))
        terms[str(line), product_of(str(material))].append(Term(source, np.ones(1)))
    return {key: _known(grain, found, 0) for key, found in terms.items()}


def _residues(grain: Grain) -> dict[str, Amount]:
    batches = grain.inputs.batches
    if batches.empty:
        return {line: nothing(1) for line in LINES}
    return {
        line: grain.records(rows, "batch", "batch_id", "residue_t", "t", "batch_log")
        for line, rows in grain.inputs.batches_by_line.items()
    }


def _net_factors(
    grain: Grain,
    factors: MonthFactors,
    substitution: Mapping[str, Amount],
    counted: Mapping[str, Amount],
) -> dict[str, Amount]:
    """Return kappa (EF_prim - EF_rec); the weighted mean for silicon steel and plastic (R20)."""
    chosen = str(grain.setting.get("material_set", "CONS"))
    found = {
        product: _factor(factors, SETS[chosen][product])
        for product in PRODUCTS
        if product != "plastic"
    }
    for product in ("silicon_steel", "plastic"):
        tonnes = counted[product]
        if tonnes.quality[0] != NULL and tonnes.values[0] > 0:
            found[product] = quotient(substitution[product], tonnes)
    return {"plastic": nothing(1)} | found


def _factor(factors: MonthFactors, used: Pair) -> Amount:
    """Return kappa EF_prim - kappa EF_rec as an amount whose sources are the factors."""
    terms, flags = [], 0
    for sign, name in ((1.0, used.primary), (-1.0, used.recycled)):
        kappa, ef = factors.named(used.kappa), factors.named(name)
        source = _source("factor", ef.factor_ids[0], "kgCO2e/t", ef.value, "")
        terms.append(Term(source, np.array([sign * kappa.value]), kappa.factor_ids))
        flags |= kappa.flags | ef.flags
    return Amount(tuple(terms), np.array([MEASURED]), np.array([flags]))


def overlaps(amount: Amount, factors: MonthFactors) -> bool:
    """Tell whether a recycled factor already holds collection and sorting (§3 rule 4).

    Parameters
    ----------
    amount
        S of a line.
    factors
        The factor library as the month uses it.

    Returns
    -------
    bool
        True where one of the recycled factors is of a closed-loop pair of DEFRA.
    """
    rows = factors.library.rows
    names = {name for term in amount.terms for name in term.factors}
    return any(
        rows[name].category == "material_recycled" and rows[name].source.startswith("DEFRA")
        for name in names
    )


def reviewed(by_line: Amount, throughput: Amount, material_set: str) -> Amount:
    """Return S flagged ``review_high`` where it is more per tonne than is plausible (§8).

    Parameters
    ----------
    by_line, throughput
        S of a line, kgCO2e, and its mass dismantled, t.
    material_set
        ``CONS`` or ``CN2026``: 8 or 13 t/t.
    """
    known = by_line.quality[0] != NULL and throughput.quality[0] != NULL
    limit = REVIEW_KG_PER_T[material_set]
    if known and by_line.values[0] > limit * throughput.values[0] > 0:
        return by_line.flagged(flag_bits("review_high"))
    return by_line
