"""A forecast, three months later: what was said stands beside what came."""

from __future__ import annotations

from math import sin

import pandas as pd
import pytest

from accounting.forecast.run import run
from callbacks._bind import contents
from callbacks._reader import PageReader
from callbacks.trace import opened_drawer
from data import forecasts
from figures.view import shifted
from pages import market, overview
from tests.callbacks.test_screens import words
from tests.data.test_book import BATCH, METERS, OUTPUT
from tests.plant import Plant, moment, opened_home, series

FUEL = ("fuel_id", "site", "timestamp", "litres", "kind", "consumer")
PRICE = ("date", "instrument", "volume_t", "turnover_cny", "source")
FIRST, LAST = "2024-01", "2026-03"
MONTHS = [shifted(FIRST, at) for at in range(30)]
ARRIVE = MONTHS[-3:]
FRIDAYS = pd.date_range("2025-08-01", "2026-06-26", freq="7D")


def tonnes(at):
    return 40 + 6 * sin(at) + 0.4 * at


def put(plant, months):
    """Take in a cable batch and an hourly meter of some months."""
    rows = [(f"B{m}", "S1", f"{m}-10", "cable", tonnes(MONTHS.index(m))) for m in months]
    plant.put("batches", BATCH, rows)
    plant.put("outputs", OUTPUT, [(row[0], "copper", 0.99 * row[4]) for row in rows])
    plant.put(
        "fuel", FUEL, [(f"F{m}", "S1", f"{m}-05 08:00", 120, "use", "forklift") for m in months]
    )
    begin, end = (moment(f"{m}-01 00:00") for m in (months[0], shifted(months[-1], 1)))
    weeks = [at for at in FRIDAYS if months[0] <= f"{at:%Y-%m}" <= months[-1]]
    plant.put("prices", PRICE, [
        (f"{at:%Y-%m-%d}", "CCER", 5000, 5000 * (80 + at.day), "x") for at in weeks
    ])  # fmt: skip
    gone = (begin - moment(f"{FIRST}-01 00:00")).total_seconds() / 3600
    for ident, step in (("G", 30.0), ("L", 8.0)):
        plant.readings(series(ident, begin, end, 60, step * gone, step))


@pytest.fixture(scope="module")
def later(tmp_path_factory):
    """The reader of a site whose forecast of March has seen three months come."""
    folder = tmp_path_factory.mktemp("came")
    with opened_home(folder / "home") as engine:
        plant = Plant(folder, engine)
        plant.meters(*METERS[:2])
        put(plant, MONTHS[:-3])
        plant.settle()
        assert forecasts.refresh(engine, run).run == 1
        assert forecasts.came(engine).empty
        put(plant, ARRIVE)
        plant.settle()
        assert forecasts.refresh(engine, run).run == 2
        yield PageReader(engine)


def first_said(reader):
    """What the first run said of the months that came, by month."""
    rows = forecasts.forecasts(reader.engine, 1)
    rows = rows[(rows["series"] == "reduction") & (rows["entity"] == "site")]
    rows = rows[rows["target"].isin(ARRIVE)]
    return {row["target"]: row for row in rows.to_dict("records")}


def actual(reader, month):
    return reader.book(("S1",)).cell(("reduction", "site", "site"), month).value


def test_what_came_is_held_against_the_forecast_made_before_it(later):
    said = first_said(later)
    assert sorted(said) == ARRIVE
    assert {row["origin"] for row in said.values()} == {LAST}
    error = 100 * (actual(later, ARRIVE[-1]) / said[ARRIVE[-1]]["p50"] - 1)
    inside = sum(row["lo80"] <= actual(later, m) <= row["hi80"] for m, row in said.items())
    sentence = (
        f"{ARRIVE[-1]} 减排量偏差 {'▲' if error > 0 else '▼'} {abs(error):.1f}%，"
        f"3 个月中 {inside} 个落在 80% 区间内"
    )
    found = contents(market.PAGE, later, "", "zh")
    at = [one.key for one in market.PAGE.panels].index("months")
    assert sentence in words(found["words"][at])
    assert "3 months" in words(contents(market.PAGE, later, "", "en")["words"][at])
    drawn = {p.key: p for p in market.PAGE.panels}["months"].made(view_of(later))
    (marks,) = [s for s in drawn.sheet.groups[0].series if s.name == "上次预测"]
    shown = dict(zip(drawn.sheet.labels, marks.cells, strict=True))
    for month, row in said.items():
        assert (shown[month].forecast, shown[month].value) == (row["forecast_id"], row["p50"])


def view_of(reader):
    from pages._filters import parse

    return reader.view("market", parse("", reader.known()), "zh")


def test_the_drawer_has_forecast_actual_and_error_of_every_month(later):
    said = first_said(later)
    for ident in (said[ARRIVE[0]]["forecast_id"], newest(later)):
        shown = words(opened_drawer(later, {"forecast": ident}, "zh"))
        assert "上次预测对实际" in shown
        for month, row in said.items():
            error = 100 * (actual(later, month) / row["p50"] - 1)
            assert f"{error:+.1f}%".replace("-", "\u2212") in shown, month
    shown = words(opened_drawer(later, {"forecast": newest(later)}, "en"))
    assert "Last forecast against what came" in shown


def test_weeks_of_the_price_are_held_against_their_forecast_too(later):
    rows = forecasts.forecasts(later.engine, 1)
    weeks = rows[rows["series"] == "ccer_price"]
    found = contents(market.PAGE, later, "", "zh")
    at = [one.key for one in market.PAGE.panels].index("trading")
    shown = words(found["words"][at])
    assert "上次预测对实际" in shown
    drawer = words(opened_drawer(later, {"forecast": weeks.iloc[0]["forecast_id"]}, "zh"))
    for row in weeks.to_dict("records"):
        actual_ = 80 + int(row["target"][-2:])
        error = f"{100 * (actual_ / row['p50'] - 1):+.1f}%".replace("-", "\u2212")
        assert error in shown, row["target"]
        assert error in drawer, row["target"]


def newest(reader):
    rows = forecasts.forecasts(reader.engine)
    rows = rows[(rows["series"] == "reduction") & (rows["entity"] == "site")]
    return rows.iloc[0]["forecast_id"]


def test_before_anything_came_it_says_so(reader):
    """Of the demonstration plant there is one run only."""
    rows = forecasts.forecasts(reader.engine)
    for series_ in ("reduction", "revenue", "ccer_price"):
        found = rows[rows["series"] == series_]
        if len(found):
            asked = {"forecast": found.iloc[0]["forecast_id"]}
            assert "尚无已到期的预测" in words(opened_drawer(reader, asked, "zh"))
    at = [one.key for one in overview.PAGE.panels].index("revenue-forecast")
    assert "尚无已到期的预测" in words(contents(overview.PAGE, reader, "", "zh")["words"][at])
