"""What meters below each other agree on: a parent less its children (accounting.md §2, R9)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum

from accounting.balance import top_level
from accounting.inputs import Meter

OWN, CHILDREN, NOTHING = "own", "children", "nothing"
LOWEST_PCT, HIGHEST_PCT = -2.0, 15.0  # A7: of a site's total, %


@dataclass(frozen=True)
class Balance:
    """A meter against those below it.

    Parameters
    ----------
    own, below
        Quantity of the meter, and the sum of those below it, in the meter's stored unit; None
        where it cannot be known.
    why
        Why there is no difference: the meter's own quantity is unknown (``own``), that of one
        below (``children``); or why it has no percentage: nothing was used (``nothing``).
    lacking
        Which meters' quantities are not known.
    """

    own: float | None
    below: float | None
    why: str = ""
    lacking: tuple[str, ...] = ()

    @property
    def difference(self) -> float | None:
        """The meter less those below it; None where it cannot be known."""
        return None if self.own is None or self.below is None else self.own - self.below

    @property
    def pct(self) -> float | None:
        """The difference of the meter's own quantity, %; None where that is zero or unknown."""
        found = self.difference
        return None if found is None or not self.own else 100.0 * found / self.own


Quantities = Mapping[str, float | None]


def balances(meters: Sequence[Meter], quantities: Quantities) -> dict[str, Balance]:
    """Return the balance of every meter that has others of its medium below it.

    Parameters
    ----------
    meters
        A site's meters.
    quantities
        What each used in the period, in the stored unit of its medium; None or absent where it is
        not known: it is never taken for zero.

    Returns
    -------
    dict
        By meter; direct children only, as R9 counts.
    """
    found = {}
    for meter in meters:
        below = [one.meter_id for one in meters
                 if one.parent_id == meter.meter_id and one.medium == meter.medium]  # fmt: skip
        if below:
            found[meter.meter_id] = _balance([meter.meter_id], (), below, quantities)
    return found


def site_balance(meters: Sequence[Meter], quantities: Quantities) -> Balance | None:
    """Return a site's electricity against its top-level meters, kWh.

    Parameters
    ----------
    meters, quantities
        As for ``balances``.

    Returns
    -------
    Balance or None
        grid + PV - export against the top-level meters; None without a grid meter.

    References
    ----------
    accounting.md §2 (meter balance of the month), R9, §12 A7.
    """

    def of(role: str) -> list[str]:
        return [m.meter_id for m in meters if m.medium == "electricity" and m.role == role]

    if not of("grid_import"):
        return None
    below = [m.meter_id for m in top_level(tuple(meters), "electricity")]
    came = [*of("grid_import"), *of("pv_generation")]
    return _balance(came, of("pv_export"), below, quantities)


def _balance(
    plus: Sequence[str], minus: Sequence[str], below: Sequence[str], quantities: Quantities
) -> Balance:
    def known(names: Sequence[str]) -> float | None:
        values = [quantities.get(name) for name in names]
        return None if None in values else fsum(v for v in values if v is not None)

    lacking = tuple(n for n in (*plus, *minus, *below) if quantities.get(n) is None)
    came, went, sums = known(plus), known(minus), known(below)
    own = None if came is None or went is None else came - went
    why = OWN if own is None else CHILDREN if sums is None else "" if own else NOTHING
    return Balance(own, sums, why, lacking)
