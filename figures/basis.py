"""The accounting basis as a chapter: the same sections as Markdown and as elements of a page."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from figures.formulas import formula_words
from figures.html import Content, Node, el, icon
from figures.number import MINUS
from translations import text

Row = Mapping[str, Any]
SHORT = 60  # letters of a reference that still stand beside its source
MOST = 40  # rows of a search: every element costs the browser time by all the others

ENTITIES = {
    "cable": "电缆", "conductor": "架空导线", "transformer": "变压器", "office_etc": "办公等",
    "_unallocated": "公用未分摊", "plant": "厂区", "office": "办公楼", "dismantling": "拆解",
    "ac": "空调", "other": "其他", "electricity": "电", "water": "水", "diesel": "燃油",
    "scope1": "范围一", "scope2": "范围二", "scope3": "范围三", "site": "全站",
    "cable_line": "电缆拆解设备", "conductor_line": "架空导线拆解设备",
    "transformer_bench": "变压器拆解台", "crane": "吊机", "environmental": "环保装置",
    "sorting": "分拣", "storage": "堆场", "forklift": "叉车", "pv": "光伏", "charger": "充电桩",
    "heat_pump": "地源热泵", "collection": "收集", "transport": "运输", "treatment": "处理",
    "aluminium": "铝", "copper": "铜（扩展项）", "steel": "钢", "iron": "铁",
    "silicon_steel": "硅钢片", "transformer_oil": "变压器油", "plastic": "塑料",
    "plastic_pvc": "聚氯乙烯", "plastic_pe": "聚乙烯", "plastic_xlpe": "交联聚乙烯",
    "shuttle_bus": "班车", "official_car": "公务车", "self_use": "自用", "export": "上网",
    "total": "合计", "cn": "全国",
}  # fmt: skip
_OF_DIMENSION = {
    ("stage", "storage"): "存储",
    ("medium", "diesel"): "燃油",
    ("group", "office"): "办公",
}
_LEDGERS = {"inventory": "排放账", "benefit": "减排账", "activity": "活动数据", "factor": "因子",
            "market": "市场"}  # fmt: skip
_GRAINS = {"hour": "时", "day": "日", "month": "月", "year": "年"}
_QUALITIES = {"measured": "实测", "estimated": "估算", "incomplete": "不完整", "null": "缺数"}
_UNSURE = "未核实或假定"
_NO_FACTOR = "无因子"


def entity_words(dimension: str, entity: str, language: str) -> str:
    """Return an entity of the ledger in words; the whole site has none to add."""
    if entity == "site":
        return ""
    joint = "，" if language == "zh" else ", "
    names = [_OF_DIMENSION.get((dimension, part)) or ENTITIES.get(part, part)
             for part in entity.split("/")]  # fmt: skip
    return joint.join(text(name, language) for name in names)


# What a chapter is made of --------------------------------------------------------------------


@dataclass(frozen=True)
class Span:
    """Words within a line: plain, ``code``, ``mark``, ``quiet``; words kept as they were."""

    words: str
    look: str = ""
    href: str = ""
    verbatim: bool = False


Cell = tuple[Span, ...]


@dataclass(frozen=True)
class Line:
    """A row of a table, and the anchor it is reached by."""

    cells: tuple[Cell, ...]
    anchor: str = ""


@dataclass(frozen=True)
class Table:
    """A table: titles with the class of their column, and its rows."""

    head: tuple[tuple[str, str], ...]
    rows: tuple[Line, ...]


@dataclass(frozen=True)
class Entry:
    """An indicator: name, code, unit, its forms, the factors it uses; and itself in brief."""

    anchor: str
    name: str
    code: str
    unit: str
    table: Table
    factors: tuple[Line, ...]
    count: str
    brief: Line


@dataclass(frozen=True)
class Section:
    """A titled part of the chapter."""

    anchor: str
    title: str
    intro: tuple[str, ...] = ()
    entries: tuple[Entry, ...] = ()
    tables: tuple[tuple[str, Table], ...] = ()
    brief: tuple[tuple[str, str], ...] = ()  # titles of the entries in brief

    @property
    def empty(self) -> bool:
        """Tell whether nothing is left of it."""
        return not self.entries and not any(table.rows for _, table in self.tables)


def chapter(basis: Row, language: str) -> list[Section]:
    """Return the sections of the chapter from the data of the accounting basis."""
    t = _Words(language)
    return [
        _indicators(basis, t), _factors(basis, t), _sets(basis, t), _views(basis, t),
        _settings(basis, t), _flags(basis, t), _quality(basis, t), _uncertainty(basis, t),
        _numbered(basis, t, "decisions", "口径决定"), _numbered(basis, t, "rules", "细则"),
    ]  # fmt: skip


def preface(basis: Row, language: str) -> list[str]:
    """Return what stands before the sections: what it is, and what is not claimed."""
    t = _Words(language)
    return [
        t("本系统的数值是内部测算，没有经过审定、核查或认证，不作任何认证声明。"),
        t("本章由程序从核算代码生成：公式、因子、设置和规则就是结算时所用的。核算口径 {method}，"
          "因子集 {library}。", method=basis["method"], library=basis["library"]),
        t("因子以{province}的站点为例，取 {months} 两个月（一个供暖、一个供冷）实际用到的行。",
          province=t("河北省"), months=t.joined(basis["months"])),
        t("标有“未核实或假定”的因子可信度低，投用前应换成核实过的数值；§ 是核算依据的节号。"),
    ]  # fmt: skip


@dataclass(frozen=True)
class _Words:
    """Sentences in the reader's language."""

    language: str

    def __call__(self, key: str, /, **values: object) -> str:
        return text(key, self.language, **values)

    def joined(self, words: Iterable[str]) -> str:
        return ("、" if self.language == "zh" else ", ").join(word for word in words if word)

    def own(self, row: Row) -> str:
        """Return a row's name in the reader's language."""
        english = self.language == "en" and row["name_en"]
        return str(row["name_en"] if english else row["name_zh"])

    def head(
        self, *titles: str, numbers: Sequence[str] = (), fixed: Sequence[str] = ()
    ) -> tuple[tuple[str, str], ...]:
        """Return titles of columns: of numbers, of what stays on one line, of words."""
        return tuple(
            (self(title), "num" if title in numbers else "fix" if title in fixed else "")
            for title in titles
        )


def _plain(*words: str) -> Cell:
    return tuple(Span(word) for word in words if word)


def _code(*words: str) -> Cell:
    """Return names of the code, parted by blanks."""
    spans: list[Span] = []
    for word in words:
        spans += [Span(" ")] * bool(spans) + [Span(word, "code")]
    return tuple(spans)


def _number(value: float) -> str:
    return f"{value:.10g}".replace("-", MINUS)


def _indicators(basis: Row, t: _Words) -> Section:
    factors = {row["factor_id"]: row for row in basis["factors"]}
    entries = tuple(_entry(row, factors, t) for row in basis["indicators"])
    intro = t("指标 {count} 个。条款号是 T/CASMES 615—2025 的。", count=len(entries))
    brief = t.head("指标", "单位", "条款", "公式", "因子", fixed=("单位", "因子"))
    return Section("indicators", t("指标"), (intro,), entries, (), brief)


def _entry(row: Row, factors: Mapping[str, Row], t: _Words) -> Entry:
    used = sorted({name for form in row["forms"] for name in form["factors"]})
    lines = tuple(_used(factors[name], t) for name in used)
    count = t("因子 {count} 个", count=len(used)) if used else t(_NO_FACTOR)
    head = t.head("名称", "条款", "公式", "对象", "记账")
    rows = tuple(_form(form, t) for form in row["forms"])
    anchor = f"indicator-{row['indicator']}"
    clauses = sorted({clause for form in row["forms"] for clause in form["clauses"]})
    brief = Line((
        (Span(t.own(row), href=f"#{anchor}"), Span(" "), Span(row["indicator"], "code")),
        _plain(_unit(row["unit"])), _plain(t.joined(clauses) or t("标准未点名")),
        _plain(formula_words(row["forms"][0]["formula"], t.language)),
        _plain(str(len(used)) if used else count),
    ))  # fmt: skip
    return Entry(
        anchor, t.own(row), row["indicator"], _unit(row["unit"]), Table(head, rows), lines, count,
        brief,
    )  # fmt: skip


def _unit(unit: str) -> str:
    for plain, shown in (("CO2e", "CO₂e"), ("m2", "m²"), ("m3", "m³")):
        unit = unit.replace(plain, shown)
    return "" if unit == "1" else unit


def _form(form: Row, t: _Words) -> Line:
    clauses = t.joined(form["clauses"])
    clause = (
        _plain(clauses) if clauses else _plain(t("标准未点名：{reason}", reason=t(form["reason"])))
    )
    grains = "/".join(t(_GRAINS[grain]) for grain in form["grains"])
    kept = f"{t(_LEDGERS[form['ledger']])} {grains} §{form['section']}"
    return Line((
        (Span(t.own(form)), Span(" "), Span(form["dimension"], "code")), clause,
        _formula(form, t), _plain(_entities(form, t)), _plain(kept),
    ))  # fmt: skip


def _formula(form: Row, t: _Words) -> Cell:
    """Return a formula in words and, for those who recompute, in symbols."""
    words = formula_words(form["formula"], t.language)
    spans = [] if words == form["formula"] else [Span(words), Span(" ")]
    spans.append(Span(form["formula"], "code", verbatim=True))
    if form["year_formula"]:
        year = formula_words(form["year_formula"], t.language)
        spans += [Span(" "), Span(t("年：{formula}", formula=year), "quiet")]
    return tuple(spans)


def _entities(form: Row, t: _Words) -> str:
    names = form["entities"]
    if names == ["site"]:
        return t("全站")
    parts = [name.split("/") for name in names]
    if len(names) > 9 and all(len(part) == 2 for part in parts):
        firsts, seconds = (list(dict.fromkeys(part[at] for part in parts)) for at in (0, 1))
        each = t.joined(_each(form["dimension"], firsts, t))
        of = t.joined(_each(form["dimension"], seconds, t))
        return t("{each} 各分 {of}", each=each, of=of)
    return t.joined(_each(form["dimension"], names, t))


def _each(dimension: str, names: Iterable[str], t: _Words) -> Iterator[str]:
    for name in names:
        yield entity_words(dimension, name, t.language) or t("全站")


def _unsure(row: Row, t: _Words) -> Cell:
    return (Span(" "), Span(t(_UNSURE), "mark")) if row["unsure"] else ()


def _used(row: Row, t: _Words) -> Line:
    """Return a factor as an indicator lists it: name, value, and its source as the link."""
    short = (
        "" if "://" in row["source_ref"] or len(row["source_ref"]) > SHORT else row["source_ref"]
    )
    source = " ".join(filter(None, (row["source"], short))) or "--"
    return Line((
        (Span(t.own(row)), Span(" "), Span(row["factor_id"], "code"), *_unsure(row, t)),
        _plain(f"{_number(row['value'])} {row['unit']}"),
        (Span(source, href=f"#factor-{row['factor_id']}", verbatim=True),),
    ))  # fmt: skip


def _factors(basis: Row, t: _Words) -> Section:
    head = t.head("因子", "取值", "适用", "出处", "用于", fixed=("适用",))
    names = {row["indicator"]: t.own(row) for row in basis["indicators"]}
    rows = tuple(_factor(row, names, t) for row in basis["factors"])
    unsure = sum(row["unsure"] for row in basis["factors"])
    intro = t("因子 {count} 行，其中 {unsure} 行未核实或假定。空白的不确定度按 {pct}% 计。",
              count=len(rows), unsure=unsure, pct=f"{_default_pct(basis):g}")  # fmt: skip
    return Section("factors", t("所用因子"), (intro,), (), (("", Table(head, rows)),))


def _default_pct(basis: Row) -> float:
    return float(next(u["pct"] for u in basis["uncertainties"] if u["name"] == "factor"))


def _factor(row: Row, names: Mapping[str, str], t: _Words) -> Line:
    pct = "--" if row["uncertainty_pct"] is None else f"±{row['uncertainty_pct']:g}%"
    sure = t("不确定度 {pct}，可信度{sure}", pct=pct, sure=t(_SURE[row["confidence"]]))
    users = [names[name] for name in row["indicators"]]
    users += [t("材料因子集 {name}", name=name) for name in row["sets"]]
    users += [t("视图 {name}", name=name) for name in row["views"]]
    shown = t.joined(users[:3])
    if len(users) > 3:
        shown = t("{first}等 {count} 处", first=shown, count=len(users))
    source = (Span(row["source"], verbatim=True), Span(" "),
              Span(row["source_ref"], "quiet", verbatim=True))  # fmt: skip
    return Line(
        (
            (Span(t.own(row)), Span(" "), Span(row["factor_id"], "code"), *_unsure(row, t)),
            (Span(f"{_number(row['value'])} {row['unit']} "), Span(sure, "quiet")),
            _plain(_valid(row, t)), source, _plain(shown),
        ), f"factor-{row['factor_id']}",
    )  # fmt: skip


def _valid(row: Row, t: _Words) -> str:
    """Return when a factor is valid; whole years by their number."""
    begin = (row["valid_from"] or "").removesuffix("-01-01")
    end = (row["valid_to"] or "").removesuffix("-12-31")
    if not begin and not end:
        return t("不限")
    if begin == end:
        return begin
    if not end:
        return t("{begin} 起", begin=begin)
    return t("{begin} ～ {end}", begin=begin or "--", end=end)


_SURE = {"high": "高", "medium": "中", "low": "低"}


def _sets(basis: Row, t: _Words) -> Section:
    default = next(s["default"] for s in basis["settings"] if s["name"] == "material_set")
    intro = t("减排因子 = 替代系数 κ ×（原生因子 − 再生因子），kgCO₂e/t。默认用 {name}。",
              name=default)  # fmt: skip
    head = t.head("再生产物", "替代系数 κ", "原生因子", "再生因子", "减排因子",
                  numbers=("替代系数 κ", "原生因子", "再生因子", "减排因子"))  # fmt: skip
    tables = []
    for one in basis["sets"]:
        rows = [_pair(row, t) for row in one["rows"]]
        rows.append(_pair(basis["reused"], t, t("再用的硅钢片")))
        tables.append((one["set"], Table(head, tuple(rows))))
    return Section("material-sets", t("材料因子集"), (intro,), (), tuple(tables))


def _pair(row: Row, t: _Words, name: str = "") -> Line:
    def cell(value: float, factor_id: str) -> Cell:
        if not factor_id:
            return _plain(_number(value))
        return (Span(_number(value)), Span(" "),
                Span(factor_id, "code", f"#factor-{factor_id}"))  # fmt: skip

    material = name or entity_words("material", row["material"], t.language)
    return Line((
        _plain(material), cell(row["kappa"], row["kappa_id"]),
        cell(row["primary"], row["primary_id"]), cell(row["recycled"], row["recycled_id"]),
        _plain(f"{row['net']:.2f}"),
    ))  # fmt: skip


def _views(basis: Row, t: _Words) -> Section:
    intro = t("视图按另外的设置或因子即时计算，不入账，也不与账本数值混在一个合计里。")
    names = {row["name"]: row for row in basis["settings"]}
    rows = []
    for view in basis["views"]:
        changed = [_change(names[name], value, t) for name, value in view["settings"].items()]
        if view["basis"] != "inventory":
            changed.append(t(_BASES[view["basis"]]))
        rows.append(Line((_code(view["view"]), _plain(t(view["sentence"])),
                          _plain(t.joined(changed)))))  # fmt: skip
    return Section("views", t("口径视图"), (intro,), (),
                   (("", Table(t.head("视图", "名称", "改变什么"), tuple(rows))),))  # fmt: skip


_BASES = {
    "footprint": "电力用碳足迹因子，柴油另加上游",
    "market": "已签合同的绿电按零计，其余用剩余电力因子",
}


def _change(setting: Row, value: object, t: _Words) -> str:
    return f"{setting[t.language]} = {_value(value)}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "--" if value is None else f"{value:g}" if isinstance(value, float) else str(value)


def _settings(basis: Row, t: _Words) -> Section:
    intro = t("写在站点文件的 [settings] 里；改动须由另一人批准，批准后相关月份重算，旧值保留。")
    rows = tuple(
        Line((_code(row["name"]), _plain(row[t.language]), _code(_value(row["default"])),
              _plain(_allowed(row, t))))
        for row in basis["settings"]
    )  # fmt: skip
    head = t.head("设置", "含义", "默认", "可选")
    return Section("settings", t("站点设置项"), (intro,), (), (("", Table(head, rows)),))


def _allowed(setting: Row, t: _Words) -> str:
    if setting["kind"] == "bool":
        return "true, false"
    if setting["choices"]:
        return ", ".join(setting["choices"])
    if setting["high"] == float("inf"):
        return t("不小于 {low}", low=f"{setting['low']:g}")
    return t("{low} 到 {high}", low=f"{setting['low']:g}", high=f"{setting['high']:g}")


def _flags(basis: Row, t: _Words) -> Section:
    intro = t("标记随数值进入每一个由它得出的数值。这张表是封闭的，共 {count} 个。",
              count=len(basis["flags"]))  # fmt: skip
    rows = tuple(Line((_code(row["flag"]), _plain(t(row["sentence"])))) for row in basis["flags"])
    return Section("flags", t("标记"), (intro,), (),
                   (("", Table(t.head("标记", "含义"), rows)),))  # fmt: skip


def _quality(basis: Row, t: _Words) -> Section:
    rows = tuple(
        Line(((Span(t(_QUALITIES[row["quality"]])), Span(" "), Span(row["quality"], "code")),
              _plain(t(row["sentence"]))))
        for row in basis["qualities"]
    )  # fmt: skip
    intro = t("由好到差排列；由几个数得出的数值取其中最差的。")
    return Section("quality", t("数据质量"), (intro,), (),
                   (("", Table(t.head("质量", "含义"), rows)),))  # fmt: skip


def _uncertainty(basis: Row, t: _Words) -> Section:
    intro = (
        t("下列是 95% 区间的半宽。每个月度数值按误差传递得出不确定度（IPCC 2006 第 1 卷第 3 章，"
          "方法 1）。"),
        t("产品替代、全流程排放、碳减排和清洁能源替代另作联合抽样 {draws} 次，种子 {seed}：每次抽样"
          "质量都闭合，同一个因子只抽一次（方法 2）。", draws=f"{basis['draws']:,}",
          seed=basis["seed"]),
    )  # fmt: skip
    rows = tuple(
        Line(((Span(t(row["sentence"])), Span(" "), Span(row["name"], "code")),
              _plain(f"±{row['pct']:g}%")))
        for row in basis["uncertainties"]
    )  # fmt: skip
    head = t.head("数据", "半宽", numbers=("半宽",))
    return Section("uncertainty", t("不确定度默认值"), intro, (), (("", Table(head, rows)),))


def _numbered(basis: Row, t: _Words, name: str, title: str) -> Section:
    rows = tuple(
        Line((_plain(row["id"]), _plain(t(row["sentence"])), _code(*row["modules"])),
             row["id"].lower())
        for row in basis[name]
    )  # fmt: skip
    head = t.head("编号", "内容", "实现", fixed=("编号",))
    return Section(name, t(title), (), (), (("", Table(head, rows)),))


# Search ---------------------------------------------------------------------------------------


def matching(sections: Iterable[Section], wanted: str) -> list[Section]:
    """Return what of the sections holds every word that is looked for."""
    words = wanted.casefold().split()
    found = []
    for section in sections:
        entries = tuple(e for e in section.entries if _holds(_entry_words(e), words))
        tables = []
        for title, table in section.tables:
            rows = tuple(row for row in table.rows if _holds(_line_words(row), words))
            tables += [(title, replace(table, rows=rows))] if rows else []
        left = replace(section, entries=entries, tables=tuple(tables))
        if not left.empty:
            found.append(left)
    return found


def count_of(sections: Iterable[Section]) -> int:
    """Return how many indicators and rows the sections hold."""
    return sum(len(s.entries) + sum(len(table.rows) for _, table in s.tables) for s in sections)


def _holds(words: str, wanted: Iterable[str]) -> bool:
    found = words.casefold()
    return all(word in found for word in wanted)


def _line_words(line: Line) -> str:
    return " ".join(map(_cell_words, line.cells))


def _entry_words(entry: Entry) -> str:
    rows = (_line_words(row) for row in (*entry.table.rows, *entry.factors))
    return " ".join((entry.name, entry.code, entry.unit, *rows))


# As Markdown ----------------------------------------------------------------------------------


def markdown(basis: Row, language: str) -> str:
    """Return the chapter as Markdown."""
    made = text("由 make basis 从代码生成，请勿手工修改。", language)
    parts = [f"# {text('核算口径', language)}", f"> {made}", *preface(basis, language)]
    for section in chapter(basis, language):
        parts += [f"## {section.title}", *section.intro]
        for entry in section.entries:
            parts += _entry_markdown(entry)
        for title, table in section.tables:
            parts += [f"### {title}"] * bool(title)
            parts.append(_table_markdown(table))
    return "\n\n".join(parts) + "\n"


def _entry_markdown(entry: Entry) -> list[str]:
    title = f"### {entry.name} `{entry.code}` {entry.unit}".strip()
    found = [title, _table_markdown(entry.table)]
    if not entry.factors:
        return [*found, entry.count]
    lines = [f"- {', '.join(_cell_markdown(cell) for cell in row.cells)}" for row in entry.factors]
    return [*found, f"{entry.count}:", "\n".join(lines)]


def _table_markdown(table: Table) -> str:
    head = " | ".join(title for title, _ in table.head)
    rule = "|".join("---:" if cls == "num" else "---" for _, cls in table.head)
    rows = (" | ".join(_cell_markdown(cell) for cell in row.cells) for row in table.rows)
    return "\n".join([f"| {head} |", f"|{rule}|", *(f"| {row} |" for row in rows)])


def _cell_markdown(cell: Cell) -> str:
    return "".join(_span_markdown(span) for span in cell).strip()


def _span_markdown(span: Span) -> str:
    words = span.words.replace("|", "\\|")
    if span.look == "code":
        return f"`{words}`"
    if span.look == "mark":
        return f"**{words}**"
    for sign in "*_<":
        words = words.replace(sign, f"\\{sign}")
    return words


# As elements ----------------------------------------------------------------------------------
#
# Dash asks every element of a page for each one that is new: the whole chapter at once, 6,000
# elements, took a browser over a minute, its longest section takes a second. So a page shows one
# section at a time, indicators in brief, and cells hold no element without need.


def section_elements(section: Section, language: str, target: str = "") -> list[Node]:
    """Return a section as elements: its indicators in brief, its tables whole."""
    inside: list[Content] = [el("P", words, cls="help-words") for words in section.intro]
    if section.entries:
        brief = Table(section.brief, tuple(entry.brief for entry in section.entries))
        inside.append(table_element(brief, language))
    for title, table in section.tables:
        inside += [el("H3", title)] * bool(title)
        inside.append(table_element(table, language, target))
    return [_panel(section.anchor, section.title, language, inside, target)]


def entry_elements(entry: Entry, language: str, target: str = "") -> list[Node]:
    """Return an indicator as elements: its forms, and every factor with its source."""
    title = [entry.name, " ", el("Code", entry.code), " ",
             el("Span", entry.unit, cls="help-unit")]  # fmt: skip
    inside: list[Content] = [table_element(entry.table, language), el("H3", entry.count)]
    if entry.factors:
        rows = [
            el("Li", *(s for cell in row.cells for s in (*map(_span_element, cell), " ")))
            for row in entry.factors
        ]
        inside.append(el("Ul", rows, cls="help-factors"))
    back = el(
        "P", el("A", text("全部指标", language), href="#indicators", cls="help-link help-back")
    )
    return [_panel(entry.anchor, title, language, [inside, back], target, " help-entry")]


def found_elements(sections: Iterable[Section], language: str) -> list[Node]:
    """Return what a search found, `MOST` rows of it."""
    left, nodes = MOST, []
    for section in sections:
        tables = [Table(section.brief, tuple(entry.brief for entry in section.entries))]
        tables += [table for _, table in section.tables]
        shown = []
        for table in tables:
            rows = table.rows[:left]
            left -= len(rows)
            shown += [table_element(replace(table, rows=rows), language)] if rows else []
        if shown:
            title = el("H2", el("A", section.title, href=f"#{section.anchor}", cls="help-name"))
            nodes.append(el("Section", title, shown, cls="card help-chapter",
                            data_panel=section.anchor, data_state="ready"))  # fmt: skip
    return nodes


def paper_list(section: Section, clause: str, language: str) -> Node:
    """Return the appendix of a page on paper: formulas of its indicators, their factors once.

    Few elements, each of one line of words: no screen shows them.
    """
    comma = "，" if language == "zh" else ", "
    entries = [e for e in section.entries if f"{clause}." in _cell_words(e.brief.cells[2])]
    factors = {_factor_id(row): row for entry in entries for row in entry.factors}
    lines = [el("Li", _paper_words(entry, comma, language)) for entry in entries]
    used = [el("Li", comma.join(map(_cell_words, row.cells))) for row in factors.values()]
    return el(
        "Section", el("H2", text("附录：核算依据", language)), el("Ol", lines),
        [el("H3", text("所用因子", language)), el("Ul", used)] if used else None,
        cls="print-only paper-basis",
    )  # fmt: skip


def _paper_words(entry: Entry, comma: str, language: str) -> str:
    _, unit, clauses, formula, _ = (_cell_words(cell) for cell in entry.brief.cells)
    head = comma.join(filter(None, (f"{entry.name} {entry.code}", unit, clauses)))
    ids = ", ".join(map(_factor_id, entry.factors))
    return f"{head}: {formula}" + (f" | {text('因子', language)}: {ids}" if ids else "")


def _factor_id(row: Line) -> str:
    return next(span.words for span in row.cells[0] if span.look == "code")


def _cell_words(cell: Cell) -> str:
    return "".join(span.words for span in cell)


def _panel(
    anchor: str, title: Content, language: str, inside: Content, target: str, cls: str = ""
) -> Node:
    button = copy_button(language, focus=target == anchor)
    head = el("Div", el("H2", title), button, cls="help-head")
    return el("Section", head, inside, cls=f"card help-chapter{cls}", data_panel=anchor,
              data_state="ready")  # fmt: skip


def copy_button(language: str, *, focus: bool = False) -> Node:
    """Return the button that copies the link of its panel; the focus brings it into sight."""
    words = text("复制链接", language)
    return el("Button", icon("link"), cls="tool help-copy", type="button", data_do="link",
              title=words, aria_label=words, autoFocus=focus or None)  # fmt: skip


def table_element(table: Table, language: str, target: str = "") -> Node:
    """Return a table whose rows become cards where there is no room for columns."""
    head = el("Tr", [el("Th", title, cls=cls, scope="col") for title, cls in table.head])
    rows = [_row_element(row, table.head, language, target) for row in table.rows]
    return el("Table", el("Thead", head), el("Tbody", rows), cls="help-table")


def _row_element(row: Line, head: Sequence[tuple[str, str]], language: str, target: str) -> Node:
    here = bool(target) and row.anchor == target
    button = copy_button(language, focus=True) if here else None
    cells = [
        el("Td", [_span_element(span) for span in cell], None if at else button, cls=cls,
           data_label=title)
        for at, (cell, (title, cls)) in enumerate(zip(row.cells, head, strict=True))
    ]  # fmt: skip
    return el("Tr", cells, id=row.anchor or None, cls="is-target" if here else "",
              data_panel=row.anchor if here else None)  # fmt: skip


_LOOKS = {"code": ("Code", ""), "mark": ("Span", "help-mark"), "quiet": ("Span", "help-quiet")}


def _span_element(span: Span) -> Content:
    verbatim = "1" if span.verbatim else None
    if span.href:
        return el("A", span.words, href=span.href, cls=f"help-link {span.look}".strip(),
                  data_verbatim=verbatim)  # fmt: skip
    if not span.look and not verbatim:
        return span.words
    tag, cls = _LOOKS.get(span.look, ("Span", ""))
    return el(tag, span.words, cls=cls, data_verbatim=verbatim)
