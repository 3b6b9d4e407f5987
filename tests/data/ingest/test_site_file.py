from datetime import date

import pytest

from data.ingest.problems import Refused
from data.ingest.site_file import SETTINGS, read_site
from data.ingest.template import template_site
from tests.data.ingest.make import saved

SITE = '[site]\nid = "hb-1"\nname_zh = "某中心"\nprovince = "CN-HE"\n'


def read(folder, body):
    return read_site(saved(folder, body, "site.toml"), "zh")


def problems(folder, body):
    with pytest.raises(Refused) as caught:
        read(folder, body)
    return caught.value.problems


def test_a_short_document_has_every_default(tmp_path):
    found = read(tmp_path, SITE)
    assert (found.site_id, found.timezone, found.demo) == ("hb-1", "Asia/Shanghai", False)
    assert found.settings == {
        "material_set": "CONS", "include_copper": True, "water_in_energy": True,
        "charger_resold": False, "book_on": "dismantling", "heating_baseline": "ac",
        "return_trip_factor": 1.0, "headcount_office": None, "headcount_plant": None,
        "tank_l": None,
        "creditable": False,
        **{f"{name}_{source}": empty for name, empty in
           (("creditable", False), ("methodology", ""), ("evidence", ""))
           for source in ("cable", "conductor", "transformer", "pv", "charger", "heat_pump")},
        **{f"allocation_weight_{r}_{p}": 1.0 for r in ("crane", "environmental", "forklift")
           for p in ("cable", "conductor", "transformer")},
    }  # fmt: skip


def test_a_full_document(tmp_path):
    body = (
        "\ufeff" + SITE + 'name_en = "A centre"\ntimezone = "Asia/Tokyo"\n'
        "commissioned_on = 2024-10-24\nbase_year = 2025\ndemo = true\n"
        '[[area]]\nbuilding = "plant"\nm2 = 9600\nvalid_from = 2024-10-24\n'
        'valid_to = 2026-01-31\n[settings]\nmaterial_set = "CN2026"\nreturn_trip_factor = 2\n'
        "allocation_weight_crane_cable = 0\nheadcount_office = 20\n"
    )
    found = read(tmp_path, body)
    assert found.demo
    assert found.commissioned_on == date(2024, 10, 24)
    assert [(a.building, a.m2, a.valid_to) for a in found.areas] == [
        ("plant", 9600.0, date(2026, 1, 31))
    ]
    assert found.settings["material_set"] == "CN2026"
    assert found.settings["return_trip_factor"] == 2.0
    assert found.settings["allocation_weight_crane_cable"] == 0.0
    assert isinstance(found.settings["headcount_office"], float)


def test_demo_may_stand_at_the_top(tmp_path):
    assert read(tmp_path, "demo = true\n" + SITE).demo


@pytest.mark.parametrize(
    ("body", "column"),
    [
        (SITE.replace('"hb-1"', '""'), "site.id"),
        (SITE.replace("hb-1", "河北"), "site.id"),
        (SITE.replace("hb-1", "CN"), "site.id"),
        (SITE.replace("hb-1", "Total"), "site.id"),
        (SITE.replace("CN-HE", "HE"), "site.province"),
        (SITE.replace('"CN-HE"', "13"), "site.province"),
        (SITE.replace('name_zh = "某中心"\n', ""), "site.name_zh"),
        (SITE + 'timezone = "Asia"\n', "site.timezone"),
        (SITE + 'timezone = "../etc/passwd"\n', "site.timezone"),
        (SITE + 'timezone = "Asia/Nowhere"\n', "site.timezone"),
        (SITE + 'timezone = "Asia/Kolkata"\n', "site.timezone"),
        (SITE + 'timezone = "Australia/Lord_Howe"\n', "site.timezone"),
        (SITE + "commissioned_on = 2024-10-24T10:00:00\n", "site.commissioned_on"),
        (SITE + 'commissioned_on = "2024-10-24"\n', "site.commissioned_on"),
        (SITE + "base_year = 25\n", "site.base_year"),
        (SITE + "demo = 1\n", "site.demo"),
        (SITE + 'colour = "red"\n', "site.colour"),
        ("x = 1\n" + SITE, "x"),
        (SITE + "[setting]\n", "setting"),
        (SITE + "[settings]\ninclude_coper = true\n", "settings.include_coper"),
        (SITE + '[settings]\ninclude_copper = "yes"\n', "settings.include_copper"),
        (SITE + "[settings]\nreturn_trip_factor = 2.1\n", "settings.return_trip_factor"),
        (SITE + "[settings]\nreturn_trip_factor = nan\n", "settings.return_trip_factor"),
        (SITE + "[settings]\nreturn_trip_factor = true\n", "settings.return_trip_factor"),
        (SITE + "[settings]\nallocation_weight_crane_cable = -1\n",
         "settings.allocation_weight_crane_cable"),
        (SITE + "[settings]\nheadcount_plant = inf\n", "settings.headcount_plant"),
        (SITE + '[settings]\nbook_on = "now"\n', "settings.book_on"),
        ("area = 5\n" + SITE, "area"),
        ("area = [5]\n" + SITE, "area[1]"),
        ("settings = 5\n" + SITE, "settings"),
        (SITE + '[[area]]\nbuilding = "yard"\nm2 = 1\nvalid_from = 2024-01-01\n',
         "area[1].building"),
        (SITE + '[[area]]\nbuilding = "plant"\nm2 = -1\nvalid_from = 2024-01-01\n', "area[1].m2"),
        (SITE + '[[area]]\nbuilding = "plant"\nm2 = nan\nvalid_from = 2024-01-01\n', "area[1].m2"),
        (SITE + '[[area]]\nbuilding = "plant"\nm2 = 1\nvalid_from = 2024-01-02\n'
         "valid_to = 2024-01-01\n", "area[1].valid_to"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named_by_its_key(tmp_path, body, column):
    assert column in [p.column for p in problems(tmp_path, body)]


def test_a_missing_site_table_and_a_wrong_one(tmp_path):
    assert {"site.id", "site.name_zh", "site.province"} <= {
        p.column for p in problems(tmp_path, "")
    }
    assert "site" in {p.column for p in problems(tmp_path, "site = 3\n")}
    assert "TOML" in problems(tmp_path, "[site\n")[0].reason
    assert "UTF-8" in problems(tmp_path, SITE.encode("gb18030"))[0].reason


def test_a_misspelt_setting_names_the_right_one(tmp_path):
    found = problems(tmp_path, SITE + "[settings]\ninclude_coper = true\n")
    assert found[0].remedy == "是否要写 include_copper？"


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_template_is_a_valid_document(tmp_path, language):
    body = template_site(language)
    found = read(tmp_path, body)
    assert [a.building for a in found.areas] == ["plant", "office"]
    uncommented = body.replace("\n# ", "\n")
    full = read(tmp_path, uncommented)
    assert full.settings["headcount_office"] == 0.0
    known = {name: s.default for name, s in SETTINGS.items() if s.default is not None}
    assert {name: value for name, value in full.settings.items() if name in known} == known
    for setting in SETTINGS.values():
        assert (setting.zh if language == "zh" else setting.en) in body
