"""Every page on A4: nothing cut, no card on two sheets, light, headed and numbered."""

from __future__ import annotations

import re
import shutil
import subprocess

import numpy as np
import pytest

from tests.browser.visit import settled
from tests.larger import larger

A4 = (841.9, 595.3)  # points
MARGIN_PT = 12 / 25.4 * 72
# Sheets that a page may take: what it took when it was looked at, and one more.
SHEETS = {
    "/": 4, "/emission": 5, "/process": 5, "/substitution": 6, "/lifecycle": 7, "/market": 6,
    "/factors": 6, "/closing": 4, "/help": 5,
}  # fmt: skip
MONITORING = tuple(SHEETS)[:6]
UPRIGHT = ("/help",)

CARDS = """() => [...document.querySelectorAll('.panel-card[data-panel]')].map((panel) => ({
  title: panel.querySelector('.card-title').textContent,
  last: (panel.querySelector('.card-foot .foot-words') || {textContent: ''}).textContent}))"""
DRAWN = """() => { window.dispatchEvent(new Event('beforeprint'));
  const found = [...document.querySelectorAll('.paper-plot text')].map((text) =>
    [...text.querySelectorAll('tspan')].map((line) => line.textContent).concat(
      text.querySelector('tspan') ? [] : [text.textContent])).flat();
  const inside = [...document.querySelectorAll('.paper-plot')].every((place) =>
    place.querySelector('.main-svg').getBoundingClientRect().right
      <= place.closest('.plot').getBoundingClientRect().right + 1);
  const masks = [...document.querySelectorAll('.content .icon, .content .spark')].filter((shape) =>
    shape.checkVisibility() && !shape.querySelector('svg')).length;
  window.dispatchEvent(new Event('afterprint'));
  const shapes = document.querySelectorAll('.inked').length;
  return {found, inside, masks, shapes, left: document.querySelectorAll('.paper-plot').length,
    theme: document.documentElement.dataset.bsTheme,
    paper: document.documentElement.classList.contains('paper')}; }"""


@pytest.fixture(scope="module", autouse=True)
def _poppler():
    if not shutil.which("pdftotext") or not shutil.which("pdftoppm"):
        pytest.skip("poppler-utils are not on this machine: paper was not looked at")


def printed(visit, file):
    visit.page.pdf(path=file, prefer_css_page_size=True, print_background=True)
    return file


def words(file):
    """The words of every sheet with their places: text, left, top, right, bottom; and its size."""
    done = subprocess.run(["pdftotext", "-bbox", file, "-"], capture_output=True, check=True)
    body = done.stdout.decode()
    sheets = []
    for size, inside in re.findall(r"<page ([^>]*)>(.*?)</page>", body, re.DOTALL):
        width, height = (float(n) for n in re.findall(r'"([\d.]+)"', size))
        found = re.findall(
            r'xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">(.*?)</word>',
            inside,
        )
        sheets.append((width, height, [(*map(float, at[:4]), at[4]) for at in found]))
    return sheets


def plain(text):
    """Text without spaces and without what a font writes as one sign or several."""
    text = text.replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">")
    return re.sub(r"\s+", "", text).replace("₂", "2")


def sheet_texts(file):
    return [plain("".join(word[4] for word in found)) for _, _, found in words(file)]


FEW = ("/emission", "/lifecycle", "/help")


@pytest.mark.parametrize(
    "path",
    [path if path in FEW else pytest.param(path, marks=pytest.mark.larger) for path in SHEETS],
)
def test_a_page_takes_few_sheets_of_a4_and_nothing_lies_beyond_their_margins(
    open_page, plant_app, signed_in, tmp_path, path
):
    with open_page(
        plant_app.url + path, width=1440, height=900, cookies={"lang": "zh"}, state=signed_in
    ) as visit:
        file = printed(settled(visit), tmp_path / "page.pdf")
        assert not visit.errors
    sheets = words(file)
    assert 1 <= len(sheets) <= SHEETS[path]
    for at, (width, height, found) in enumerate(sheets, start=1):
        wanted = A4[::-1] if path in UPRIGHT else A4
        assert (width, height) == pytest.approx(wanted, abs=1.5)
        assert all(word[0] >= MARGIN_PT - 2 for word in found)
        assert all(word[2] <= width - MARGIN_PT + 2 for word in found)
        numbers = [word[4] for word in found if word[1] > height - 36]
        assert "".join(numbers).endswith(f"{at}/{len(sheets)}")
        assert len(found) > 8, "a sheet of nothing"


def pytest_generate_tests(metafunc):
    """Every page from a wide screen; from narrower ones every page or, normally, one each."""
    if "width" in metafunc.fixturenames:
        narrow = [(path, width) for path in MONITORING for width in (768, 390)]
        few = [("/", 1440), ("/process", 768), ("/substitution", 390)]
        every = [*((path, 1440) for path in MONITORING), *narrow]
        chosen = every if metafunc.config.getoption("--full") else few
        metafunc.parametrize(("path", "width"), chosen)


def test_no_card_is_split_and_no_word_of_a_chart_is_lost(
    open_page, plant_app, signed_in, tmp_path, path, width
):
    with open_page(
        plant_app.url + path, width=width, height=900, theme="dark", state=signed_in,
        cookies={"lang": "zh", "theme": "dark"},
    ) as visit:  # fmt: skip
        page = settled(visit).page
        cards, drawn = page.evaluate(CARDS), page.evaluate(DRAWN)
        file = printed(settled(visit), tmp_path / "page.pdf")
        assert not visit.errors
    assert drawn["inside"]
    assert (drawn["masks"], drawn["shapes"]) == (0, 0)
    assert (drawn["left"], drawn["theme"], drawn["paper"]) == (0, "dark", False)
    texts = sheet_texts(file)
    assert cards
    for card in cards:
        title, last = plain(card["title"]), plain(card["last"])
        assert any(title in text and last in text for text in texts), card
    whole = "".join(texts)
    assert drawn["found"] or path == "/market"
    lost = [text for text in drawn["found"] if plain(text) not in whole]
    assert not lost, lost


@pytest.mark.parametrize("language", ["zh", *larger([("en",)])])
def test_every_sheet_says_what_it_is_of(open_page, plant_app, signed_in, tmp_path, language):
    with open_page(
        plant_app.url + "/emission", width=1440, height=900, language=language,
        cookies={"lang": language}, state=signed_in,
    ) as visit:  # fmt: skip
        page = settled(visit).page
        said = page.evaluate("() => ({...document.querySelector('.print-head').dataset})")
        day = page.evaluate("() => new Date().toLocaleDateString('sv-SE')")
        file = printed(visit, tmp_path / "page.pdf")
    mark = {"zh": "演示数据", "en": "Demonstration data"}[language]
    assert said["mark"] == mark
    assert {"zh": "整体碳排放", "en": "Emissions"}[language] in said["paper"]
    for text in sheet_texts(file):
        for wanted in (said["paper"], mark, day):
            assert plain(wanted) in text


def test_the_accounting_basis_is_an_appendix_of_paper_alone(
    open_page, plant_app, signed_in, tmp_path
):
    with open_page(
        plant_app.url + "/substitution", width=1440, height=900, cookies={"lang": "zh"},
        state=signed_in,
    ) as visit:  # fmt: skip
        page = settled(visit).page
        assert not page.locator(".paper-basis").is_visible()
        lines = page.eval_on_selector_all(".paper-basis li", "found => found.map(l => l.innerText)")
        texts = sheet_texts(printed(visit, tmp_path / "page.pdf"))
    assert any("pv_self_use" in line for line in lines)
    assert any("GRID_HE_2023" in line and "0.6516" in line for line in lines), "a factor's source"
    last = "".join(texts[-2:])
    assert plain("附录：核算依据") in last
    assert all(plain(line) in "".join(texts) for line in lines)


def test_paper_is_light_whatever_the_screen_is(open_page, plant_app, signed_in, tmp_path):
    with open_page(
        plant_app.url + "/process", width=1440, height=900, theme="dark", state=signed_in,
        cookies={"lang": "zh", "theme": "dark"},
    ) as visit:  # fmt: skip
        file = printed(settled(visit), tmp_path / "page.pdf")
    subprocess.run(["pdftoppm", "-r", "30", "-gray", file, tmp_path / "sheet"], check=True)
    for picture in sorted(tmp_path.glob("sheet*.pgm")):
        body = picture.read_bytes()
        head = re.match(rb"P5\s+(\d+)\s+(\d+)\s+255\s", body)
        shades = np.frombuffer(body[head.end() :], dtype=np.uint8)
        assert (shades > 200).mean() > 0.8


def test_a_site_cannot_write_into_the_style_of_paper(open_page, plant_app, signed_in):
    with open_page(
        plant_app.url + "/emission", width=1440, height=900, cookies={"lang": "zh"},
        state=signed_in,
    ) as visit:  # fmt: skip
        page = settled(visit).page
        page.evaluate("""() => document.querySelector('.print-head').setAttribute('data-paper',
          'a"; } } body { display: none } \\\\ \\n @page { @top-left { content: "b')""")
        page.evaluate("() => window.dispatchEvent(new Event('beforeprint'))")
        style = page.evaluate("() => document.getElementById('paper-head').sheet.cssRules.length")
        assert style == 1
        assert page.locator("body").is_visible()
