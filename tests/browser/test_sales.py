"""Sliders by keyboard, a saved scenario and back, a document with its file, a step."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.visit import settled
from tests.cli import manage

SIZES = ((1440, 900), pytest.param(390, 844, marks=pytest.mark.larger))


@pytest.fixture(scope="module")
def forecast_app(plant_app):
    """The running plant once it has forecasts."""
    done = manage(plant_app.home, "forecast")
    assert done.returncode == 0, done.stderr
    return plant_app


@pytest.fixture
def market(open_page, forecast_app, signed_in):
    def opens(width, height):
        return open_page(
            forecast_app.url + "/market", width=width, height=height, touch=width < 1200,
            cookies={"lang": "zh"}, state=signed_in,
        )  # fmt: skip

    return opens


OWN = """() => { const gd = document.querySelector('[data-panel="years"] .js-plotly-plot');
  const own = gd.data.find((trace) => trace.meta && trace.meta.scenario);
  return {own: [...own.y], top: Math.max(...own.y, 0), high: gd.layout.yaxis.range[1],
    axis: gd._fullLayout.xaxis.type,
    drawn: gd.querySelectorAll('.scatterlayer path.js-line').length}; }"""


def test_the_years_follow_the_sliders_and_come_back(market):
    with market(1440, 900) as visit:
        page = settled(visit).page
        first = page.evaluate(OWN)
        assert not any(first["own"])
        presets = page.locator('[data-panel="scenario"] .sale-presets .segment')
        growth = page.locator('[data-panel="scenario"] [data-slider=growth] input')
        growth.focus()
        page.keyboard.press("End")
        page.wait_for_function(f"() => ({OWN})().own.some((value) => value !== null)")
        found = page.evaluate(OWN)
        said = page.locator(".sale-years").get_attribute("data-years")
        years = dict(one.split(":") for one in said.split(";"))
        assert [v for v in found["own"] if v is not None] == [float(v) for v in years.values()][
            : sum(v is not None for v in found["own"])
        ]
        assert found["top"] <= found["high"], "the line lies within the chart"
        assert (found["axis"], found["drawn"]) == ("category", first["drawn"] + 1)
        assert not visit.errors
        presets.nth(1).click()
        page.wait_for_function(f"() => ({OWN})().own.every((value) => value === null)")


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_sliders_saved_scenarios_and_their_comparison(market, width, height):
    with market(width, height) as visit:
        page = settled(visit).page
        card = page.locator('[data-panel="scenario"]')
        slider = card.locator("[data-slider=price] input")
        out = card.locator(".sale-out")
        before = out.inner_text()
        slider.focus()
        for _ in range(20):
            page.keyboard.press("ArrowRight")
        expect(out).not_to_have_text(before, use_inner_text=True)
        assert slider.get_attribute("aria-valuetext").endswith("元/t")
        assert card.locator(".sale-value").first.inner_text() == slider.get_attribute(
            "aria-valuetext"
        )
        moved = out.inner_text()
        name = f"口径 {width}"
        card.locator("[data-ask=scenario]").click()
        page.locator(".edit-form[data-ready] [data-field=name]").fill(name)
        page.keyboard.press("Enter")
        line = card.locator(".sale-saved li", has_text=name)
        expect(line).to_have_count(1)
        expect(out).to_have_text(moved, use_inner_text=True)  # sliders stay where they were
        card.locator(".sale-presets .segment").first.click()
        expect(card.locator(".sale-presets .segment").first).to_have_attribute(
            "aria-pressed", "true"
        )
        expect(out).not_to_have_text(moved, use_inner_text=True)
        line.locator(".sale-saved-name").click()
        expect(out).to_have_text(moved, use_inner_text=True)
        line.locator("[data-act=scenario-remove]").click()
        expect(line).to_have_count(0)
        page.locator(".toast-undo").click()
        expect(line).to_have_count(1)
        card.locator(".sale-actions [data-switch]").click()
        rows = card.locator("table th[scope=row]", has_text=name)
        expect(rows).to_have_count(1, timeout=45_000)  # the whole page is made anew
        assert not visit.errors
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_document_with_its_file_and_a_step_that_rests_on_it(market, tmp_path, width, height):
    title, file = f"佐证 {width}", tmp_path / "a.pdf"
    file.write_bytes(b"%PDF-1.4 " + b"0123456789" * 60_000)  # two pieces
    with market(width, height) as visit:
        page = settled(visit).page
        card = page.locator('[data-panel="evidence"]')
        card.locator("[data-ask=evidence]").last.click()
        form = page.locator(".edit-form[data-ready]")
        expect(form.locator("input[type=file]")).to_be_visible()
        page.locator("[data-edit=save]").click()
        expect(page.locator(".work-dialog-said")).to_contain_text("请填写名称")
        form.locator("[data-field=title]").fill(title)
        form.locator("[data-field=issuer]").fill("生态环境部")
        form.locator("[data-field=issued_on]").fill("2023-10-19")
        form.locator("input[type=file]").set_input_files(file)
        expect(form.locator(".work-file")).to_contain_text("已上传")
        page.locator("[data-edit=save]").click()
        line = card.locator(".document", has_text=title)
        expect(line).to_have_count(1)
        with page.expect_download() as given:
            line.locator("a").click()
        assert given.value.path().read_bytes() == file.read_bytes()

        path = page.locator('[data-panel="path"]')
        path.locator('[data-ask=step][data-of="1"]').press("Enter")
        expect(form.locator("[data-field=owner]")).to_be_visible()
        begun = form.locator("[data-field=act] option[value=complete]").count()
        form.locator("[data-field=act]").select_option("complete" if begun else "begin")
        form.locator("[data-field=owner]").fill("王工")
        form.locator("[data-field=actual_on]").fill("2026-01-05")
        form.locator(".sale-pick", has_text=title).locator("input").check()
        page.locator("[data-edit=save]").click()
        if begun:
            expect(page.locator(".work-dialog-said")).to_contain_text("方法学")
        else:
            expect(path.locator(".path-step.is-running")).to_contain_text("王工")
        assert not visit.errors
        assert page.evaluate("document.documentElement.scrollWidth") <= width


@pytest.mark.parametrize(("width", "height"), SIZES)
def test_a_what_if_is_moved_saved_and_its_coefficients_open(market, width, height):
    with market(width, height) as visit:
        page = settled(visit).page
        card = page.locator('[data-panel="whatif"]')
        out, name = card.locator(".sale-out"), f"扩建 {width}"
        before = out.inner_text()
        card.locator("[data-slider=pv_kwp] input").focus()
        for _ in range(30):
            page.keyboard.press("ArrowRight")
        expect(out).not_to_have_text(before, use_inner_text=True)
        expect(out).to_contain_text("新增发电")
        card.locator("[data-ask=whatif]").click()
        page.locator(".edit-form[data-ready] [data-field=name]").fill(name)
        page.keyboard.press("Enter")
        expect(card.locator(".sale-saved li", has_text=name)).to_contain_text("300 kWp")
        card.locator("summary.sale-fold").click()
        card.locator(".whatif-coefficients .fig").first.click()
        expect(page.locator("#drawer .drawer")).to_be_visible()
        assert not visit.errors
        assert page.evaluate("document.documentElement.scrollWidth") <= width
