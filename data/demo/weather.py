"""Outdoor temperature and sunshine of the demonstration plant (assumed, Langfang 39.5 N)."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from data.demo.draws import generator

Floats = NDArray[np.float64]
SLOTS = 96
LATITUDE, LONGITUDE, MERIDIAN = np.radians(39.5), 116.7, 120.0
TILT = np.radians(15.0)
CLOUD_MEANS = (0.98, 0.72, 0.34)  # clear, broken, overcast
CLOUD_SPREADS = (0.015, 0.08, 0.04)
PERSISTENCE = 0.8
TURN_ODDS = 0.04
DUST_DAYS = 25
PERFORMANCE = 0.755


def daily_mean_c(seed: int, day: date) -> float:
    """Return a day's mean outdoor temperature, degrees Celsius; weather of three days."""
    phase = 2 * np.pi * (day.timetuple().tm_yday - 200) / 365.25
    noise = sum(
        0.6**lag * generator(seed, "temperature", day - timedelta(days=lag)).normal(0.0, 2.2)
        for lag in range(3)
    )
    return float(11.5 + 15.5 * np.cos(phase) + noise)


def temperatures_c(seed: int, day: date) -> Floats:
    """Return a day's outdoor temperature at each quarter of an hour."""
    hour = (np.arange(SLOTS) + 0.5) / 4
    return daily_mean_c(seed, day) + 4.5 * np.cos(2 * np.pi * (hour - 15.0) / 24)


def clear_sky(day: date) -> Floats:
    """Return irradiance on the tilted roof under a clear sky, W/m2.

    References
    ----------
    Spencer (1971) for the declination; Haurwitz (1945) for the clear sky.
    """
    angle = 2 * np.pi * (day.timetuple().tm_yday - 1) / 365
    declination = (
        0.006918 - 0.399912 * np.cos(angle) + 0.070257 * np.sin(angle)
        - 0.006758 * np.cos(2 * angle) + 0.000907 * np.sin(2 * angle)
    )  # fmt: skip
    hour = (np.arange(SLOTS) + 0.5) / 4 + (LONGITUDE - MERIDIAN) / 15
    turn = np.radians(15 * (hour - 12))
    cosine = np.sin(LATITUDE) * np.sin(declination) + np.cos(LATITUDE) * np.cos(
        declination
    ) * np.cos(turn)
    up = np.maximum(cosine, 1e-3)
    flat = np.where(cosine > 0.02, 1098 * up * np.exp(-0.057 / up), 0.0)
    tilted = np.sin(LATITUDE - TILT) * np.sin(declination) + np.cos(LATITUDE - TILT) * np.cos(
        declination
    ) * np.cos(turn)
    gain = np.clip(np.maximum(tilted, 0.0) / up, 0.0, 1.6)
    return np.asarray(flat * (0.3 + 0.7 * gain))


def sunshine(seed: int, day: date) -> Floats:
    """Return irradiance on the tilted roof with clouds, W/m2: Markov states, AR(1) inside them."""
    draw = generator(seed, "clouds", day)
    summer = 0.5 - 0.5 * np.cos(2 * np.pi * day.timetuple().tm_yday / 365)
    odds = np.array([0.55 - 0.15 * summer, 0.25 + 0.08 * summer, 0.20 + 0.07 * summer])
    state = int(draw.choice(3, p=odds))
    turns, steps = draw.random(SLOTS) < TURN_ODDS, draw.normal(0.0, 1.0, SLOTS)
    clearness, wander = np.empty(SLOTS), 0.0
    for slot in range(SLOTS):
        if turns[slot]:
            state = int(draw.choice(3, p=odds))
        wander = PERSISTENCE * wander + CLOUD_SPREADS[state] * steps[slot]
        clearness[slot] = CLOUD_MEANS[state] + wander
    return clear_sky(day) * np.clip(clearness, 0.05, 1.05)


def soiling(seed: int, day: date) -> float:
    """Return the share of light that gets through the dust since the last rain."""
    wet = 0.16 - 0.12 * np.cos(2 * np.pi * (day.timetuple().tm_yday - 15) / 365)
    dry = 0
    while dry < DUST_DAYS and generator(seed, "rain", day - timedelta(days=dry)).random() > wet:
        dry += 1
    return 1.0 - 0.0015 * dry


def pv_kwh(seed: int, day: date, capacity_kwp: float, age_years: float) -> Floats:
    """Return PV energy of each quarter of an hour, kWh."""
    light = sunshine(seed, day) * soiling(seed, day)
    cell = temperatures_c(seed, day) + 0.028 * light
    heat = 1 - 0.0038 * np.maximum(cell - 25.0, -20.0)
    ageing = (1 - 0.005) ** age_years
    power = capacity_kwp * light / 1000 * PERFORMANCE * heat * ageing
    return np.asarray(np.minimum(power, 0.89 * capacity_kwp) / 4)
