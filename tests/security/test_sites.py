"""Sites by account: another site's figures, months and proposals are not there (row 25)."""

from __future__ import annotations

import gc
import json

import pytest

from callbacks import _scope
from data.state import NewAccount, NewProposal, now
from security import passwords, web
from tests.plant import Plant, meter, moment, opened_home, series
from tests.security.doors import HERE, Client, asked, granted, rows, send, whole

KEY = "act-step-said"


@pytest.fixture(scope="module")
def two(tmp_path_factory):
    """Two real sites, an account of the first and one of both."""
    folder = tmp_path_factory.mktemp("two")
    home = folder / "home"
    with opened_home(home) as engine:
        for number, site in enumerate(("S1", "S2")):
            plant = Plant(folder, engine, site=site)
            plant.meters(meter(f"G{number}", role="grid_import", register_max=10**6))
            end = moment("2026-03-01 00:00")
            plant.readings(series(f"G{number}", moment("2026-01-01 00:00"), end))
        plant.settle()
    with whole(home) as server:
        state = server.extensions["carbon"][0].state
        for name, sites in (("one", '["S1"]'), ("all", "")):
            new = NewAccount(name, name, "analyst", passwords.hashed("x", 1), sites=sites)
            state.accounts.add([new], now())
        yield server
    gc.unfreeze()


@pytest.fixture(autouse=True)
def _fresh_counts(two):
    """No test's refusals use up what is recorded of another's."""
    signals = web.door(two).signals
    signals._counted.clear()
    signals._recorded.clear()


def client(server, name):
    found = server.test_client()
    sessions, state = web.door(server).sessions, web.door(server).state
    found.set_cookie("sid", sessions.open(state.accounts.find(name).account, HERE))
    assert isinstance(found, Client)
    return found


def figures(server, site):
    with server.extensions["carbon"][0].store.read() as cursor:
        sql = "SELECT figure_id FROM ledger WHERE current AND site = ? AND grain = 'month'"
        return {row[0] for row in cursor.execute(sql, [site]).fetchall()}


def callbacks(found):
    listed = found.get("/_dash-dependencies").json
    return {e["output"]: e for e in listed if not e["clientside_function"]}


def shown(found, entry, search="", **more):
    body = asked(entry, {"search": search, **more})
    return send(found, body)


ADDRESSES = ("?site=S2", "?site=S1,S2", "?site=S2&site=S1")


@pytest.mark.parametrize("search", ["", *ADDRESSES])
def test_no_page_shows_a_figure_of_another_site(two, search):
    mine, other = client(two, "one"), figures(two, "S2")
    own, seen = figures(two, "S1"), set()
    for output, entry in callbacks(mine).items():
        if '"part":"act-' in output or '"users"' in output:
            continue
        text = shown(mine, entry, search).text
        assert not [one for one in other if one in text], output[:60]
        seen |= {one for one in own if one in text}
    assert seen


def test_without_the_scope_every_page_shows_it(two, monkeypatch):
    monkeypatch.setattr(_scope, "scope", lambda: None)
    monkeypatch.setattr("callbacks._reader.scope", lambda: None)
    monkeypatch.setattr("callbacks._bind.scope", lambda: None)
    mine, other = client(two, "one"), figures(two, "S2")
    texts = [shown(mine, e, "?site=S2").text for o, e in callbacks(mine).items()
             if '"part":"act-' not in o and '"users"' not in o]  # fmt: skip
    assert any(one in text for text in texts for one in other)


def test_who_sees_all_sites_sees_both(two):
    whole_, other = client(two, "all"), figures(two, "S2")
    texts = [shown(whole_, e, "?site=S2").text for o, e in callbacks(whole_).items()
             if '"part":"act-' not in o and '"users"' not in o]  # fmt: skip
    assert any(one in text for text in texts for one in other)


def denied(server):
    home = server.extensions["carbon"][0].home
    found = rows(home, "SELECT object FROM audit WHERE event = 'request.denied'")
    return [name for (name,) in found]


def test_a_figure_of_another_site_is_not_there_and_the_try_is_recorded(two, monkeypatch):
    mine = client(two, "one")
    other, own = min(figures(two, "S2")), min(figures(two, "S1"))
    assert mine.get(f"/download/trace/{own}.csv").status_code == 200
    before = len(denied(two))
    assert mine.get(f"/download/trace/{other}.csv").status_code == 404
    entry = callbacks(mine)["drawer.children"]
    for request in ({"figure": other}, {"figures": other}, {"figures": f"{own} {other}"}):
        assert other not in shown(mine, entry, data=request).text
    assert f"figure {other}" in denied(two)[before:]
    monkeypatch.setattr("callbacks.trace.in_scope", lambda _site: True)
    assert mine.get(f"/download/trace/{other}.csv").status_code == 200


def test_downloads_hold_own_sites_alone(two):
    mine, other = client(two, "one"), figures(two, "S2")
    for path in ("/download/overview.csv", "/download/emission.csv", "/download/closing.csv",
                 "/download/closing/months.csv"):  # fmt: skip
        for search in ADDRESSES:
            answer = mine.get(path + search)
            assert answer.status_code == 200
            assert not [one for one in other if one in answer.text]
            assert "S2" not in answer.text


def counted_anew(server):
    """Let refusals be recorded again: of one kind only ten a minute are."""
    web.door(server).signals._recorded.clear()


def test_a_month_of_another_site_is_not_closed(two):
    counted_anew(two)
    mine = client(two, "one")
    output = next(o for o in callbacks(mine) if KEY in o)
    body = asked(callbacks(mine)[output])
    body["state"][0]["value"] = {"site": "S2", "month": "2026-01"}
    body["inputs"][0]["value"] = 1
    part = json.dumps(body["inputs"][0]["id"], sort_keys=True, separators=(",", ":"))
    body["changedPropIds"] = [f"{part}.n_clicks"]
    assert send(mine, body).status_code == 404
    assert "month S2 2026-01" in denied(two)
    state = web.door(two).state
    assert state.months.status("S2") == {}
    body["state"][0]["value"] = {"site": "S1", "month": "2026-01"}
    assert send(mine, body).status_code == 200
    assert state.months.status("S1")["2026-01"].status == "checked"


def test_a_proposal_of_another_site_is_not_there(two):
    counted_anew(two)
    state = web.door(two).state
    effect = {"months": ["S2 2026-01"], "figures": 3, "rows": [], "digest": "x"}
    new = NewProposal("reopen", "S2/2026-01", "somebody", {"site": "S2", "month": "2026-01",
                      "reason": "word-of-S2"}, effect)  # fmt: skip
    number = state.approvals.propose(new, now())
    for name, there in (("one", False), ("all", True)):
        found = client(two, name)
        entry = next(e for o, e in callbacks(found).items() if '"closing","part":"top"' in o)
        text = shown(found, entry, f"?proposal={number}").text
        assert ("word-of-S2" in text) is there
        answer = found.get(f"/download/closing/effect.csv?proposal={number}")
        assert answer.status_code == (200 if there else 404)
    assert f"proposal={number}" in denied(two)


def test_a_display_shows_its_sites_alone(two):
    door = web.door(two)
    screen = two.test_client()
    path = granted(door.state, door.clock, "/", sites='["S1"]', name="scoped")
    assert screen.get(path).status_code == 303
    other = figures(two, "S2")
    entry = next(e for o, e in callbacks(screen).items() if '"overview","part":"head"' in o)
    for search in ADDRESSES:
        text = shown(screen, entry, search).text
        assert not [one for one in other if one in text]


def test_a_note_of_another_site_is_neither_written_nor_changed(monkeypatch):
    """Control: without the check the note is written."""
    from types import SimpleNamespace

    from callbacks import edits
    from callbacks.closing import Who
    from pages import overview

    written, told = [], []
    state = SimpleNamespace(
        notes=SimpleNamespace(find=lambda note: None), access=SimpleNamespace(matrix=str)
    )
    desk = SimpleNamespace(
        reader=SimpleNamespace(engine=SimpleNamespace(state=state)), language="zh"
    )
    monkeypatch.setattr(edits, "denied", told.append)
    monkeypatch.setattr(edits, "in_scope", lambda site: site == "S1")
    monkeypatch.setitem(
        edits._DOING, "note-add", ("note.add", lambda *_: written.append(1) or {"note": 1})
    )
    sent = {"do": "note-add", "key": "k" * 16, "site": "S2", "month": "2026-01", "text": "x"}
    asks = Who("ana", "analyst")
    assert not edits.edited(desk, overview.PAGE, asks, sent, "zh").done
    assert (written, len(told)) == ([], 1)
    monkeypatch.setattr(edits, "in_scope", lambda site: True)
    assert edits.edited(desk, overview.PAGE, asks, sent, "zh").done
    assert written == [1]
