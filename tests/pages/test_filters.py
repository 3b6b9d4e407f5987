"""The address is a public input: whatever it says, the filters are ones that exist."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from figures.view import shifted, spans
from pages._filters import Known, address, parse, presets

VIEWS = (("CN2026", "材料因子集"), ("footprint", "产品碳足迹"))
KNOWN = Known(("A", "B"), "2023-11", "2026-11", ("2025-11", "2026-10"), ("A",), VIEWS)


@given(st.text(max_size=200))
def test_any_address_gives_filters_that_exist(text):
    found = parse("?" + text, KNOWN)
    assert set(found.sites) <= {"A", "B"}
    assert found.sites
    assert KNOWN.first <= found.first <= found.last <= KNOWN.last
    assert found.grain in ("month", "quarter", "year")


@given(
    st.sampled_from(["", "A,B", "B", "Z"]),
    st.sampled_from(["2024-01", "2026-13", "x", "2025-07"]),
    st.sampled_from(["2025-12", "2027-01", "2023-01"]),
    st.sampled_from(["month", "quarter", "year", "day", "'"]),
    st.sampled_from(["t", "kg", "lb"]),
    st.sampled_from(["", "CN2026", "cn2026", "footprint", "x"]),
)
def test_an_address_written_again_says_the_same(site, first, last, grain, mass, view):
    query = f"?site={site}&from={first}&to={last}&grain={grain}&mass={mass}&view={view}"
    found = parse(query, KNOWN)
    assert parse(address(found, KNOWN), KNOWN) == found


@pytest.mark.parametrize(
    ("asked", "shown"),
    [
        (("2019-01", "2019-12"), ("2025-11", "2026-10")),
        (("2023-01", "2025-12"), ("2023-11", "2025-12")),
        (("2024-01", "2025-12"), None),
    ],
)
def test_months_that_are_not_shown_are_told(asked, shown):
    found = parse("?from={}&to={}".format(*asked), KNOWN)
    assert (found.first, found.last) == (shown or asked)
    assert found.asked == (asked if shown else None)
    assert parse(address(found, KNOWN), KNOWN).asked is None


def test_an_unknown_view_is_the_ledgers_own():
    assert parse("?view=CN2026", KNOWN).view == "CN2026"
    assert parse("?view=cn2026", KNOWN).view == ""
    assert address(parse("?view=CN2026", KNOWN), KNOWN) == "?view=CN2026"
    assert parse("?view=CN2026", KNOWN).key() != parse("", KNOWN).key()


def test_defaults_stay_out_of_the_address():
    assert address(parse("", KNOWN), KNOWN) == "?"


def test_a_demo_site_is_left_out_beside_a_real_one():
    assert parse("", KNOWN).sites == ("A",)


def test_presets_lie_within_what_is_known():
    for _, first, last in presets(KNOWN):
        assert KNOWN.first <= first <= last <= KNOWN.last


@pytest.mark.parametrize(
    ("grain", "labels"),
    [
        ("month", ("2025-11", "2025-12", "2026-01", "2026-02", "2026-03", "2026-04")),
        ("quarter", ("2026-Q1",)),
        ("year", ()),
    ],
)
def test_only_whole_periods_are_on_the_axis(grain, labels):
    assert tuple(s.label for s in spans("2025-11", "2026-04", grain)) == labels


def test_months_move_over_the_year():
    assert shifted("2026-01", -1) == "2025-12"
    assert shifted("2025-12", 13) == "2027-01"
