"""5.7 g: the six steps of a CCER project, how far it is and what was done."""

from __future__ import annotations

from accounting.project import BACK_TO, DONE, RUNNING, STEPS, WAITING, Step
from figures.cards import Built
from figures.html import Content, Node, el, icon
from figures.sales import Sales
from figures.view import View

NAMES = (
    ("项目准备", "方法学适用、边界与基准线、项目设计文件和公示"),
    ("项目审核", "经批准的机构审定，出具审定报告"),
    ("项目登记和备案", "在注册登记系统登记项目"),
    ("项目实施和监测", "按监测计划计量、校准，数据联网并留存"),
    ("减排量核证", "监测报告公示，经批准的机构核查"),
    ("减排量签发", "登记减排量，计入持有账户后方可交易"),
)
SOON_DAYS = 30
MOST_HISTORY = 40


def path(view: View) -> Built:
    """Return the six steps with owner, dates, documents and days left."""
    sales = view.sales
    if sales is None or not sales.site:
        return Built(empty=view.t("项目属于一个站点，请先只选一个站点"))
    items = [_step(view, sales, n) for n in STEPS]
    ready = bool(sales.eligible)
    gate = "" if ready else view.t("没有适用方法学时第 1 步不能完成")
    return Built(
        subtitle=_where(view, sales),
        body=el("Div", el("Ol", items, cls="path"), _history(view, sales), data_site=sales.site),
        foot=view.joined(gate, _planned(view, sales)),
        mark=el("Span", icon("calendar-check"), view.t("按计划"), cls="badge badge-info")
        if _on_time(sales)
        else None,
    )


def _where(view: View, sales: Sales) -> str:
    project = sales.project
    if project.current > STEPS[-1]:
        return view.t("六个步骤均已完成")
    if not project.begun:
        return view.t("六个步骤，均未开始")
    name = view.t(NAMES[project.current - 1][0])
    return view.t("当前阶段：{name}，点击步骤查看所需材料与责任人", name=name)


def _planned(view: View, sales: Sales) -> str:
    """Return from when until when the project is planned; empty without any date."""
    days = sorted(filter(None, (s.planned_on for s in sales.project.steps.values())))
    return view.t("计划 {first} ～ {last}", first=days[0], last=days[-1]) if days else ""


def _on_time(sales: Sales) -> bool:
    steps = sales.project.steps.values()
    left = [step.days_left(sales.today) for step in steps]
    known = [days for days in left if days is not None]
    return sales.project.begun and bool(known) and min(known) >= 0


def _step(view: View, sales: Sales, n: int) -> Node:
    step = sales.project.steps[n]
    title, words = NAMES[n - 1]
    name = view.t(title)
    mark = el("Span", icon("check") if step.status == DONE else str(n),
              cls=f"path-mark is-{step.status}", aria_hidden="true")  # fmt: skip
    head: Content = el("Strong", name, cls="path-name")
    if sales.keeps:
        label = view.t("第 {n} 步 {name}", n=n, name=name)
        head = el("Button", name, cls="path-name path-open", type="button", data_ask="step",
                  data_of=str(n), aria_label=label)  # fmt: skip
    titles = [found.title for e in step.evidence if (found := sales.document(e)) is not None]
    documents = el("P", icon("file-text"), view.t("材料 {count} 份", count=len(titles)),
                   cls="path-words", title="; ".join(titles)) if titles else None  # fmt: skip
    owner = el("P", icon("user"), el("Span", step.owner, data_verbatim="1"),
               cls="path-words") if step.owner else None  # fmt: skip
    return el(
        "Li", mark,
        el("Div", head, el("P", view.t(words), cls="path-words"), _status(view, step, sales),
           owner, documents, cls="path-body"),
        cls=f"path-step is-{step.status}", data_step=str(n),
        aria_current="step" if step.status == RUNNING else None,
    )  # fmt: skip


def _status(view: View, step: Step, sales: Sales) -> Node:
    left = step.days_left(sales.today)
    if step.status == DONE:
        words = view.t("{day} 完成", day=step.actual_on)
        return el("Span", icon("circle-check"), words, cls="badge badge-ok")
    if left is not None and left < 0:
        words = view.t("逾期 {days} 天", days=-left)
        return el("Span", icon("triangle-alert"), words, cls="badge badge-danger")
    if step.status == RUNNING:
        words = view.t("进行中") if left is None else view.t("进行中，剩 {days} 天", days=left)
        soon = left is not None and left <= SOON_DAYS
        return el("Span", icon("clock"), words, cls=f"badge badge-{'warn' if soon else 'info'}")
    words = view.t("未开始") if left is None else view.t("预计 {day}", day=step.planned_on)
    return el("Span", icon("clock"), words, cls="badge badge-stale")


def acts_of(view: View, sales: Sales, n: int) -> list[tuple[str, str]]:
    """Return what can be done with a step as it stands: name and words, the usual one last."""
    t, step = view.t, sales.project.steps[n]
    if step.status == DONE:
        return [("back", t("退回到这一步"))] if n in BACK_TO else []
    acts = [("plan", t("保存计划"))]
    if step.status == WAITING and n == sales.project.current:
        acts.append(("begin", t("开始这一步")))
    if step.status == RUNNING:
        acts.append(("complete", t("完成这一步")))
    return acts


def _history(view: View, sales: Sales) -> Content:
    if not sales.history:
        return None
    rows = [
        el("Li", el("Span", view.t("第 {n} 步 {name}", n=one.step,
                                   name=view.t(NAMES[one.step - 1][0]))),
           el("Span", one.words, data_verbatim="1"),
           el("Span", one.by, cls="edit-by", data_verbatim="1"))
        for one in sales.history[:MOST_HISTORY]
    ]  # fmt: skip
    title = view.t("历史 {count} 条", count=len(sales.history))
    return el("Details", el("Summary", title, cls="sale-fold"),
              el("Ul", rows, cls="path-history"))  # fmt: skip
