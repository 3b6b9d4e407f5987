"""What a width leaves room for: bar values beside ticks, long axes, filters on a phone."""

from __future__ import annotations

import itertools

from tests.browser.visit import settled

# Values that stand on the tick of the year before, each with its distance from it, px.
STRUCK = """() => [...document.querySelectorAll('.plot .js-plotly-plot')].flatMap((gd) => {
  const at = gd.data.findIndex((trace) => trace.meta && trace.meta.earlier);
  if (at < 0) { return []; }
  const axes = gd._fullLayout, top = gd.getBoundingClientRect().top;
  return [...gd.querySelectorAll('.textpoint text')].filter((t) => t.textContent).map((text) => {
    const i = text.parentNode.__data__ ? text.parentNode.__data__.i : text.__data__.i;
    const mark = gd.data[at].meta.earlier[i], box = text.getBoundingClientRect();
    const y = mark === null ? -99 : top + axes.yaxis._offset + axes.yaxis.l2p(mark);
    return {said: text.textContent, struck: y > box.top + 3 && y < box.bottom - 3};
  });
})"""
MONTHS = """() => document.querySelector('[data-panel="revenue-forecast"] .js-plotly-plot')
  .layout.xaxis.tickvals"""


def test_no_value_stands_on_the_tick_of_the_year_before(open_page, plant_app, signed_in):
    with open_page(plant_app.url + "/substitution", width=1440, height=900, state=signed_in,
                   cookies={"lang": "zh"}) as visit:  # fmt: skip
        seen = settled(visit).page.evaluate(STRUCK)
    assert len(seen) > 2
    assert not [one for one in seen if one["struck"]]


def test_a_phone_has_every_filter_and_tells_a_long_axis_in_steps_of_a_year(
    open_page, plant_app, signed_in
):
    with open_page(
        plant_app.url + "/", width=390, height=844, touch=True, state=signed_in,
        cookies={"lang": "zh"},
    ) as visit:  # fmt: skip
        page = settled(visit).page
        at = [12 * int(month[:4]) + int(month[5:]) for month in page.evaluate(MONTHS)]
        steps = {later - sooner for sooner, later in itertools.pairwise(at)}
        assert len(steps) == 1
        assert steps <= {2, 3, 4, 6, 12, 24}
        menu = page.locator(".filter-rest")
        menu.locator("summary").click()
        shown = menu.locator(".menu-note:visible").all_inner_texts()
        assert shown == ["站点", "粒度", "质量", "电量", "对比"]
        menu.get_by_text("季", exact=True).click()
        page.wait_for_url("**/?*grain=quarter*")
        assert not visit.errors
