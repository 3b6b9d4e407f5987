"""数据接入 in a browser: bad files corrected on screen and taken in, forms on a phone, roles."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
import xlsxwriter

from tests.browser.app import WORDS, add_user, sign_in
from tests.browser.audits import everything, told
from tests.browser.test_pages import TOUCH
from tests.browser.visit import settled
from tests.cli import serving
from tests.plant import Plant, meter, moment, opened_home, series

WIDE = {"width": 1440, "height": 900, "cookies": {"lang": "zh", "theme": "light"}}


@pytest.fixture(scope="module")
def house(tmp_path_factory, chromium):
    """A small plant of its own that does not settle by itself, with a clerk and a manager."""
    folder = tmp_path_factory.mktemp("intake")
    with opened_home(folder / "home") as engine:
        plant = Plant(folder, engine)
        plant.meters(
            meter("M-0101", role="grid_import", name="关口表", register_max=10**6),
            meter("M-0107", parent_id="M-0101", name="剥线机", reading_kind="interval",
                  rated_max_per_hour=60),
        )  # fmt: skip
        end = moment("2026-07-20 00:00")
        plant.readings(series("M-0101", end - timedelta(days=40), end, per_step=10))
        hours = series("", end - timedelta(days=40), end)
        plant.readings([("M-0107", at, "6") for _, at, _ in hours])
        plant.settle()
    home, secret = folder / "home", folder / "password"
    secret.write_text(WORDS, encoding="utf-8")
    people = {role: add_user(home, f"{role}.one", role, secret) for role in ("clerk", "manager")}
    with serving(home, CARBON_SETTLE_QUIET_S="3600") as port:
        url = f"http://127.0.0.1:{port}"
        states = {role: sign_in(chromium, url, f"{role}.one", WORDS, code)
                  for role, code in people.items()}  # fmt: skip
        yield url, states, folder


def bad_csv(folder):
    path = folder / "七月 <b>抄表.csv"
    rows = ["表号,时间,读数,备注", "M-0107,2026-07-20 00:15,6,", "M-0107,2026/13/07 00:30,6,",
            "M-O107,2026-07-20 00:45,6,", "M-0107,2026-07-20 01:00,,检修",
            "M-0107,2026-07-20 01:15,六,", "M-0107,2026-07-20 01:30,16,"]  # fmt: skip
    path.write_bytes("\n".join(rows).encode("gb18030"))
    return path


def bad_book(folder):
    path = folder / "过磅单.xlsx"
    book = xlsxwriter.Workbook(path)
    sheet = book.add_worksheet()
    rows = [["车间日报"], ["批", "在哪", "哪天", "什么", "投入质量(kg)"],
            ["C1", "S1", "2026-07-02", "电缆", 9000], ["C2", "S1", "2026-07-03", "电览", 8000],
            ["C3", "S1", "2026/13/07", "电缆", 7000]]  # fmt: skip
    for line, row in enumerate(rows):
        sheet.write_row(line, 0, row)
    book.close()
    return path


def upload(page, path):
    with page.expect_file_chooser() as chooser:
        page.locator("[data-intake-choose]").click()
    chooser.value.set_files(str(path))


def count(page, name):
    return page.locator(f'[data-count="{name}"] .intake-value').inner_text()


def events(folder, event):
    with sqlite3.connect(folder / "home" / "state.db") as found:
        return found.execute(
            "SELECT outcome FROM audit WHERE event = ? AND outcome <> 'intent' ORDER BY seq",
            (event,),
        ).fetchall()  # fmt: skip


def test_a_bad_gb18030_file_is_corrected_taken_in_and_taken_back(open_page, house):
    url, states, folder = house
    path = bad_csv(folder)
    with open_page(f"{url}/data", **WIDE, state=states["clerk"]) as visit:
        page = settled(visit).page
        upload(page, path)
        page.locator(".intake-counts").wait_for()
        assert (count(page, "可入库"), count(page, "错误"), count(page, "警告")) == ("2", "4", "1")
        assert "抄表.csv" in page.locator(".intake-body .finding").inner_text()
        assert page.locator(".finding b").count() == 0  # a name is no markup
        page.locator('[data-count="预计影响"]', has_text="tCO₂").wait_for()
        page.get_by_role("button", name="采纳 2 条建议").click()
        page.locator('[data-count="错误"] .intake-value', has_text="2").wait_for()
        cell = page.locator('[data-cell="6:value"]')
        cell.click()
        page.keyboard.type("60")
        page.keyboard.press("Enter")
        page.locator('[data-count="错误"] .intake-value', has_text="1").wait_for()
        page.locator('tr[data-row="5"]').get_by_role("button", name="剔除该行").click()
        page.locator('[data-count="错误"] .intake-value', has_text="0").wait_for()
        page.get_by_role("button", name="全部入库").click()
        page.get_by_text("请填写放行说明").wait_for()
        page.get_by_label("超过每小时上限").fill("大修后试车")
        page.get_by_role("button", name="全部入库").click()
        page.get_by_text("新增 4 行，相同 1 行").wait_for()
        page.get_by_role("button", name="再导入一个").click()
        page.locator(".intake-drop").wait_for()
        upload(page, path)
        page.get_by_text("没有变化").wait_for()
        page.locator("tr[data-batch] a").first.click()
        page.get_by_role("button", name="撤回整批").click()
        page.get_by_text("请填写撤回原因").wait_for()
        page.get_by_label("撤回原因").fill("抄错了表")
        page.get_by_role("button", name="撤回整批").click()
        page.get_by_text("这个批次已经撤回").wait_for()
        assert page.locator(".intake-taken").count() == 0
        upload(page, path)
        page.locator(".intake-counts").wait_for()
        assert count(page, "错误") == "4"
        page.get_by_role("button", name="剔除 4 行并入库").click()  # without a reason
        page.get_by_text("请填写放行说明").first.wait_for()
        assert not visit.errors
        assert not visit.failures
    assert events(folder, "data.import")[-3:] == [("failure",), ("success",), ("failure",)]
    assert events(folder, "data.revoke") == [("failure",), ("success",)]


def test_a_bad_workbook_whose_columns_nobody_knows(open_page, house):
    url, states, folder = house
    with open_page(f"{url}/data", **WIDE, state=states["clerk"]) as visit:
        page = settled(visit).page
        if page.get_by_role("button", name="取消").count():  # what is in work stays in work
            page.get_by_role("button", name="取消").click()
            page.locator(".intake-drop").wait_for()
        upload(page, bad_book(folder))
        page.locator(".intake-pickers").wait_for()
        page.locator(".intake-kind summary").click()
        page.locator(".intake-kind").get_by_role("button", name="拆解批次").click()
        page.locator(".intake-match").wait_for()
        for title, name in (("批", "批次号"), ("在哪", "站点"), ("哪天", "日期"), ("什么", "产线")):
            row = page.locator(".intake-match tbody tr", has=page.get_by_text(title, exact=True))
            row.locator("summary").click()
            row.locator(".menu").get_by_role("button", name=name).first.click()
            page.locator(".intake-match td", has_text="您的选择").first.wait_for()
            page.wait_for_timeout(300)
        page.get_by_role("button", name="校验").click()
        page.locator(".intake-counts").wait_for()
        assert (count(page, "可入库"), count(page, "错误")) == ("1", "2")
        page.get_by_role("button", name="改为 电缆").click()
        page.locator('[data-count="错误"] .intake-value', has_text="1").wait_for()
        page.get_by_role("button", name="改为 2026-07-13").click()
        page.locator('[data-count="错误"] .intake-value', has_text="0").wait_for()
        page.get_by_role("button", name="全部入库").click()
        page.get_by_text("新增 3 行").wait_for()
        assert not visit.errors
        assert not visit.failures


def test_an_old_workbook_is_corrected_and_taken_in(open_page, house):
    """XLS as spreadsheets before 2007 wrote it (BIFF8 in an OLE2 container), dates as numbers."""
    url, states, _folder = house
    path = Path(__file__).parent / "files" / "meter-readings.xls"
    assert path.read_bytes()[:8] == b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
    with open_page(f"{url}/data", **WIDE, state=states["clerk"]) as visit:
        page = settled(visit).page
        for former in page.locator("[data-intake*=cancel]").all()[:1]:  # of the test before
            former.click()
        upload(page, path)
        page.locator(".intake-counts").wait_for()
        assert (count(page, "可入库"), count(page, "错误")) == ("3", "1")
        cell = page.locator('[data-cell="5:value"]')
        assert cell.inner_text() == "七"
        cell.click()
        page.keyboard.type("7")
        page.keyboard.press("Enter")
        page.locator('[data-count="错误"] .intake-value', has_text="0").wait_for()
        page.locator(".intake-head").get_by_text("全部 4").click()
        page.locator('tr[data-row="3"]', has_text="2026-07-21 00:15").wait_for()
        page.locator('tr[data-row="6"]', has_text="2026/7/21 1:00").wait_for()
        page.get_by_role("button", name="全部入库").click()
        page.get_by_text("新增 4 行，相同 0 行").wait_for()
        assert not visit.errors
        assert not visit.failures


def test_forms_on_a_phone(open_page, house):
    url, states, _ = house
    phone = {"width": 390, "height": 844, "touch": True, "cookies": {"lang": "zh"}}
    with open_page(f"{url}/data?tab=forms", **phone, state=states["clerk"]) as visit:
        page = settled(visit).page
        page.locator("[name=meter_id]").select_option("M-0107")
        page.locator("[name=timestamp]").fill("2026-07-20 00:15")
        page.locator("[name=value]").fill("十二")
        page.get_by_role("button", name="提交").click()
        page.locator('[data-field="value"].is-wrong .intake-error').wait_for()
        page.locator("[name=value]").fill("900")
        page.get_by_role("button", name="提交").click()
        page.locator('[data-field="value"].is-odd .intake-error').wait_for()
        page.locator("[name=value]").press("Enter")  # to the next field; from the last it sends
        page.keyboard.type("总表检修")
        assert page.locator("[name=note]").input_value() == "总表检修"
        page.keyboard.press("Enter")
        page.locator(".strip-ok").wait_for()
        assert page.locator("[name=value]").input_value() == ""
        page.get_by_role("link", name="生产").click()
        page.locator("[name=mass_in_t]").fill("10")
        page.locator("[name=out_copper]").fill("6")
        page.locator("[name=out_plastic_pvc]").fill("3x")
        page.get_by_role("button", name="提交").click()
        page.locator('[data-field="out_plastic_pvc"].is-wrong').wait_for()
        page.locator("[name=out_plastic_pvc]").fill("3")
        page.get_by_role("button", name="提交").click()
        page.locator(".strip-ok .intake-undo").nth(1).wait_for()  # two batches
        assert not visit.errors
        assert not visit.failures


LOOKS = [
    ("/data", 1440, "light", "zh"), ("/data", 390, "dark", "en"),
    ("/data?tab=forms", 390, "light", "zh"), ("/data?batch=2", 768, "light", "en"),
    ("/data?tab=forms&form=production", 1024, "dark", "en"),
]  # fmt: skip


@pytest.mark.parametrize(("path", "width", "theme", "language"), LOOKS)
def test_nothing_is_found(open_page, house, path, width, theme, language):
    url, states, _ = house
    with open_page(
        url + path, width=width, height=900, touch=width < TOUCH, theme=theme,
        language=language, cookies={"theme": theme, "lang": language}, state=states["clerk"],
    ) as visit:  # fmt: skip
        findings = everything(settled(visit))
    assert not findings, told(findings)


def test_another_role_has_no_such_page(open_page, house):
    url, states, _ = house
    with open_page(f"{url}/", **WIDE, state=states["manager"]) as visit:
        page = settled(visit).page
        assert page.locator('a[href="/data"]').count() == 0
        assert page.request.get(f"{url}/data").status == 403
        assert page.request.get(f"{url}/download/data.xlsx?what=readings").status == 403
