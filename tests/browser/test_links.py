"""接口, 台账 and 完整性 in a browser: what a person does there, at a desk and on a phone."""

from __future__ import annotations

import sqlite3

import pytest

from tests.browser.audits import everything, told
from tests.browser.test_pages import TOUCH
from tests.browser.visit import settled
from tests.cli import manage
from tests.larger import larger

LOOKS = ((1440, 900, "light", "zh"), (390, 844, "dark", "en"))
TABS = (
    "links&link=shop",
    "links&new=modbus_tcp",
    "links&link=shop&edit=1",
    "register&edit=meter:E31",
    "complete",
)


@pytest.fixture(scope="module")
def plant_with_link(plant_app):
    """The demonstration plant with an interface to a device that does not answer, off."""
    folder = plant_app.home.parent
    (folder / "points.csv").write_text(
        "point_id,name,address,dtype,unit,kind\nP1,电压,0,u16,V,instant\n", encoding="utf-8"
    )
    (folder / "shop.toml").write_text(
        'id = "shop"\nkind = "modbus_tcp"\nsite = "demo-langfang"\ntitle = "车间网关"\n'
        'points = "points.csv"\n[settings]\nhost = "127.0.0.1"\nport = 1\naddress_base = 0\n',
        encoding="utf-8",
    )
    for words in (("save", str(folder / "shop.toml")), ("disable", "shop")):
        done = manage(plant_app.home, "interfaces", *words)
        assert done.returncode == 0, done.stderr
    yield plant_app
    manage(plant_app.home, "interfaces", "remove", "shop")


def look(width, height, theme, language):
    return {
        "width": width, "height": height, "theme": theme, "language": language,
        "touch": width < TOUCH, "cookies": {"theme": theme, "lang": language},
    }  # fmt: skip


def removals(home):
    with sqlite3.connect(home / "state.db") as found:
        return found.execute(
            "SELECT object, outcome FROM audit WHERE event = 'interface.remove' "
            "AND outcome <> 'intent' ORDER BY seq"
        ).fetchall()  # fmt: skip


def part(page, name):
    return page.locator(f'[id=\'{{"page":"data","part":"{name}"}}\']')


@pytest.mark.parametrize(
    ("chosen", "tab"),
    [(LOOKS[at % 2], tab) for at, tab in enumerate(TABS)]
    + larger((LOOKS[1 - at % 2], tab) for at, tab in enumerate(TABS)),
    ids=str,
)
def test_nothing_is_found(open_page, plant_with_link, signed_in, chosen, tab):
    url = f"{plant_with_link.url}/data?tab={tab}"
    with open_page(url, **look(*chosen), state=signed_in) as visit:
        findings = everything(settled(visit))
    assert not findings, told(findings)


def test_a_table_is_uploaded_and_a_probe_says_what_is_wrong(
    open_page, plant_with_link, signed_in, tmp_path
):
    good, bad = tmp_path / "good.csv", tmp_path / "bad.csv"
    good.write_text("点号,名称,地址,数据类型,单位,量类\nP1,电压,5,u16,V,瞬时\n", encoding="utf-8")
    bad.write_text("点号,名称,地址,数据类型,单位,量类\nP1,电压,5,u99,V,瞬时\n", encoding="utf-8")
    url = f"{plant_with_link.url}/data?tab=links&link=shop"
    with open_page(url, **look(*LOOKS[0]), state=signed_in) as visit:
        page = settled(visit).page
        page.locator(".link-drop input[type=file]").set_input_files(bad)
        page.locator(".users-said").get_by_text("u99").wait_for()
        page.locator(".link-drop input[type=file]").set_input_files(good)
        page.locator(".users-said .strip-ok").wait_for()
        part(page, "links-probe").click()
        page.get_by_text("试读完成，有测点没有值").wait_for()
        page.locator(".work-step").first.click()
        page.locator(".link-new").first.wait_for()
        with page.expect_download() as loaded:
            page.locator('a[href$="shop.pdf"]').click()
        assert loaded.value.path().read_bytes()[:5] == b"%PDF-"


def test_an_interface_is_added_and_changed_on_a_phone(
    open_page, plant_with_link, signed_in, tmp_path
):
    table = tmp_path / "points.csv"
    table.write_text("点号,名称,地址,数据类型,单位,量类\nP1,电压,5,u16,V,瞬时\n", encoding="utf-8")
    url = f"{plant_with_link.url}/data?tab=links"

    def field(page, name):
        return page.locator(f'#link-form [id*=\'"field":"{name}"\']')

    def said(page, words):
        page.locator(".users-said").get_by_text(words).first.wait_for()

    with open_page(url, **look(390, 844, "light", "zh"), state=signed_in) as visit:
        page = settled(visit).page
        page.get_by_role("link", name="新增接口").click()
        field(page, "id").fill("press")
        field(page, "title").fill("打包机")
        part(page, "link-save").click()
        said(page, "这一项没有填写")
        page.locator('[data-picks="link-pick"] [data-pick="demo-langfang"]').first.click()
        field(page, "set-host").fill("192.0.2.8")
        page.locator("#link-form").get_by_role("button", name="40001", exact=True).click()
        page.locator("#link-form input[type=file]").set_input_files(table)
        page.get_by_text("points.csv").wait_for()
        part(page, "link-save").click()
        said(page, "已保存接口 press（版本")
        page.locator(".work-name", has_text="打包机").wait_for()
        assert not visit.errors
    try:
        with open_page(f"{url}&link=press", **look(1024, 768, "dark", "zh"),
                       state=signed_in) as visit:  # fmt: skip
            page = settled(visit).page
            page.get_by_role("link", name="修改设置").click()
            field(page, "set-port").fill("1502")
            part(page, "link-save").click()
            said(page, "已保存接口 press（版本")
            page.locator("a", has_text="与前一版对比").first.click()
            page.locator(".link-new", has_text="1502").wait_for()
            part(page, "links-off").click()
            page.locator(".link-head").get_by_text("停用中").wait_for()
            sure = part(page, "links-remove")
            assert not sure.is_visible()  # it asks once more
            page.locator(".link-removal summary").click()
            page.get_by_text("不能恢复").wait_for()
            assert removals(plant_with_link.home) == []
            sure.click()
            said(page, "已移除接口 press")
            page.locator(".link-gone, .work-more", has_text="已移除的接口（1）").wait_for()
            assert page.locator(".work-name", has_text="打包机").count() == 0
            assert removals(plant_with_link.home) == [("press", "success")]
            assert not visit.errors
    finally:
        manage(plant_with_link.home, "interfaces", "remove", "press")  # where the test broke off


def test_a_key_is_made_and_a_meter_is_renamed_on_a_phone(open_page, plant_with_link, signed_in):
    phone = look(390, 844, "light", "zh")
    with open_page(f"{plant_with_link.url}/data?tab=links", **phone, state=signed_in) as visit:
        page = settled(visit).page
        page.locator("#link-keys summary").click()
        part(page, "keys-name").fill("地磅")
        part(page, "keys-days").fill("30")
        page.locator('[data-picks="keys-scopes"] [data-pick="read"]').click()
        part(page, "keys-add").click()
        page.locator(".users-once").wait_for()
        prefix = page.locator(".users-once").inner_text().partition(".")[0]
        assert len(prefix) == 12
        page.locator("#link-keys .users-table").get_by_text(prefix).wait_for()
    url = f"{plant_with_link.url}/data?tab=register&edit=meter:E32"
    with open_page(url, **phone, state=signed_in) as visit:
        page = settled(visit).page
        field = page.locator('[id*=\'"field":"name"\']')
        before = field.input_value()
        for name in ("机房一", before):  # as it was, for those who look at the plant after us
            field.fill(name)
            part(page, "register-save").click()
            page.locator(".users-said .strip-ok").wait_for()
            page.get_by_text(name, exact=True).first.wait_for()
            settled(visit)
