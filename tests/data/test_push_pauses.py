"""Programs that push and have stopped: told by the pauses they used to make."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from data.connectors.base import Batch, Reading
from data.interfaces import look
from data.link_alarms import follow
from data.posts import OWN
from data.push_pauses import pause
from security.api_keys import WantedKey, add, revoke
from tests.data.arrivals import plant

MONDAY = datetime(2026, 6, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


def pushed(made, moments, site="S1"):
    for at in moments:
        batch = Batch(f"{at}", (Reading("M1", at, Decimal(1)),), backlog=True)
        made.engine.pushes.put(OWN + site, 0, batch, at)


def steady(days, step, start=MONDAY):
    return [start + n * step for n in range(int(timedelta(days=days) / step) + 1)]


def nightly(days):
    return steady(days, timedelta(days=1))


def weekdays():
    """Every quarter of an hour from 9 to 17, Monday to Friday, for two weeks."""
    quarters = steady(13.9, timedelta(minutes=15))
    return [at for at in quarters if at.weekday() < 5 and 9 <= at.hour < 17]


@pytest.mark.parametrize(
    ("moments", "well", "late"),
    [
        (steady(5, timedelta(minutes=15)), 2 * HOUR, 3 * HOUR),
        (nightly(9), 35 * HOUR, 37 * HOUR),
        (weekdays(), 62 * HOUR, 100 * HOUR),
    ],
    ids=["quarters", "nights", "weekdays"],
)
def test_a_pause_is_too_long_by_the_pauses_before_it(tmp_path, moments, well, late):
    with plant(tmp_path) as made:
        pushed(made, moments)
        assert not pause(made.engine.arrivals, "S1", moments[-1] + well).too_long
        found = pause(made.engine.arrivals, "S1", moments[-1] + late)
        assert (found.since, found.too_long) == (moments[-1], True)
        assert pause(made.engine.arrivals, "S1", moments[-1] + timedelta(days=30)).too_long


@pytest.mark.parametrize("moments", [[], steady(2, HOUR), nightly(1)], ids=len)
def test_before_three_days_nobody_can_say(tmp_path, moments):
    with plant(tmp_path) as made:
        pushed(made, moments)
        assert pause(made.engine.arrivals, "S1", MONDAY + timedelta(days=20)) is None


def test_who_stops_pushing_is_an_issue_until_he_goes_on_or_may_not_any_more(tmp_path):
    with plant(tmp_path) as made:
        engine, last = made.engine, MONDAY + timedelta(days=5)
        wanted = WantedKey("gateway", ("ingest:meter",), 90, ("S1",))
        key, _ = add(engine.state, wanted, "sec", MONDAY.replace(tzinfo=None), ["S1"])
        pushed(made, steady(5, HOUR))

        def issues(at):
            look(engine, at, collector_runs=True)
            told = follow(engine, None, at.replace(tzinfo=None))
            return [(one.kind, one.name, one.site) for one in told]

        ours = [("silence", "rest:S1", "S1")]
        assert issues(last + HOUR) == []
        assert issues(last + 3 * HOUR) == ours
        assert issues(last + timedelta(days=12)) == ours
        pushed(made, [last + timedelta(days=13)])
        assert issues(last + timedelta(days=13, minutes=1)) == []
        pushed(made, steady(5, HOUR, last + timedelta(days=14)))
        end = last + timedelta(days=19)
        assert issues(end + timedelta(days=30)) == ours
        revoke(engine.state, key.prefix, "sec", end.replace(tzinfo=None))
        assert issues(end + timedelta(days=31)) == []
