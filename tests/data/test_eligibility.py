"""A switch of eligibility is a setting: with methodology and evidence, by a second person."""

from __future__ import annotations

import tomllib

import pytest

from data import approvals, eligibility, sales
from data.discounts import discounts
from data.eligibility import Wanted, with_settings
from data.ingest.problems import Refused
from data.ingest.site_file import parse_site
from data.sales import NotKept
from data.settle import settle
from data.sites import documents
from data.state import Original
from tests.data.test_book import made
from tests.data.test_sales import SAID
from tests.plant import opened_home

SITE = '[site]\nid = "hb-1"\nname_zh = "站"\nprovince = "CN-HE"\n'


@pytest.fixture
def engine(tmp_path):
    with opened_home(tmp_path / "home") as found:
        made(tmp_path, found)
        yield found


def ledger(engine, line):
    with engine.store.read() as cursor:
        return dict(cursor.execute(
            "SELECT period, value FROM ledger WHERE current AND grain = 'month' "
            "AND indicator = 'creditable_reduction' AND entity = ?", [line],
        ).fetchall())  # fmt: skip


def reductions(engine, line):
    with engine.store.read() as cursor:
        return dict(cursor.execute(
            "SELECT period, value FROM ledger WHERE current AND grain = 'month' "
            "AND indicator = 'reduction' AND dimension = 'line' AND entity = ?", [line],
        ).fetchall())  # fmt: skip


@pytest.mark.parametrize("missing", ["methodology", "evidence"])
def test_a_file_that_claims_a_methodology_says_which_and_why(missing):
    named = {"methodology": 'methodology_cable = "X-1"\n', "evidence": 'evidence_cable = "3"\n'}
    rest = "".join(words for name, words in named.items() if name != missing)
    with pytest.raises(Refused) as caught:
        parse_site(f"{SITE}[settings]\ncreditable_cable = true\n{rest}", "s.toml", "zh")
    (problem,) = caught.value.problems
    assert problem.column == f"settings.{missing}_cable"
    whole = f"{SITE}[settings]\ncreditable_cable = true\n{''.join(named.values())}"
    assert parse_site(whole, "s.toml", "zh").settings["creditable_cable"] is True


def test_a_switch_is_proposed_accepted_by_another_and_settled(engine):
    number = sales.add_evidence(engine, "S1", SAID, Original(), "ana", "k0")
    wanted = Wanted("S1", "cable", True, " CCER-TEST-V01 ", number)
    made = eligibility.checked(engine, wanted)
    proposal = eligibility.propose(engine, made, "ana")
    found = engine.state.approvals.find(proposal)
    assert (found.kind, found.status) == ("setting", "open")
    assert set(found.body["settings"]) == {"creditable_cable", "methodology_cable",
                                           "evidence_cable"}  # fmt: skip
    before = ledger(engine, "cable")
    settle(engine)
    assert ledger(engine, "cable") == before  # nothing yet: a second person decides
    assert set(before.values()) <= {0.0, None}
    with pytest.raises(approvals.NotApprovable):
        approvals.accept(engine, proposal, "ana")
    approvals.accept(engine, proposal, "bo")
    settle(engine)
    with engine.store.read() as cursor:
        settings = documents(cursor)["S1"].settings
    assert (settings["creditable_cable"], settings["evidence_cable"]) == (True, str(number))
    with pytest.raises(NotKept, match="没有可提交"):
        eligibility.checked(engine, made)

    factors, after = discounts(engine, "S1", {}), ledger(engine, "cable")
    known = {m: r for m, r in reductions(engine, "cable").items() if r is not None}
    assert known
    for month, reduction in known.items():  # the waterfall's CF is the ledger's own
        cf, sure = factors["cable", month]
        assert after[month] == pytest.approx(max(0.0, reduction) / 1000 * cf, rel=1e-12)
        assert cf <= sure <= 0.98

    off = eligibility.checked(engine, Wanted("S1", "cable", False, "x", number))
    assert (off.methodology, off.evidence) == ("", 0)
    approvals.accept(engine, eligibility.propose(engine, off, "ana"), "bo")
    settle(engine)
    assert set(ledger(engine, "cable").values()) <= {0.0, None}


@pytest.mark.parametrize(
    "wrong",
    [
        Wanted("S1", "cable", True, "", 1), Wanted("S1", "cable", True, "X", 9),
        Wanted("S1", "moon", True, "X", 1), Wanted("nowhere", "cable", True, "X", 1),
        Wanted("S1", "cable", False, "", 0),
    ],
)  # fmt: skip
def test_what_cannot_be_proposed(engine, wrong):
    sales.add_evidence(engine, "S1", SAID, Original(), "ana", "k0")
    with pytest.raises(NotKept):
        eligibility.checked(engine, wrong)
    assert engine.state.approvals.all() == []


def test_a_file_keeps_everything_else():
    body = (
        '# 注\n[site]\nid = "a"\n[settings] # ours\ntank_l = 1.0\ncreditable_pv=false\n'
        "[[area]]\nm2 = 1\n"
    )
    made = with_settings(body, {"creditable_pv": True, "methodology_pv": '引"号\\'})
    found = tomllib.loads(made)
    assert found["settings"] == {"tank_l": 1.0, "creditable_pv": True, "methodology_pv": '引"号\\'}
    assert found["area"] == [{"m2": 1}]
    assert "# 注" in made
    assert tomllib.loads(with_settings('[site]\nid = "a"\n', {"creditable_pv": True})) == {
        "site": {"id": "a"}, "settings": {"creditable_pv": True},
    }  # fmt: skip
    with pytest.raises(NotKept):
        with_settings('settings = {tank_l = 1.0}\n[site]\nid = "a"\n', {"creditable_pv": True})
