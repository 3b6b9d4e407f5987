"""Programs that push and have stopped: told by the pauses they used to make (7.1, 9.1.1)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from data.posts import OWN
from data.pushes import MICROSECOND, moment
from data.spool_file import SpoolFile
from data.state import ApiKey

SCOPES = frozenset(("ingest:meter", "admin"))
LOOKED_BACK = timedelta(days=8)  # a weekend lies in them
STEP = timedelta(hours=1)  # pauses are told apart to an hour
SHORTEST = timedelta(hours=2)
LEAST_STEPS, LEAST_SPAN = 3, timedelta(days=3)
BEYOND = 1.5

# The arrivals that begin an hour each: one look into the index for every hour, however many came.
_STEPS = """
WITH RECURSIVE last(at) AS (SELECT max(received_us) FROM pushed WHERE interface = ?1),
step(at) AS (
    SELECT min(received_us) FROM pushed
    WHERE interface = ?1 AND received_us >= (SELECT at FROM last) - ?2
    UNION ALL
    SELECT (SELECT min(received_us) FROM pushed
            WHERE interface = ?1 AND received_us >= step.at + ?3)
    FROM step WHERE step.at IS NOT NULL)
SELECT at FROM step WHERE at IS NOT NULL UNION SELECT at FROM last WHERE at IS NOT NULL ORDER BY at
"""


@dataclass(frozen=True)
class Pause:
    """Since when nothing was pushed (UTC), and whether that is longer than it ever was."""

    since: datetime
    too_long: bool


def pushing(file: SpoolFile, keys: Sequence[ApiKey], at: datetime) -> dict[str, bool]:
    """Return the sites whose readings were pushed, each with whether somebody still may push.

    Parameters
    ----------
    file
        The spool.
    keys
        Every key of the API.
    at
        Now, UTC.
    """
    rows = file.select(
        "SELECT DISTINCT interface FROM last_value WHERE interface >= ? AND interface < ?",
        OWN, OWN[:-1] + chr(ord(OWN[-1]) + 1),
    )  # fmt: skip
    now = at.replace(tzinfo=None)
    able = [key for key in keys if SCOPES & set(key.scopes) and key.revoked_at is None
            and key.expires_at > now]  # fmt: skip
    return {
        site: any(not key.sites or site in key.sites for key in able)
        for site in (name.removeprefix(OWN) for (name,) in rows)
    }


def pause(file: SpoolFile, site: str, at: datetime) -> Pause | None:
    """Return the present pause of who pushes a site's readings; None where nobody can judge it.

    It is too long if it exceeds two hours and one and a half times the longest pause of the eight
    days before it. Three days of pushes must be known, or it is shorter than two hours.

    Parameters
    ----------
    file
        The spool.
    site
        Whose readings.
    at
        Now, UTC.
    """
    found = file.select(_STEPS, OWN + site, LOOKED_BACK // MICROSECOND, STEP // MICROSECOND)
    steps = [moment(one) for (one,) in found]
    if steps and at - steps[-1] <= SHORTEST:
        return Pause(steps[-1], too_long=False)
    if len(steps) < LEAST_STEPS or steps[-1] - steps[0] < LEAST_SPAN:
        return None
    longest = max(after - before for before, after in zip(steps, steps[1:], strict=False))
    return Pause(steps[-1], at - steps[-1] > BEYOND * longest)
