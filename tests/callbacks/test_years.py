"""A year that runs on the pages: its estimate opens, its base-year index is of the chosen view."""

import pytest

from callbacks._bind import contents
from callbacks.trace import opened_drawer
from data import queries
from pages import emission, overview
from tests.callbacks.test_screens import numbers, words

RUNNING = "?from=2025-01&to=2026-03&grain=year"


def opened(reader, attributes):
    asked = {name.removeprefix("data_"): value for name, value in attributes.items()}
    return words(opened_drawer(reader, asked, "zh"))


def test_only_the_first_and_the_running_month_are_not_whole(reader):
    (site,) = reader.sites().values()
    found = queries.partial_days(reader.engine, site.site, site.zone)
    assert set(found) == {"2026-03"}
    assert found["2026-03"] == pytest.approx(18.0, abs=1.0)


@pytest.mark.parametrize("page", [overview.PAGE, emission.PAGE], ids=lambda page: page.key)
@pytest.mark.parametrize("view", ["", "&view=footprint"])
def test_the_estimate_of_the_running_year_opens_with_its_days(reader, page, view):
    sent = contents(page, reader, RUNNING + view, "zh")
    assert "error" not in sent["states"]
    assert "2026年1～3月" in words(sent["words"])
    noted = [a for _, a in numbers(sent["words"]) if a.get("data_note", "").startswith("年化 = ")]
    assert noted
    assert "data_figure" not in noted[0]
    assert len(noted[0]["data_figures"].split()) == 3
    said = opened(reader, noted[0])
    assert "天 × 365 天" in said
    assert ("口径：" in said) == bool(view)


def test_the_index_of_a_view_is_of_the_views_base_year(reader):
    for view in ("", "&view=market-based"):
        search = f"?from=2025-01&to=2025-12&grain=year{view}"
        sent = contents(overview.PAGE, reader, search, "zh")
        assert "基准年 2025 = 100 → 100.0" in words(sent["words"])


def test_the_share_of_a_budget_opens_with_its_denominator_and_unit(reader):
    sent = contents(emission.PAGE, reader, "?to=2026-02&from=2025-03", "zh")
    used = next(a for _, a in numbers(sent["words"]) if "÷" in a.get("data_note", ""))
    said = opened(reader, used)
    assert used["data_unit"] == "%"
    assert used["data_note"] in said
    assert "MWh × 100%，2026 年" in said or "m³ × 100%，2026 年" in said
