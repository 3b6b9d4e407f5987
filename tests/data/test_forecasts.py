"""Trades as series, and forecasts kept with the data they were made of."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import date

import numpy as np
import pandas as pd
import pytest

from accounting.forecast.run import SEED, Inputs, Series, SiteInputs, run
from data import forecasts
from data.ingest.load import Options, import_file
from data.ingest.problems import Refused
from data.prices import by_month, by_week, friday, model_weeks, take_shipped, trades
from data.settle import settle
from tests.plant import opened_home, write_csv

COLUMNS = ("date", "instrument", "volume_t", "turnover_cny", "source")


@pytest.fixture
def engine(tmp_path):
    with opened_home(tmp_path / "home") as found:
        yield found


def put(engine, tmp_path, rows, columns=COLUMNS, **options):
    path = write_csv(tmp_path / f"prices-{len(list(tmp_path.iterdir()))}.csv", columns, rows)
    return import_file(engine, "prices", path, Options(**options))


def weeks_of(engine):
    with engine.store.read() as cursor:
        return by_week(trades(cursor, "CCER"))


def day(number, volume=5000, price=80.0, source="x"):
    return (f"2026-03-{number:02d}", "CCER", volume, volume * price, source)


def test_a_week_ends_on_friday():
    assert [friday(date(2026, 3, d)) for d in (2, 6, 7)] == [
        date(2026, 3, 6), date(2026, 3, 6), date(2026, 3, 13),
    ]  # fmt: skip


def test_a_week_is_weighted_by_volume_and_a_day_without_trade_is_no_price(engine, tmp_path):
    put(engine, tmp_path, [day(2, 1000, 80), day(3, 3000, 100), day(4, 0, 0)])
    (week,) = weeks_of(engine).to_dict("records")
    assert week == {"week": "2026-03-06", "volume_t": 4000.0, "price_cny_per_t": 95.0,
                    "thin": False}  # fmt: skip


def test_a_thin_week_and_a_hole_are_gaps_of_the_model(engine, tmp_path):
    put(engine, tmp_path, [day(2), day(10, 500), day(24)])
    weeks = weeks_of(engine)
    assert weeks["week"].tolist() == ["2026-03-06", "2026-03-13", "2026-03-20", "2026-03-27"]
    assert np.isnan(weeks["volume_t"][2])
    assert weeks["thin"].tolist() == [False, True, True, False]
    assert model_weeks(weeks)[1] == (80.0, None, None, 80.0)


def test_a_long_rest_begins_a_new_series():
    days = ["2026-01-02", "2026-05-01", "2026-05-08"]
    rows = pd.DataFrame({"date": pd.to_datetime(days), "volume_t": 5000.0, "turnover_cny": 4e5})
    assert model_weeks(by_week(rows))[0] == ("2026-05-01", "2026-05-08")


def test_the_shipped_weeks_come_once_and_days_take_their_place(engine, tmp_path):
    assert take_shipped(engine).new_rows == len(weeks_of(engine).dropna())
    assert take_shipped(engine) is None
    before = weeks_of(engine).set_index("week")["volume_t"]
    put(engine, tmp_path, [("2026-03-03", "CCER", 5000, 400_000, "日行情")])
    after = weeks_of(engine).set_index("week")["volume_t"]
    assert after["2026-03-06"] == 5000.0
    assert after.drop("2026-03-06").equals(before.drop("2026-03-06"))


def test_who_has_prices_gets_none_mixed_in(engine, tmp_path):
    put(engine, tmp_path, [day(2)])
    assert take_shipped(engine) is None


def market_days(real):
    """The market's days as rows of an import file."""
    found = pd.read_csv(real / "cn_ccer_daily" / "ccer_daily.csv")
    return [(r.date, "CCER", r.volume_t, r.turnover_cny, "交易所") for r in found.itertuples()]


@pytest.mark.parametrize("last", [20, pytest.param(None, marks=pytest.mark.larger)])
def test_the_markets_days_twice_and_then_day_by_day(real, engine, tmp_path, last):
    wanted = market_days(real)
    assert put(engine, tmp_path, wanted).new_rows == len(wanted)
    assert put(engine, tmp_path, wanted).new_rows == 0
    version = forecasts.digest_of(forecasts.inputs_of(engine))
    for row in wanted[-(last or len(wanted)) :]:
        assert put(engine, tmp_path, [row]).new_rows == 0
    with engine.store.read() as cursor:
        found = trades(cursor, "CCER")
    assert not found["date"].duplicated().any()
    assert len(found) == len(wanted)
    years = found.groupby(found["date"].dt.year)[["volume_t", "turnover_cny"]].sum()
    assert years.loc[2025, "volume_t"] == 8_844_114
    assert years.loc[2025, "turnover_cny"] == pytest.approx(625_801_436.80, abs=0.005)
    for year, of_year in years.iterrows():
        rows = [row for row in wanted if row[0][:4] == str(year)]
        assert of_year["volume_t"] == sum(row[2] for row in rows)
        assert of_year["turnover_cny"] == pytest.approx(sum(row[3] for row in rows), abs=0.005)
    assert weeks_of(engine)["volume_t"].sum() == sum(row[2] for row in wanted)
    assert forecasts.digest_of(forecasts.inputs_of(engine)) == version


@pytest.mark.larger
def test_days_that_come_one_by_one_give_the_forecast_of_the_whole_file(real, engine, tmp_path):
    wanted = market_days(real)
    for row in wanted:
        assert put(engine, tmp_path, [row]).new_rows == 1
    forecasts.refresh(engine, run)
    with opened_home(tmp_path / "other") as other:
        put(other, tmp_path, wanted)
        forecasts.refresh(other, run)
        assert forecasts.document(other) == forecasts.document(engine)
        assert forecasts.newest(other).inputs == forecasts.newest(engine).inputs


def test_the_markets_days_give_the_same_forecast_twice_and_say_how_sure(
    real, engine, tmp_path, capsys
):
    put(engine, tmp_path, market_days(real))
    inputs_ = forecasts.inputs_of(engine)
    assert run(inputs_) == run(inputs_)
    forecasts.refresh(engine, run)
    first = forecasts.document(engine)
    assert [r["model"] for r in first["forecasts"]] == ["naive"] * 13
    assert forecasts.newest(engine).reasons["ccer_price//cn"] == "reference"
    (best,) = [row for row in first["backtests"] if row["champion"]]
    assert 0.70 <= best["coverage80"] <= 0.90
    with capsys.disabled():
        share, count = 100 * best["coverage80"], best["intervals"]
        print(f"\nCCER weeks: 80 % interval covered {share:.1f} % (n={count})")


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        (day(20, 5000, 160.0), "成交额"), (day(20, 5000, 40.0), "成交额"),
        (("2126-01-02", "CCER", 5000, 400_000, "x"), "还没有到"),
        (("2026-03-20", "CCER", -5, 400, "x"), "volume_t"),
    ],
)  # fmt: skip
def test_what_cannot_have_traded_is_refused(engine, tmp_path, wrong, word):
    usual = [day(d) for d in (2, 3, 4, 5, 6, 9)]
    with pytest.raises(Refused) as refused:
        put(engine, tmp_path, [*usual, wrong])
    said = " ".join(problem.line("zh") for problem in refused.value.problems)
    assert word in said
    assert "8" in said  # the row
    assert weeks_of(engine).empty


def test_a_file_whose_every_amount_is_doubled_does_not_vouch_for_itself(engine, tmp_path):
    take_shipped(engine)
    days = [f"2026-08-{d:02d}" for d in (3, 4, 5, 6, 7, 10, 11, 12)]
    for price in (184.0, 46.0):
        with pytest.raises(Refused) as refused:
            put(engine, tmp_path, [(day, "CCER", 5000, 5000 * price, "x") for day in days])
        assert len(refused.value.problems) == len(days)
    assert put(engine, tmp_path, [(day, "CCER", 5000, 460_000, "x") for day in days]).new_rows == 8


def test_the_markets_days_pass_beside_the_shipped_weeks(real, engine, tmp_path):
    take_shipped(engine)
    done = put(engine, tmp_path, market_days(real))
    assert done.new_rows + done.corrections == 343


def test_a_closing_price_confirms_a_jump(engine, tmp_path):
    usual = [(*day(d)[:4], 80, "x") for d in (2, 3, 4, 5, 6, 9)]
    jumped = ("2026-03-20", "CCER", 5000, 800_000, 160, "x")
    columns = ("date", "instrument", "volume_t", "turnover_cny", "close_cny", "source")
    assert put(engine, tmp_path, [*usual, jumped], columns).new_rows == 7


def test_the_ledger_counts_a_week_or_its_days_never_both(engine, tmp_path):
    take_shipped(engine)
    settle(engine)
    rows = [(f"2026-03-{d:02d}", "CCER", 2000, 160_000, "日行情") for d in range(2, 7)]
    put(engine, tmp_path, rows)
    settle(engine)
    with engine.store.read() as cursor:
        found = cursor.execute(
            "SELECT period, value FROM ledger WHERE current AND indicator = 'ccer_volume' "
            "AND grain = 'day' AND period BETWEEN '2026-03-01' AND '2026-03-08' ORDER BY period"
        ).fetchall()
    assert found == [(f"2026-03-{d:02d}", 2000.0) for d in range(2, 7)]


def inputs(months=40, weeks=60):
    draw = np.random.default_rng(5)
    labels = [str(p) for p in pd.period_range("2023-01", periods=months, freq="M")]
    fridays = [f"{d:%Y-%m-%d}" for d in pd.date_range("2025-03-07", periods=weeks, freq="7D")]
    return Inputs(
        ccer=Series(tuple(fridays), tuple(80 * np.exp(np.cumsum(draw.normal(0, 0.03, weeks))))),
        sites={"S1": SiteInputs(
            reductions={line: Series(tuple(labels), tuple(level * draw.normal(1, 0.1, months)))
                        for line, level in (("cable", 2e5), ("conductor", 1e6))},
            per_tonne={"cable": 1200.0, "conductor": 7000.0},
            plan_t={"cable": {2027: 1000.0}},
            uncertainty_pct={"cable": 20.0},
        )},
    )  # fmt: skip


def test_another_method_makes_another_run_of_the_same_data(engine, monkeypatch):
    take_shipped(engine)
    monkeypatch.setattr(forecasts, "METHOD", forecasts.METHOD - 1)  # kept by an earlier build
    forecasts.refresh(engine, run)
    assert not forecasts.due(engine)
    monkeypatch.undo()
    assert forecasts.due(engine)
    assert forecasts.refresh(engine, run).run == 2


def test_a_run_gives_every_series_its_rows():
    found = run(inputs())
    kinds = {(r["series"], r["entity"], r["grain"], r["kind"]) for r in found.forecasts}
    assert ("ccer_price", "cn", "week", "forecast") in kinds
    assert ("reduction", "site", "month", "forecast") in kinds
    assert {kind for series, _, _, kind in kinds if series == "revenue"} == {"scenario"}
    planned = [r for r in found.forecasts if (r["entity"], r["target"]) == ("cable", "2027")]
    assert [(r["p50"], r["lo95"], r["hi95"], r["model"]) for r in planned] == [
        (1_200_000.0, 960_000.0, 1_440_000.0, "plan")
    ]
    years = [r["target"] for r in found.forecasts if (r["entity"], r["grain"]) == ("site", "year")]
    assert years == ["2026", "2027", "2028", "2029", "2030"]


def test_a_line_that_was_never_tested_gives_no_band_to_any_sum():
    found = run(inputs(months=24)).forecasts
    of = [r for r in found if r["site"] == "S1" and r["model"] in ("sum of lines", "joint paths")]
    assert {r["series"] for r in of} == {"reduction", "revenue"}
    for row in of:
        assert row["p50"] is not None
        assert all(row[name] is None for name in ("lo95", "lo80", "lo50", "hi50", "hi80", "hi95"))


def test_the_running_year_holds_what_is_known_of_it():
    known = inputs()
    cable = known.sites["S1"].reductions["cable"]
    so_far = sum(v for m, v in zip(cable.labels, cable.values, strict=True) if m[:4] == "2026")
    wanted = ("reduction", "cable", "2026")
    (row,) = [r for r in run(known).forecasts if (r["series"], r["entity"], r["target"]) == wanted]
    assert row["kind"] == "forecast"
    assert so_far < row["lo95"] < row["p50"] < row["hi95"]


def test_the_same_input_gives_the_same_rows_and_without_a_price_no_money():
    assert run(inputs()) == run(inputs())
    priceless = run(replace(inputs(), ccer=Series()))
    assert not [r for r in priceless.forecasts if r["series"] in ("revenue", "ccer_price")]
    assert priceless.reasons["revenue", "S1", "site"] == "no_price"


def test_ten_rows_of_history_are_no_forecast(engine, tmp_path):
    put(engine, tmp_path, [day(d) for d in (2, 3, 4, 5, 6, 9, 10, 11, 12, 13)])
    made = forecasts.refresh(engine, run)
    assert made.reasons["ccer_price//cn"] == "short"
    assert forecasts.forecasts(engine).empty


def test_a_run_is_kept_with_seed_and_data_version_and_not_repeated(engine):
    take_shipped(engine)
    made = forecasts.refresh(engine, run)
    assert (made.run, made.seed) == (1, SEED)
    assert forecasts.refresh(engine, run) is None
    assert forecasts.newest(engine) == made
    found = forecasts.document(engine)
    json.dumps(found, allow_nan=False)
    first = found["forecasts"][0]
    assert (first["series"], first["grain"], first["kind"]) == ("ccer_price", "week", "forecast")
    assert first["lo95"] <= first["lo80"] <= first["lo50"] <= first["p50"] <= first["hi50"]
    assert [b["champion"] for b in found["backtests"]].count(True) == 1


def test_months_of_another_instrument(engine, tmp_path):
    put(
        engine,
        tmp_path,
        [("2026-03-02", "CEA", 10, 900, "x"), ("2026-05-04", "CEA", 30, 3000, "x")],
    )
    with engine.store.read() as cursor:
        months = by_month(trades(cursor, "CEA"))
    assert months["month"].tolist() == ["2026-03", "2026-04", "2026-05"]
    assert months["price_cny_per_t"].tolist()[::2] == [90.0, 100.0]
    assert np.isnan(months["price_cny_per_t"][1])
