"""The manual's page, the generated chapter, and how sure the drawer says a figure is."""

import csv
import io
import re

import pytest

from callbacks import help as work
from callbacks.trace import opened_band, opened_drawer, sheet_csv
from data.basis import MONTHS, PROVINCE, basis
from data.library import shipped
from figures import basis as shown
from pages import help as page
from translations import LANGUAGES, text

CJK = re.compile(r"[\u3400-\u9fff]")
MANY = 900  # elements that a browser puts up within a second or so
BENEFIT = ("product_substitution", "lifecycle_emission", "reduction")


def walk(node):
    if isinstance(node, dict):
        yield node
        for value in node.values():
            yield from walk(value)
    elif isinstance(node, list | tuple):
        for value in node:
            yield from walk(value)


def elements(node):
    return [n for n in walk(node) if "namespace" in n]


def words(node, *, verbatim=True):
    """What an element says; without what is kept in its own language where that is not asked."""
    if isinstance(node, dict):
        props = node.get("props", {})
        if not verbatim and "data-verbatim" in props:
            return ""
        return words(props.get("children", ""), verbatim=verbatim)
    if isinstance(node, list | tuple):
        return "".join(words(child, verbatim=verbatim) for child in node)
    return str(node)


def anchors(node):
    found = [n["props"].get("id") for n in elements(node)]
    found += [n["props"].get("data-panel") for n in elements(node)]
    return {one for one in found if isinstance(one, str)}


@pytest.fixture(scope="module")
def found():
    data = basis(shipped())
    return {language: work.made(data, language) for language in LANGUAGES}


def targets(found):
    """Every anchor that an address may name."""
    listed = work._listed(found)
    yield from (c.anchor for c in listed)
    yield from (anchor for c in listed for anchor, _ in c.parts)
    yield from (entry.anchor for entry in found.sections["indicators"].entries)
    for section in found.sections.values():
        for _, table in section.tables:
            yield from (row.anchor for row in table.rows if row.anchor)


def test_the_generated_chapters_are_what_the_code_gives():
    for name, body in work.written().items():
        kept = (work.FOLDER / name).read_text(encoding="utf-8")
        assert kept == body, f"docs/manual/{name} is out of date: make basis"


def test_the_generated_chapter_says_what_it_is():
    body = work.written()["accounting-basis.md"]
    assert "内部测算" in body
    assert "不作任何认证声明" in body
    assert "未核实或假定" in body
    english = work.written()["accounting-basis.en.md"]
    assert "no certification is claimed" in english
    for entry in shown.chapter(basis(shipped()), "zh")[0].entries:
        assert entry.factors or entry.count == "无因子"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_anchor_leads_to_a_chapter_that_has_it(found, language):
    seen = set()
    for target in targets(found[language]):
        chapter = work.chapter_of(found[language], target)
        nodes = work.chapter_shown(found[language], chapter, target)
        assert target in anchors(nodes), target
        focused = [n for n in elements(nodes) if n["props"].get("autoFocus")]
        assert len(focused) == 1, target
        assert target not in seen
        seen.add(target)
    assert {"indicator-emission", "factor-GRID_HE_2023", "d-1", "r26", "screens"} <= seen


@pytest.mark.parametrize("language", LANGUAGES)
def test_chapters_are_short_enough_and_in_the_readers_language(found, language):
    sections = found[language].sections
    entries = [entry.anchor for entry in sections["indicators"].entries]
    for chapter in (*work._names(), page.BASIS, *sections, *entries):
        nodes = work.chapter_shown(found[language], chapter, "")
        assert len(elements(nodes)) < MANY, chapter
        if language == "en":
            assert not CJK.search(words(nodes, verbatim=False)), chapter


def test_an_indicator_shows_clause_formula_and_factors_with_their_source(found):
    nodes = work.chapter_shown(found["zh"], "indicator-emission", "indicator-emission")
    said = words(nodes)
    assert "5.3.g" in said
    assert "G = Eg·EF_grid" in said
    links = {n["props"]["href"]: words(n) for n in elements(nodes) if n["type"] == "A"}
    grid = shipped().grid(PROVINCE, MONTHS[0]).factor
    assert links[f"#factor-{grid.factor_id}"].startswith(grid.source)


def test_nobody_knows_the_anchor(found):
    assert work.chapter_of(found["zh"], "") == "readme"
    assert work.chapter_of(found["zh"], "nowhere") == "readme"
    assert work.chapter_of(found["zh"], "<script>") == "readme"


def test_search_finds_indicators_and_factors(found):
    nodes = work.searched(found["zh"], "grid_he 碳排放量")
    said = words(nodes)
    assert "碳排放量" in said
    assert "GRID_HE_2023" in said
    assert "KAPPA_AL" not in said
    english = words(work.searched(found["en"], "heat pump"))
    assert "Heat pump electricity" in english
    assert "没有找到" in words(work.searched(found["zh"], "没有这种东西"))


def test_search_shows_no_more_than_a_browser_bears(found):
    nodes = work.searched(found["zh"], "0")
    rows = [n for n in elements(nodes) if n["type"] == "Tr"]
    assert len(rows) <= shown.MOST + len(found["zh"].sections)
    assert f"显示前 {shown.MOST} 项" in words(nodes)
    assert len(elements(nodes)) < MANY


HOSTILE = """# Title <script>alert(1)</script>

<img src=x onerror=alert(1)> and <b>bold</b>

[bad](javascript:alert(1)) [file](../app.py) [good](https://example.org/a) [here](#readme)

| a | b |
|---|---|
| <i>x</i> | `<u>` |

```
<script>alert(2)</script>
```

- one
- two
"""


def test_markdown_escapes_html():
    read = page.document(HOSTILE, "x")
    nodes = read.elements("", "zh")
    tags = {n["type"] for n in elements(nodes)}
    assert tags <= {"H2", "P", "A", "Table", "Thead", "Tbody", "Tr", "Th", "Td", "Code", "Pre",
                    "Ul", "Li", "Div", "Button", "Span"}  # fmt: skip
    said = words(nodes)
    for kept in ("<script>alert(1)</script>", "<img src=x", "<b>bold</b>", "<i>x</i>", "<u>"):
        assert kept in said
    hrefs = [n["props"]["href"] for n in elements(nodes) if n["type"] == "A"]
    assert hrefs == ["https://example.org/a", "#readme"]
    labels = [n["props"]["data-label"] for n in elements(nodes) if n["type"] == "Td"]
    assert labels == ["a", "b"]


def test_headings_have_anchors_of_their_own():
    read = page.document("# A\n\n## Same · 同\n\n## Same · 异\n\n## 只有中文\n", "x")
    assert len({h.anchor for h in read.headings}) == 4
    assert [h.own("zh") for h in read.headings] == ["A", "同", "异", "只有中文"]
    assert read.headings[1].own("en") == "Same"


def test_a_missing_file_is_said_in_words(monkeypatch, tmp_path):
    monkeypatch.setattr(work, "FOLDER", tmp_path)
    found = work.made(basis(shipped()), "zh")
    assert "README.md" in words(work.chapter_shown(found, "readme", ""))
    assert "screens.md" in [c.title for c in work._listed(found)]


# How sure a figure is


def figure_of(reader, indicator, dimension, entity, grain="month"):
    with reader.engine.store.read() as cursor:
        return cursor.execute(
            "SELECT figure_id, value FROM ledger WHERE current AND grain = ? AND indicator = ? "
            "AND dimension = ? AND entity = ? AND value IS NOT NULL ORDER BY period LIMIT 1",
            [grain, indicator, dimension, entity],
        ).fetchone()


SHOWN = [
    *((name, dimension, entity) for name in BENEFIT
      for dimension, entity in (("line", "conductor"), ("site", "site"))),
    ("substitution", "source", "pv"), ("substitution", "site", "site"),
]  # fmt: skip


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize(("indicator", "dimension", "entity"), SHOWN)
def test_the_drawer_shows_the_band_of_a_benefit_figure(
    reader, indicator, dimension, entity, language
):
    for grain in ("month", "year")[: 1 + (dimension == "site")]:
        figure, value = figure_of(reader, indicator, dimension, entity, grain)
        drawer = opened_drawer(reader, {"figure": figure}, language)
        stores = [n for n in elements(drawer) if n["type"] == "Store"]
        assert [n["props"]["data"] for n in stores] == [{"figure": figure}]
        nodes = opened_band(reader, {"figure": figure}, language)
        said = words(nodes)
        assert ("95% 区间" if language == "zh" else "95% interval") in said
        assert "10,000" in said
        assert "615" in said
        assert re.search(r"±\d+\.\d%", said)
        drivers = [n for n in elements(nodes) if n["props"].get("className") == "band-driver"]
        assert 1 <= len(drivers) <= 3
        if language == "en":
            assert not CJK.search(said)
        lines = lines_of(reader, figure, language)
        low, high, seed, draws = (
            lines[text(word, language)]
            for word in ("95% 区间下限", "95% 区间上限", "种子", "抽样次数")
        )
        assert float(low) <= value <= float(high)
        assert (seed, draws) == ("615", "10000")


def lines_of(reader, figure, language):
    rows = csv.reader(io.StringIO(sheet_csv(reader, figure, language).decode("utf-8-sig")))
    found = {}
    for row in rows:
        if not row:
            return found
        found[row[0]] = row[1]
    return found


def test_other_month_figures_show_error_propagation_and_quality(reader):
    figure, _ = figure_of(reader, "emission", "site", "site")
    drawer = opened_drawer(reader, {"figure": figure}, "zh")
    said = words(drawer)
    assert re.search(r"不确定度±\d+\.\d%", said)
    assert re.search("数据质量 [ABCD]", said)
    assert [n for n in elements(drawer) if n["type"] == "Store"] == []
    lines = lines_of(reader, figure, "zh")
    assert lines["方法"] == "误差传递，IPCC 2006 方法 1"
    assert float(lines["95% 区间半宽 %"]) > 0
    assert lines["数据质量等级"] in "ABCD"


def test_day_figures_show_neither(reader):
    figure, _ = figure_of(reader, "emission", "site", "site", "day")
    said = words(opened_drawer(reader, {"figure": figure}, "zh"))
    assert "不确定度" not in said
    assert "数据质量" not in said


def test_a_benefit_figure_without_draws_says_so(reader):
    figure, value = figure_of(reader, "lifecycle_emission", "line", "_unallocated")
    assert value == 0
    assert "没有这个数值的抽样" in words(opened_band(reader, {"figure": figure}, "zh"))


@pytest.mark.parametrize("asked", [None, 1, [], {}, {"figure": "x"}, {"figure": "0" * 20}])
def test_whatever_is_asked_the_band_answers(reader, asked):
    assert opened_band(reader, asked, "zh") is None


def test_entities_are_named_in_both_languages(reader):
    with reader.engine.store.read() as cursor:
        rows = cursor.execute(
            "SELECT DISTINCT dimension, entity FROM ledger WHERE current AND entity <> 'site'"
        ).fetchall()
    for dimension, entity in rows:
        assert CJK.search(shown.entity_words(dimension, entity, "zh")), (dimension, entity)
        assert not CJK.search(shown.entity_words(dimension, entity, "en")), (dimension, entity)


# Printing


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_whole_manual_is_one_chapter_to_print(found, language):
    whole = work.chapter_shown(found[language], page.WHOLE, page.WHOLE)
    there = anchors(whole)
    assert work.chapter_of(found[language], page.WHOLE) == page.WHOLE
    assert {page.WHOLE, *targets(found[language])} <= there
    listed = page.contents(work._listed(found[language]), page.WHOLE, language)
    links = [n["props"]["href"] for n in elements(listed) if n["type"] == "A"]
    assert f"#{page.WHOLE}" in links
