"""What somebody typed into a name or a note is text wherever it is shown (row 28)."""

from __future__ import annotations

import pytest

from data.approvals import propose_factors
from data.state import NewAccount, State, now
from security import passwords
from security.sessions import Sessions
from tests.browser.app import serving
from tests.browser.visit import settled
from tests.plant import Plant, meter, moment, opened_home, series, write_csv

HOSTILE = "<img src=x onerror=window.__run=1><b class=stored>"
FOUND = "document.querySelectorAll('img[src=\"x\"], b.stored, .stored').length"
PATHS = ["/", "/emission", "/process", "/substitution", "/factors", "/closing", "/help"]


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A site, meters, months and a proposal whose names and notes are markup."""
    place = tmp_path_factory.mktemp("stored")
    home = place / "home"
    with opened_home(home) as engine:
        plant = Plant(place, engine)
        site = place / "S1.toml"
        body = site.read_text(encoding="utf-8").replace("测试站", HOSTILE)
        site.write_text(body, encoding="utf-8")
        plant.take("site", site)
        plant.meters(meter("G", role="grid_import", name=HOSTILE, register_max=10**6))
        plant.readings(series("G", moment("2026-01-01 00:00"), moment("2026-03-01 00:00")))
        plant.put("batches", ("batch_id", "site", "date", "line", "spec", "mass_in_t", "residue_t"),
                  [(HOSTILE, "S1", "2026-02-03", "cable", HOSTILE, 10, 1)])  # fmt: skip
        plant.settle()
        row = {**_factor(engine), "name_zh": HOSTILE, "source": HOSTILE, "notes": HOSTILE}
        file = write_csv(place / "factors.csv", list(row), [list(row.values())])
        propose_factors(engine, file, HOSTILE)
    state = State(home)
    state.accounts.add([NewAccount("mark.up", "mark.up", "analyst", passwords.hashed("x", 1))],
                       now())  # fmt: skip
    token = Sessions(state).open(state.accounts.find("mark.up").account, "127.0.0.1")
    state.close()
    with serving(home, place / "log") as url:
        yield url, token


def _factor(engine):
    from data.ingest.factor_file import text_of

    row = text_of(next(iter(engine.library.rows.values())))
    return row | {"value": repr(float(row["value"]) * 1.01)}


@pytest.mark.parametrize("path", PATHS)
def test_stored_markup_is_text_on_every_page(hostile, open_page, path):
    url, token = hostile
    with open_page(f"{url}{path}", cookies={"sid": token}, width=1440, height=900) as visit:
        settled(visit)
        assert visit.page.evaluate(FOUND) == 0
        assert visit.page.evaluate("window.__run") is None
        if path in ("/emission", "/factors", "/closing"):
            assert "<img src=x" in visit.page.locator("body").inner_text()
        visit.page.evaluate(  # the control: as markup it would be found
            "markup => document.body.insertAdjacentHTML('beforeend', markup)", HOSTILE
        )
        assert visit.page.evaluate(FOUND) > 0
