"""The integration document of an interface (T/CASMES 615 7.2): seven items, what is in force."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial

from data import connectors
from data.connectors.base import BYTE_ORDERS, PointKind
from data.engine import Engine
from data.ingest.kinds import KINDS
from data.link_book import EVENTS
from data.points import KIND_WORDS
from data.standing_links import REST, UPLOAD, Standing
from data.state import InterfaceTest, InterfaceVersion
from reports.integration_facts import Facts, Setting, configured, standing
from reports.paper import Paper, Section, Table, without_empty
from reports.paper_docx import docx
from reports.paper_html import html
from reports.paper_pdf import pdf
from settings import Settings
from translations import text

STANDING = (REST, UPLOAD)
FORMATS: dict[str, Callable[[Paper], bytes]] = {"pdf": pdf, "docx": docx, "html": html}
ACTS = {"save": "保存", "enable": "启用接口", "disable": "停用接口", "remove": "删除"}
QUALITIES = {0: "正常", 1: "存疑", 2: "坏值", 3: "人工"}
ITEMS = (
    ("a)", "接口目的"), ("b)", "接口功能"), ("c)", "接口物理特性"), ("d)", "通信协议"),
    ("e)", "接口测试"), ("f)", "接口各方职责"), ("g)", "接口点表"),
)  # fmt: skip
# Who signs, and which setting names his institution; whoever uses the data is the site itself.
PARTIES = {"数据提供方": "provider", "系统建设方": "builder", "使用单位": ""}


def names(engine: Engine) -> list[str]:
    """Return the names of every document: the configured interfaces, then what is always there."""
    return [*engine.state.interfaces.current(), *(one.name for one in STANDING)]


def document(
    engine: Engine, name: str, settings: Settings, language: str,
    sites: tuple[str, ...] | None = None,
) -> Paper:  # fmt: skip
    """Return the integration document of an interface as it is configured now (7.2 a-g).

    Parameters
    ----------
    engine, settings
        What is running.
    name
        One of ``names``.
    language
        zh or en.
    sites
        Of whose sites a standing way in tells; None for all.

    Returns
    -------
    Paper
        The same for the same configuration and the same records.

    Raises
    ------
    NoSuchInterface, UnknownConnector
        There is none of that name, or its connector is not installed.
    """
    always = {one.name: one for one in STANDING}
    found: Standing | None = always.get(name)
    facts = (
        configured(engine, name, language) if found is None
        else standing(engine, found, settings, language, sites)
    )  # fmt: skip
    return paper(facts, language)


def paper(facts: Facts, language: str) -> Paper:
    """Return what a document says of an interface, item by item."""
    t = partial(_said, language)
    other = "en" if language == "zh" else "zh"
    kind = text(_kind_title(facts), language)
    version = facts.history[0] if facts.history else None
    titles = [
        (t("接口编号"), facts.name), (t("接口种类"), kind), (t("站点"), facts.site),
        (t("配置版本"), _version_words(facts, version, language)),
        (t("测点数"), str(len(facts.rows))), (t("点表 SM3"), facts.digest),
        (t("依据"), "T/CASMES 615—2025 7.2"),
    ]  # fmt: skip
    bodies = (_purpose, _function, _physical, _protocol, _test, _duties, _points)
    sections = tuple(
        Section(letter, t(title), text(title, other), *body(facts, language))
        for (letter, title), body in zip(ITEMS, bodies, strict=True)
    )
    return Paper(
        t("接口集成文档"), text("接口集成文档", other), text(facts.title, language),
        t("演示数据") if facts.demo else "", tuple(titles), sections,
        tuple(_closing(facts, language)),
        f"{facts.name}  SM3 {facts.digest}", facts.as_of, language,
    )  # fmt: skip


def _said(language: str, key: str, **values: object) -> str:
    return text(key, language, **values)


def _kind_title(facts: Facts) -> str:
    return connectors.connector(facts.kind).title if facts.history else facts.title


def _version_words(facts: Facts, version: InterfaceVersion | None, language: str) -> str:
    if version is None:
        return text("随系统提供，始终可用", language)
    state = text("已启用" if version.wanted.enabled else "停用中", language)
    return text("{version}（{at}，{author}，{state}）", language, version=version.version,
                at=facts.local(version.at), author=version.author, state=state)  # fmt: skip


Body = tuple[tuple[str, ...], tuple[Table, ...]]


def _filled(facts: Facts, words: str, language: str) -> str:
    return text(words, language, **facts.filled) if facts.filled else text(words, language)


def _purpose(facts: Facts, language: str) -> Body:
    return (_filled(facts, facts.doc.purpose, language),), _amounts(facts, language)


def _amounts(facts: Facts, language: str) -> tuple[Table, ...]:
    """Return how many points of each kind of value there are, and whose meters they are."""
    if not facts.history:
        return ()
    t = partial(_said, language)
    points = facts.history[0].wanted.points
    counts = Counter(point.kind for point in points)
    rows = tuple(
        (t(KIND_WORDS[kind.value]), str(counts[kind]),
         "、".join(dict.fromkeys(p.meter_id for p in points if p.kind is kind and p.meter_id))
         or "--",
         "、".join(dict.fromkeys(p.unit for p in points if p.kind is kind and p.unit)) or "--")
        for kind in PointKind if counts[kind]
    )  # fmt: skip
    return (Table("", (t("量类"), t("测点数"), t("对应表计"), t("单位")), rows),) if rows else ()


def _function(facts: Facts, language: str) -> Body:
    t = partial(_said, language)
    ways = {
        True: t("本系统按周期主动读取，只读不写。"), False: t("由对方发送，本系统只接收。"),
        None: t("由人员提供文件，本系统校验后入库。"),
    }  # fmt: skip
    words = [_filled(facts, facts.doc.function, language), ways[facts.polls]]
    if facts.history and facts.history[0].wanted.points:
        periods = sorted({point.period_s for point in facts.history[0].wanted.points})
        shown = "、".join(f"{one:g}" for one in periods)
        words.append(t("点表中的采集周期：{periods} 秒。", periods=shown))
    return tuple(words), ()


def _physical(facts: Facts, language: str) -> Body:
    return (_filled(facts, facts.doc.physical, language),), _settings(
        [one for one in facts.settings if one.physical], language
    )


def _settings(found: list[Setting], language: str) -> tuple[Table, ...]:
    t = partial(_said, language)
    rows = tuple((one.name, one.value or "--", t(one.meaning) if one.meaning else "--")
                 for one in found)  # fmt: skip
    return (Table("", (t("设置"), t("取值"), t("含义")), rows),) if rows else ()


def _protocol(facts: Facts, language: str) -> Body:
    t = partial(_said, language)
    parties = PARTIES.values()
    tables = _settings(
        [one for one in facts.settings if not one.physical and one.name not in parties], language
    )
    if facts.history:
        rows = tuple((p.point_id, p.dtype, p.byte_order, p.example)
                     for p in facts.history[0].wanted.points if p.example)  # fmt: skip
        if rows:
            head = (t("点号"), t("数据类型"), t("字节序"), t("例子"))
            tables = (*tables, Table(t("字节序的例子（由载入时验算）"), head, rows))
    return (_filled(facts, facts.doc.protocol, language),), tables


def _test(facts: Facts, language: str) -> Body:
    t = partial(_said, language)
    words = [_filled(facts, facts.doc.test, language)]
    tables: list[Table] = []
    if facts.history:
        if facts.test is None:
            words.append(t("还没有试读记录：试读一次之后，结果写在这里。"))
        else:
            words.append(_verdict(facts, facts.test, language))
            tables += [_results(facts.test, language)] if facts.test.report.rows else []
    elif not (facts.last or facts.events or facts.came):
        words.append(t("还没有收到过数据：收到之后，最近的记录写在这里。"))
    tables += _ran(facts, language)
    return tuple(words), tuple(tables)


def _verdict(facts: Facts, test: InterfaceTest, language: str) -> str:
    key = (
        "最近一次试读：{at}，{author}，点表版本 {version}，{good} 个测点有值，{bad} 个没有，"
        "用时 {elapsed} 秒，结论：{verdict}。"
    )
    good = sum(row.value is not None and not row.error for row in test.report.rows)
    verdict = text("通过" if test.report.ok else "未通过", language)
    said = text(key, language, at=facts.local(test.at), author=test.author, version=test.version,
                good=good, bad=len(test.report.rows) - good,
                elapsed=f"{test.report.elapsed_s:.2f}", verdict=verdict)  # fmt: skip
    if test.report.error:
        said += " " + text(test.report.error, language)
    if test.report.clock_skew_s is not None:
        skew = f"{test.report.clock_skew_s:+.1f}"
        said += " " + text("设备时钟偏差 {skew} 秒。", language, skew=skew)
    if facts.history[0].version != test.version:
        said += " " + text("此后配置有变动，须重新试读。", language)
    return said


def _results(test: InterfaceTest, language: str) -> Table:
    t = partial(_said, language)
    head = (t("点号"), t("原始字节"), t("数值"), *BYTE_ORDERS, t("说明"))
    rows = []
    for row in test.report.rows:
        by_order = dict(row.orders)
        value = "--" if row.value is None else f"{row.value:f} {row.unit}".strip()
        orders = ["" if (one := by_order.get(o)) is None else f"{one:g}" for o in BYTE_ORDERS]
        said = "；".join(t(words) for words in (row.error, row.hint) if words)
        rows.append((row.point_id, row.raw_hex or "--", value, *orders, said))
    table = without_empty(head, rows, kept=3)
    return Table(t("试读结果"), table.head, table.rows)


def _ran(facts: Facts, language: str) -> Iterator[Table]:
    """Yield what was recorded while the interface ran: newest values, events, files."""
    t = partial(_said, language)
    if facts.last:
        yield Table(
            t("各测点最近一次数值"), (t("点号"), t("时间"), t("数值"), t("质量"), t("收到时间")),
            tuple((v.point, facts.local(v.ts), "--" if v.value is None else f"{v.value:f}",
                   t(QUALITIES[int(v.q)]), facts.local(v.received_at)) for v in facts.last),
        )  # fmt: skip
    if facts.events:
        yield Table(
            t("最近的运行事件"), (t("开始"), t("结束"), t("事件"), t("对象"), t("次数")),
            tuple((facts.local(e.began), facts.local(e.ended) if e.ended else t("仍在持续"),
                   t(EVENTS[e.code]), e.point or e.interface, str(e.times)) for e in facts.events),
        )  # fmt: skip
    if facts.came:
        yield Table(
            t("最近导入的文件"),
            (t("文件"), t("种类"), t("时间"), t("新增行"), t("相同行"), t("更正行")),
            tuple((c.name, _kind(c.kind, language), facts.local(c.at), str(c.new_rows),
                   str(c.same_rows), str(c.corrections)) for c in facts.came),
        )  # fmt: skip


def _kind(kind: str, language: str) -> str:
    return text(KINDS[kind].zh if kind in KINDS else "站点", language)


def _duties(facts: Facts, language: str) -> Body:
    words = [_filled(facts, facts.doc.duties, language)]
    if facts.history:
        key = (
            "对接维护：本接口的配置与点表由 {author} 最近一次修改（{at}）；"
            "此后的变动由修改人记名并留存版本。"
        )
        newest = facts.history[0]
        words.append(text(key, language, author=newest.author, at=facts.local(newest.at)))
    return tuple(words), ()


def _points(facts: Facts, language: str) -> Body:
    t = partial(_said, language)
    count = t("共 {count} 个测点，SM3：{digest}", count=len(facts.rows), digest=facts.digest)
    if facts.kind == "upload":
        count = t("共 {count} 个数据项，SM3：{digest}", count=len(facts.rows), digest=facts.digest)
    if facts.kind == "rest":
        key = "按表号推送，登记的表计即测点：共 {count} 个，SM3：{digest}"
        count = t(key, count=len(facts.rows), digest=facts.digest)
    if not facts.rows:
        return (count, t("本接口按文件或视图的列取数，没有单独的测点。")), ()
    return (count,), (without_empty(facts.head, facts.rows),)


def _closing(facts: Facts, language: str) -> Iterator[Table]:
    t = partial(_said, language)
    if facts.history:
        yield Table(
            t("变更记录"),
            (t("版本"), t("时间"), t("人员"), t("动作"), t("测点数"), t("点表 SM3")),
            tuple((str(v.version), facts.local(v.at), v.author, t(ACTS[v.act]),
                   str(len(v.wanted.points)), v.points_sm3[:16]) for v in facts.history),
        )  # fmt: skip
    units = {"provider": "", "builder": "", "": facts.site}
    units |= {name: facts.filled[name] for name in units if facts.filled.get(name)}
    yield Table(
        t("签字"), (t("各方"), t("单位"), t("签字"), t("日期")),
        tuple((t(party), units[setting], "", "") for party, setting in PARTIES.items()),
    )  # fmt: skip
