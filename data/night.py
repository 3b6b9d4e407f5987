"""Whether the sun is down: a photovoltaic inverter that sleeps then is not broken (F21)."""

from __future__ import annotations

import math
from datetime import UTC, datetime

DAWN_DEG = 3.0  # below this elevation an inverter may sleep already


def is_night(at: datetime, latitude_deg: float, longitude_deg: float) -> bool:
    """Tell whether the sun stands lower than an inverter needs.

    Parameters
    ----------
    at
        When, with a zone.
    latitude_deg, longitude_deg
        Where, degrees north and east.

    Returns
    -------
    bool
        By Cooper's declination and the hour angle of mean solar time; minutes off at most a
        quarter of an hour, which the margin of 3 degrees covers.

    References
    ----------
    P. I. Cooper, The absorption of radiation in solar stills, Solar Energy 12 (1969).
    """
    utc = at.astimezone(UTC)
    day = utc.timetuple().tm_yday
    declination = math.radians(23.45) * math.sin(2 * math.pi * (284 + day) / 365)
    hours = utc.hour + utc.minute / 60 + utc.second / 3600 + longitude_deg / 15
    angle = math.radians(15 * (hours - 12))
    latitude = math.radians(latitude_deg)
    sine = math.sin(latitude) * math.sin(declination) + math.cos(latitude) * math.cos(
        declination
    ) * math.cos(angle)
    return math.degrees(math.asin(sine)) < DAWN_DEG
