"""Facts of the market and expected results of phases: each with year and source, none lost."""

from __future__ import annotations

import pytest

from data import stated
from data.sales import NotKept
from tests.plant import opened_home


@pytest.fixture
def engine(tmp_path):
    with opened_home(tmp_path / "home") as found:
        yield found


def fact(engine, key="k1", **given):
    values = {"name": "covered", "amount": "7,800.5", "period": "2025", "source": " 部门 公告 "}
    values |= given
    stated.state_fact(engine, **values, author="ana", key=key)


def phase(engine, key="k1", **given):
    values = {"name": "phase2", "year": "2027", "amounts": {"reduction": "30000", "mass": "12000"},
              "source": "可研"} | given  # fmt: skip
    stated.state_phase(engine, "S1", **values, author="ana", key=key)


def records(engine, since):
    return [(r.event, r.outcome) for r in engine.state.audit.records(since)]


def test_a_fact_counts_with_year_and_source_and_the_one_before_stays(engine):
    before = engine.state.audit.head()[0]
    fact(engine)
    fact(engine)  # sent twice
    fact(engine, "k2")  # the same again is no change
    fact(engine, "k3", amount="8100", period="2026-06-30", source="更正")
    newest, first = engine.state.statements.of("")["covered"]
    assert (newest.period, newest.source) == ("2026-06-30", "更正")
    assert stated.amounts_of(newest) == {"tonnes": 8.1e9}
    assert (first.period, first.source, first.author) == ("2025", "部门 公告", "ana")
    assert stated.amounts_of(first) == {"tonnes": 7.8005e9}
    assert records(engine, before) == [("market.fact", "success")] * 2
    *_, said = engine.state.audit.records(before)
    assert "部门 公告" in said.before
    assert "更正" in said.after


def test_a_phase_is_of_its_site_and_what_is_not_stated_is_not_zero(engine):
    phase(engine)
    (found,) = engine.state.statements.of("S1")["phase2"]
    assert stated.amounts_of(found) == {"reduction": 3e7, "revenue": None, "mass": 12000.0}
    assert engine.state.statements.of("S2") == {}
    phase(engine, "k2", amounts={"revenue": "0"})
    newest = engine.state.statements.of("S1")["phase2"][0]
    assert stated.amounts_of(newest) == {"reduction": None, "revenue": 0.0, "mass": None}


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"name": "gap"}, "没有这项"), ({"amount": ""}, "大于 0"), ({"amount": "0"}, "大于 0"),
        ({"name": "traded", "amount": ""}, "请填写数值"), ({"amount": "八十"}, "请填写数值"),
        ({"amount": "-3"}, "不能小于"), ({"amount": "1e9"}, "请填写数值"),
        ({"amount": "999999999"}, "不能大于"), ({"amount": "nan"}, "请填写数值"),
        ({"period": ""}, "2026"), ({"period": "去年"}, "2026"), ({"period": "2026-13-01"}, "2026"),
        ({"source": ""}, "请填写"), ({"source": "x" * 201}, "最多"),
        ({"source": "a\x07"}, "无法显示"),
    ],
)  # fmt: skip
def test_a_fact_that_cannot_be_is_refused_in_words(engine, wrong, word):
    with pytest.raises(NotKept, match=word):
        fact(engine, **wrong)
    assert engine.state.statements.of("") == {}


@pytest.mark.parametrize(
    ("wrong", "word"),
    [
        ({"name": "phase9"}, "没有这个阶段"), ({"year": "2026-07"}, "2026"),
        ({"year": ""}, "2026"), ({"amounts": {}}, "至少"), ({"amounts": {"mass": " "}}, "至少"),
        ({"amounts": {"mass": "x"}}, "请填写数值"), ({"source": " "}, "请填写"),
    ],
)  # fmt: skip
def test_a_phase_that_cannot_be_is_refused_in_words(engine, wrong, word):
    with pytest.raises(NotKept, match=word):
        phase(engine, **wrong)
    assert engine.state.statements.of("S1") == {}
