"""Whether more of an indicator is good or bad: what targets and the colours of changes go by."""

from __future__ import annotations

_BAD = ("emission", "energy", "electricity", "grid_electricity", "water", "diesel",
        "lifecycle_emission", "heat_pump_electricity")  # fmt: skip
_GOOD = ("substitution", "reduction", "product_substitution", "creditable_reduction", "pv_",
         "heat_pump_saved", "charger_energy", "nev_share")  # fmt: skip


def sign(indicator: str) -> int:
    """Return 1 where more of an indicator is good, -1 where it is bad, 0 where neither."""
    if indicator.startswith(_GOOD):
        return 1
    return -1 if indicator.startswith(_BAD) else 0
