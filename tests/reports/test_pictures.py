"""Pictures by the server: as the browser's own, light, with every word; ended when too slow."""

import re
import shutil
import struct
import sys
import time
from html import unescape
from pathlib import Path

import psutil
import pytest

from figures.picture import picture_spec
from reports import pictures as work
from reports.pictures import Busy, NoBrowser, PictureError, Studio, TooSlow, Wanted
from reports.pictures import picture as one_picture
from tests.browser.visit import browser_path

CHART = {
    "plots": [{
        "data": [{"type": "bar", "name": "用电", "x": ["2026-01", "2026-02"], "y": [3.0, -1.0],
                  "marker": {"color": "@energy.electricity"}, "customdata": [{}, {}]}],
        "layout": {"margin": {"l": 40, "r": 8, "t": 10, "b": 40}, "showlegend": False,
                   "xaxis": {"type": "category"}, "yaxis": {"range": [-2, 4]},
                   "meta": {"ticks": [["2026-01", "1月", "2026"], ["2026-02", "2月", "2026"]],
                            "ends": []}},
    }],
    "title": "碳排放量", "subtitle": "tCO₂e，按月", "foot": "来源：<电表> & 水表",
    "site": "示范回收中心", "range": "2026-01 ～ 2026-02", "lens": "", "mark": "演示数据",
    "hover": {"2026-01": "not drawn"},
}  # fmt: skip
LEAD = {"props": {"className": "lead", "children": [
    {"props": {"className": "lead-title", "children": [
        {"props": {"children": "能耗"}}, {"props": {"children": "tce"}}]}},
    {"props": {"className": "legend", "children": {"props": {
        "className": "legend-item", "children": [
            {"props": {"className": "key key-square c-energy-electricity dash-solid"}}, "用电"]}}}},
]}}  # fmt: skip
SPEC = picture_spec(CHART, [LEAD], [200])


def shape(png):
    """Width and height of a PNG."""
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return struct.unpack(">II", png[16:24])


@pytest.fixture(scope="module")
def made():
    """A PNG and an SVG of the same chart, one browser."""
    browser_path()
    return work.pictures([Wanted(SPEC), Wanted(SPEC, format="svg"), Wanted(SPEC, 800, 450, 1.0)])


def test_the_words_around_a_chart_are_those_of_its_card():
    assert SPEC["leads"] == [
        {"height": 200, "title": "能耗 tce", "keys": [["用电", "energy.electricity"]]}
    ]
    assert "hover" not in SPEC["chart"]
    assert picture_spec(CHART, [None], [9])["leads"] == [{"height": 9, "title": "", "keys": []}]


def test_a_picture_holds_title_unit_period_source_and_mark(made):
    svg = made[1].decode()
    said = [unescape(text) for text in re.findall(r"<text[^>]*>([^<]+)</text>", svg)]
    for words in ("碳排放量", "tCO₂e，按月", "来源：<电表> & 水表", "演示数据", "能耗 tce", "用电",
                  "示范回收中心  2026-01 ～ 2026-02"):  # fmt: skip
        assert words in said
    assert 'fill="#FFFFFF"' in svg
    assert "#5A3EC8" in svg  # electricity on a light ground, in the legend and in the bar
    assert "undefined" not in svg
    assert "NaN" not in svg


def test_a_picture_has_the_dots_that_were_asked_for(made):
    wide, tall = shape(made[0])
    assert wide == 2000
    assert tall > 600
    assert shape(made[2]) == (800, 450)


def test_a_machine_without_chromium_says_so(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(NoBrowser, match="chromium"):
        one_picture(SPEC)


def sleeper(tmp_path, monkeypatch, body):
    """Let the process be another: it starts a child, as a browser would be, and does as told."""
    program = tmp_path / "python"
    program.write_text(f"#!{sys.executable}\n{body}\n", encoding="utf-8")
    program.chmod(0o755)
    monkeypatch.setattr(work.sys, "executable", str(program))
    monkeypatch.setattr(work, "browser", lambda: "/usr/bin/chromium")


def test_an_order_that_takes_too_long_is_ended_with_all_that_it_started(tmp_path, monkeypatch):
    told = tmp_path / "child"
    sleeper(
        tmp_path, monkeypatch,
        "import subprocess, time, pathlib\n"
        "child = subprocess.Popen(['sleep', '60'])\n"
        f"pathlib.Path({str(told)!r}).write_text(str(child.pid))\n"
        "time.sleep(60)",
    )  # fmt: skip
    with pytest.raises(TooSlow):
        work.pictures([Wanted(SPEC)], limit_s=1.5)
    child = int(told.read_text())
    until = time.monotonic() + 5
    while psutil.pid_exists(child) and time.monotonic() < until:
        if psutil.Process(child).status() == psutil.STATUS_ZOMBIE:
            break
        time.sleep(0.05)
    assert not psutil.pid_exists(child) or (psutil.Process(child).status() == psutil.STATUS_ZOMBIE)


@pytest.mark.parametrize("body", ["raise SystemExit('planted')", "pass"])
def test_a_browser_that_fails_is_an_error_with_words(tmp_path, monkeypatch, body):
    sleeper(tmp_path, monkeypatch, body)
    with pytest.raises(PictureError, match="planted|nothing came back"):
        work.pictures([Wanted(SPEC)])


def test_settings_do_not_reach_the_browser(monkeypatch):
    monkeypatch.setenv("CARBON_KEY_PASSPHRASE_FILE", "/secret")
    assert not [name for name in work._environment() if name.startswith("CARBON_")]


def test_one_order_at_a_time(monkeypatch):
    monkeypatch.setattr(work, "browser", lambda: "x")
    studio = Studio()
    monkeypatch.setattr(work, "pictures", lambda wanted, limit: nested(studio))
    with pytest.raises(Busy):
        studio.picture(Wanted(SPEC))
    monkeypatch.setattr(work, "pictures", lambda wanted, limit: [b"made"])
    assert studio.picture(Wanted(SPEC)) == b"made"


def nested(studio):
    return [studio.picture(Wanted(SPEC))]


def test_nothing_is_asked_of_another_host():
    page = work.page_generator().generate_index()
    addresses = re.findall(r'src="([^"]+)"', page)
    assert len(addresses) == len(work.SCRIPTS) + 3  # plotly, the hook and kaleido's own
    assert all(address.startswith("file://") for address in addresses)
    for address in addresses:
        assert Path(address.removeprefix("file://")).is_file()


def test_chromium_is_looked_for_by_its_names(tmp_path, monkeypatch):
    program = tmp_path / "google-chrome"
    program.write_text("")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert work.browser() == shutil.which("google-chrome")
