"""What 拆解流程 and 替代情况 read besides the ledger: alarms of lines, shutdowns, hours."""

from math import fsum

import pytest

from callbacks._bind import contents
from callbacks.trace import opened_drawer
from data import queries
from pages import process, substitution
from tests.callbacks.test_screens import numbers, words

SITE, ZONE, MONTH = "demo-langfang", "Asia/Shanghai", "2026-01"


def test_mean_hours_make_the_month(reader):
    book = reader.book((SITE,))
    for role, indicator in (("charger", "charger_energy"), ("pv_generation", "pv_generation")):
        means = queries.hour_means(reader.engine, SITE, ZONE, MONTH, role)
        assert all(0 <= day < 7 and 0 <= hour < 24 for day, hour in means)
        days = [4, 4, 4, 5, 5, 5, 4]  # Mondays to Sundays of January 2026
        made = fsum(days[day] * mean for (day, _), mean in means.items())
        assert made == pytest.approx(book.cell((indicator, "site", "site"), MONTH).value, rel=0.06)


def test_the_sun_shines_by_day_in_local_time(reader):
    means = queries.hour_means(reader.engine, SITE, ZONE, MONTH, "pv_generation")
    assert all(means[day, 12] > 1.0 and means[day, 1] == 0.0 for day in range(7))


def test_no_meter_has_no_hours(reader):
    assert queries.hour_means(reader.engine, SITE, ZONE, "2019-01", "charger") == {}
    assert queries.hour_means(reader.engine, "nobody", ZONE, MONTH, "charger") == {}


def test_power_of_the_chargers_in_service(reader):
    assert queries.charger_power(reader.engine, SITE, MONTH) == 12 * 7 + 2 * 60
    assert queries.charger_power(reader.engine, SITE, "2024-07") == 12 * 7
    assert queries.charger_power(reader.engine, "nobody", MONTH) is None


def test_shutdowns_and_alarms_of_lines(reader):
    months = {one.month for one in queries.shutdowns(reader.engine, (SITE,))}
    assert {"2025-02", "2026-02"} <= months
    found = queries.line_alarms(reader.engine, (SITE,))
    assert set(found) <= {"cable", "conductor", "transformer"}
    assert 0 < sum(found.values()) <= reader.engine.state.incidents.open_count((SITE,))
    assert queries.line_alarms(reader.engine, ("nobody",)) == {}


def test_numbers_made_on_request_say_how_and_list_their_rows(reader):
    seen = 0
    for page in (process.PAGE, substitution.PAGE):
        for _, attributes in numbers(contents(page, reader, "?radar=ratio&pv=day", "zh")):
            if attributes.get("data_rule") != "view" or not attributes["data_value"]:
                continue
            asked = {name.removeprefix("data_"): value for name, value in attributes.items()}
            shown = words(opened_drawer(reader, asked, "zh"))
            assert attributes["data_note"] in shown
            seen += 1
    assert seen > 20
