"""What each figure is, in one line a verifier can recompute (accounting.md §4, §5, §9)."""

from __future__ import annotations

_FORMULAS = {
    ("electricity", "site"): "E = Eg + Es",
    ("electricity", "building"): "E_office = Σ office meters; E_plant = E − E_office",
    ("electricity", "group"): "Σ meters of the group; other = E − the three groups",
    (
        "electricity",
        "line",
    ): "E_p = E_direct + crane_p + environmental_p + sorting_p; x_p = X·k_p/Σk",
    ("electricity", "equipment"): "Σ (meter − its children)",
    ("grid_electricity", "site"): "Eg = Σ grid meters",
    ("pv_generation", "site"): "Σ PV generation meters",
    ("pv_self_use", "site"): "Es = generation − export",
    ("pv_export", "site"): "Ex = Σ PV export meters",
    ("water", "site"): "V = Σ top-level water meters",
    ("water", "building"): "Σ water meters of the building, else V by headcount",
    ("diesel", "site"): "D = Σ litres used + own trucks",
    ("diesel", "line"): "forklift litres; x_p = X·k_p/Σk",
    ("energy", "site"): "e = (Eg + Es)·0.1229 + V·0.2571 + D·ρ·1.4571",
    ("energy", "medium"): "quantity × standard-coal coefficient",
    ("energy", "building"): "E_b·0.1229 + V_b·0.2571 (+ D·ρ·1.4571 in the plant)",
    ("energy", "group"): "E_g·0.1229 (+ fuel in dismantling, + water in other)",
    ("energy", "line"): "e_p = E_p·0.1229 + D_p·ρ·1.4571",
    ("energy", "equipment"): "quantity × standard-coal coefficient",
    ("energy", "equipment_line"): "X·k_p/Σk × standard-coal coefficient",
    ("emission", "site"): "G = Eg·EF_grid + V·EF_water + D·EF_diesel",
    ("emission", "medium"): "quantity × emission factor",
    ("emission", "building"): "E_b·(1−σ)·EF_grid + V_b·EF_water (+ D·EF_diesel in the plant)",
    ("emission", "group"): "E_g·(1−σ)·EF_grid (+ fuel in dismantling, + water in other)",
    ("emission", "line"): "G_p = E_p·(1−σ)·EF_grid + D_p·EF_diesel; office_etc = G − Σ G_p",
    ("emission", "scope"): "scope1 = fuel; scope2 = grid electricity; scope3 = water",
    ("emission_market_based", "site"): "max(0, Eg − green)·EF_excl + V·EF_water + D·EF_diesel",
    ("energy_per_area", "building"): "e_b / area_b",
    ("emission_per_area", "building"): "G_b / area_b",
    ("throughput", "line"): "Σ mass in",
}


def formula(indicator: str, dimension: str) -> str:
    """Return a figure's formula; every figure has one."""
    return _FORMULAS[indicator, dimension]
