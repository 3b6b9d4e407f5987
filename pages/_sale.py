"""The forms of 售碳潜力: a scenario's name, a document, a step of the project, eligibility."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from figures.aims import PHASES
from figures.html import Content, Node, el
from figures.outlook import MT, SHIPPED, fact_of
from figures.project import NAMES, acts_of
from figures.sales import SOURCE_WORDS, Document
from figures.view import View
from figures.whatif import words_of
from pages._edit import Written, listed

LONGEST_NAME = 40
LONGEST = 120
# The tests of flag_k (accounting.md §11).
TESTS = (
    "须同时具备：方法学在册有效；项目与减排时间符合规定；真实、唯一、额外；监测数据联网存档；权属清楚。"
    "提交后由另一人批准，批准后重算"
)
ENDINGS = ".pdf,.png,.jpg,.jpeg,.ofd,.docx,.xlsx"


def line(name: str, label: str, longest: int, value: str = "", *, wide: bool = False) -> Node:
    """Return a field of one line; the script puts the value it had into it."""
    box = el("Textarea", data_field=name, data_chosen=value, maxLength=str(longest), rows="1",
             cls="edit-line")  # fmt: skip
    return el("Label", el("Span", label, cls="work-label"), box,
              cls="work-field" + (" work-wide" if wide else ""))  # fmt: skip


def choice(name: str, label: str, choices: Sequence[tuple[str, str]], chosen: str) -> Node:
    """Return a choice of one."""
    items = [el("Option", words, value=value) for value, words in choices]
    box = el("Select", items, data_field=name, data_chosen=chosen, cls="edit-select")
    return el("Label", el("Span", label, cls="work-label"), box, cls="work-field")


def form(act: str, key: str, site: str, *inside: Content, **fixed: str) -> Node:
    """Return a form; what it sends besides its fields stands in its attributes."""
    more = {f"data_{name}": value for name, value in fixed.items()}
    return el("Div", *inside, cls="work-fields edit-form", data_kind="sale", data_act=act,
              data_key=key, data_site=site, **more)  # fmt: skip


def scenario_form(view: View, of: str, key: str) -> tuple[Content, Content]:
    """Return the form that saves the sliders under a name; a name that is there is overwritten."""
    t, sales = view.t, view.sales
    if sales is None or sales.scene is None:
        return t("保存情景"), t("还没有减碳量预测：作出预测后自动显示")
    said = _said(view, of)
    kept = [one.name for one in sales.scene.saved]
    there = t("已有：{names}；同名的会被替换", names="、".join(kept)) if kept else ""
    inside = form(
        "scenario-save", key, sales.site,
        line("name", t("名称，最多 {most} 字", most=LONGEST_NAME), LONGEST_NAME, wide=True),
        el("P", said, cls="edit-of work-wide"),
        el("P", there, cls="work-wide sale-note", data_verbatim="1") if there else None, of=of,
    )  # fmt: skip
    return t("保存情景"), inside


def whatif_form(view: View, of: str, key: str) -> tuple[Content, Content]:
    """Return the form that saves a what-if under a name."""
    t, sales = view.t, view.sales
    if sales is None or not sales.site:
        return t("保存假设"), t("假设分析属于一个站点，请先只选一个站点")
    inside = form(
        "whatif-save", key, sales.site,
        line("name", t("名称，最多 {most} 字", most=LONGEST_NAME), LONGEST_NAME, wide=True),
        el("P", words_of(view, of), cls="edit-of work-wide"), of=of,
    )  # fmt: skip
    return t("保存假设"), inside


def _said(view: View, of: str) -> str:
    """Return the sliders' values in words."""
    try:
        price, growth, ratio = (float(one) for one in of.split(","))
    except ValueError:
        return ""
    return view.joined(
        f"{view.t('CCER 均价')} {view.t('{value} 元/t', value=f'{price:.1f}')}",
        f"{view.t('年处理量增速')} {growth:.1f} %",
        f"{view.t('可核证比例')} {100 * ratio:.0f} %",
    )


def evidence_form(view: View, of: str, key: str) -> tuple[Content, Content]:
    """Return the form of a document: a new one, or one that there is."""
    t, sales = view.t, view.sales
    if sales is None or not sales.site:
        return t("佐证材料"), t("佐证材料属于一个站点，请先只选一个站点")
    found = sales.document(int(of)) if of.isascii() and of.isdecimal() else None
    had = found or Document(0, "", "", "", "", "", "", "support", "", "", "", 0, False, "")
    types = "PDF, OFD, PNG, JPG, DOCX, XLSX"
    stances = [("support", t("支持")), ("argue", t("需论证"))]
    file = el(
        "Div",
        el("Span", t("原件（{types}，最多 {most} MB）", types=types, most=20), cls="work-label"),
        el("P", had.file, cls="sale-note", data_verbatim="1") if had.file else None,
        el("Div", cls="work-file", data_file="evidence", data_accept=ENDINGS,
           data_label=t("原件"), data_busy=t("正在上传"), data_ready=t("已上传"),
           data_failed=t("没有传上去，请重选")),
        cls="work-field work-wide",
    )  # fmt: skip
    inside = form(
        "evidence-change" if found else "evidence-add", key, found.site if found else sales.site,
        line("title", t("名称"), LONGEST, had.title, wide=True),
        line("number_of", t("文号"), LONGEST, had.number),
        line("issuer", t("发布机关"), LONGEST, had.issuer),
        line("issued_on", t("发布日期（2026-12-31）"), 10, had.issued_on),
        line("expires_on", t("到期日，没有可不填"), 10, had.expires_on),
        line("clause", t("适用条款"), LONGEST, had.clause),
        choice("stance", t("支持或需论证"), stances, had.stance),
        file, number=str(had.evidence),
    )  # fmt: skip
    return t("修改佐证材料") if found else t("添加佐证材料"), inside


def step_form(view: View, of: str, key: str) -> tuple[Content, Content]:
    """Return the form of a step: what can be done with it as it stands, and its history."""
    t, sales = view.t, view.sales
    if sales is None or of not in set("123456"):
        return t("项目步骤"), t("没有这个步骤")
    n = int(of)
    step, name = sales.project.steps[n], view.t(NAMES[n - 1][0])
    acts = acts_of(view, sales, n)
    live = [one for one in sales.documents if one.counts_on(sales.today)]
    picked = [
        el("Label", el("Span", f"#{one.evidence} {one.title}", data_verbatim="1"),
           cls="sale-pick", data_check=str(one.evidence),
           data_on="1" if one.evidence in step.evidence else "")
        for one in live
    ]  # fmt: skip
    documents = el(
        "Div", el("Span", t("所用佐证材料"), cls="work-label"),
        el("Div", picked, cls="sale-picks", data_checks="documents") if picked
        else el("P", t("还没有佐证材料：先在 CCER 政策分析中添加"), cls="sale-note"),
        cls="work-field work-wide",
    )  # fmt: skip
    gate = t("没有适用方法学，第 1 步不能完成；先在适用性中为减排来源登记方法学和佐证材料")
    note = gate if n == 1 and not sales.eligible else ""
    if not acts:
        note = t("这一步已完成，只能退回第 1 或第 4 步")
    inside = form(
        "project-step", key, sales.site,
        el("P", t(NAMES[n - 1][1]), cls="edit-of work-wide"),
        choice("act", t("要做什么"), acts, acts[-1][0]) if acts else None,
        line("owner", t("责任人"), LONGEST, step.owner),
        line("planned_on", t("计划完成日期（2026-12-31）"), 10, step.planned_on),
        line("actual_on", t("实际完成日期"), 10, step.actual_on),
        documents,
        line("reason", t("原因，退回时必填"), 200, wide=True),
        el("P", note, cls="sale-note work-wide") if note else None,
        number=str(n),
    )  # fmt: skip
    return t("第 {n} 步 {name}", n=n, name=name), inside


def eligibility_form(view: View, of: str, key: str) -> tuple[Content, Content]:
    """Return the form of a source's switch: what is sent is proposed to a second person."""
    t, sales = view.t, view.sales
    one = next((s for s in sales.sources if s.source == of), None) if sales else None
    if sales is None or one is None:
        return t("方法学适用性"), t("没有这个减排来源")
    live = [d for d in sales.documents if d.counts_on(sales.today)]
    choices = [("0", t("请选择"))] + [(str(d.evidence), f"#{d.evidence} {d.title}") for d in live]
    inside = form(
        "eligibility-propose", key, sales.site,
        el("P", t(SOURCE_WORDS[one.source]), cls="edit-of work-wide"),
        choice("applies", t("有适用方法学"), [("no", t("否")), ("yes", t("是"))],
               "yes" if one.eligible else "no"),
        line("methodology", t("方法学编号"), 60, one.methodology),
        choice("evidence", t("佐证材料"), choices, one.evidence or "0"),
        el("P", t(TESTS), cls="sale-note work-wide"),
        of=one.source,
    )  # fmt: skip
    return t("方法学适用性"), inside


def fact_form(view: View, of: str, key: str) -> tuple[Content, Content]:
    """Return the form of a quantity of the national market, and what was stated before."""
    t, sales = view.t, view.sales
    if sales is None or of not in SHIPPED:
        return t("市场数据"), t("没有这项市场数据")
    fact, shipped, stated = fact_of(view, of), SHIPPED[of], sales.stated.get(of, ())
    inside = form(
        "fact-set", key, view.sites[0].site,
        el("P", t("{name}：全国市场数据，各站点共用；须注明年份和来源", name=fact.name),
           cls="edit-of work-wide"),
        line("value", t("数值（MtCO₂e）"), 24, _plain(fact.tonnes / MT)),
        line("period", t("年份或截至日期（2026 或 2026-12-31）"), 10,
             stated[0].period if stated else ""),
        line("source", t("来源"), LONGEST, stated[0].source if stated else "", wide=True),
        of=of,
    )  # fmt: skip
    there = [
        Written(0, one.period, _joined(f"{_plain((one.amounts['tonnes'] or 0.0) / MT)} MtCO₂e",
                                       one.source), one.by, own=False, old=at > 0)
        for at, one in enumerate(stated)
    ]  # fmt: skip
    words = _joined(f"{_plain(shipped.tonnes / MT)} MtCO₂e", t(shipped.year), t(shipped.source))
    there.append(Written(0, "", words, t("随产品提供"), own=False, old=bool(stated)))
    return t("市场数据"), [inside, listed(view, t("已设定的"), there, edits=False)]


def phase_form(view: View, of: str, key: str) -> tuple[Content, Content]:
    """Return the form of what a phase should bring, and what was stated before."""
    t, sales = view.t, view.sales
    title = t("预期成果")
    if sales is None or not sales.site or of not in PHASES:
        return title, t("预期成果属于一个站点，请先只选一个站点")
    stated = sales.stated.get(of, ())
    now = stated[0].amounts if stated else {}
    inside = form(
        "phase-set", key, sales.site,
        el("P", t("{name}：至少填写一项，须注明年份和来源", name=t(PHASES[of])),
           cls="edit-of work-wide"),
        line("period", t("年份（2026）"), 4, stated[0].period if stated else ""),
        *(line(name, t(label), 24, _plain(_typed(now, name))) for name, label in _PHASE_AMOUNTS),
        line("source", t("来源"), LONGEST, stated[0].source if stated else "", wide=True),
        of=of,
    )  # fmt: skip
    there = [
        Written(0, one.period, _joined(*_phase_words(view, one.amounts), one.source), one.by,
                own=False, old=at > 0)
        for at, one in enumerate(stated)
    ]  # fmt: skip
    return title, [inside, listed(view, t("已设定的"), there, edits=False)]


_PHASE_AMOUNTS = (
    ("reduction", "减排量（tCO₂e/年）"), ("revenue", "累计收益（万元，至该年末）"),
    ("mass", "处理量（t/年）"),
)  # fmt: skip
_TYPED = {"reduction": 1e3, "revenue": 1e4, "mass": 1.0}


def _typed(amounts: Mapping[str, float | None], name: str) -> float | None:
    value = amounts.get(name)
    return None if value is None else value / _TYPED[name]


def _phase_words(view: View, amounts: Mapping[str, float | None]) -> list[str]:
    return [f"{view.t(label)} {_plain(value)}" for name, label in _PHASE_AMOUNTS
            if (value := _typed(amounts, name)) is not None]  # fmt: skip


def _plain(value: float | None) -> str:
    """Return a number as it is typed."""
    return "" if value is None else f"{value:.10g}"


def _joined(*words: str) -> str:
    return " · ".join(filter(None, words))
