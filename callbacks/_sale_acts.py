"""What the dialog of 售碳潜力 keeps: scenarios, evidence, steps of the project."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from accounting.project import Move
from accounting.scenario import Choice
from accounting.whatif import Levers
from callbacks._sales import any_eligible
from callbacks._scope import scope
from callbacks.closing import Desk, Who, announced, writes
from callbacks.factors import safe_name, stored
from data import eligibility, sales, scenarios, stated, whatif
from data.sales import NotKept, today_at
from data.state import Evidence, EvidenceSaid, Original
from data.state.scenarios import SALE, WHATIF
from security.originals import kept
from security.policy import PROJECT, SCENARIO

LONGEST_FIELD = 400
_FILE = re.compile(r"([0-9a-f]{32})\|(.{1,200})")


@dataclass(frozen=True)
class Act:
    """What the dialog sends: event, right, what does it, words of success."""

    event: str
    action: str
    does: Callable[[Desk, Who, Mapping[str, Any]], dict[str, Any]]
    words: str


def field(sent: Mapping[str, Any], name: str) -> str:
    """Return what was sent under a name, as text of at most some length."""
    value = sent.get(name)
    return value[: LONGEST_FIELD + 1] if isinstance(value, str) else ""


def number(sent: Mapping[str, Any]) -> int:
    """Return the number of what is changed; 0 for none."""
    words = field(sent, "number")
    return int(words) if words.isascii() and words.isdecimal() and len(words) < 10 else 0


def _of_site(desk: Desk, sent: Mapping[str, Any]) -> int:
    """Return the number of a saved scenario of the site that is named.

    Raises
    ------
    NotKept
        There is none.
    """
    found = desk.reader.engine.state.scenarios.find(number(sent))
    if found is None or found.site != field(sent, "site"):
        raise NotKept("没有这个情景")
    return found.scenario


def _save_scenario(desk: Desk, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    choice = scenarios.choice_of(field(sent, "of"))
    return _saved(desk, asks, sent, SALE, choice)


def _save_whatif(desk: Desk, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    levers = whatif.levers_of(field(sent, "of"))
    return _saved(desk, asks, sent, WHATIF, levers)


def _saved(
    desk: Desk, asks: Who, sent: Mapping[str, Any], kind: str, assumed: Choice | Levers
) -> dict[str, Any]:
    return {"scenario": scenarios.save(
        desk.reader.engine, field(sent, "site"), kind, field(sent, "name"), assumed, asks.name,
        field(sent, "key"),
    )}  # fmt: skip


def _remove_scenario(desk: Desk, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    kept = _of_site(desk, sent)
    scenarios.remove(desk.reader.engine, kept, asks.name, field(sent, "key"))
    back = {"do": "scenario-restore", "number": str(kept), "site": field(sent, "site")}
    return {"back": back}


def _restore_scenario(desk: Desk, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    kept = _of_site(desk, sent)
    scenarios.restore(desk.reader.engine, kept, asks.name, field(sent, "key"))
    return {"scenario": kept}


# ---- evidence ----


def _said(sent: Mapping[str, Any]) -> EvidenceSaid:
    return EvidenceSaid(
        field(sent, "title"), field(sent, "number_of"), field(sent, "issuer"),
        field(sent, "issued_on"), field(sent, "clause"), field(sent, "stance"),
        field(sent, "expires_on"),
    )  # fmt: skip


def _document(desk: Desk, sent: Mapping[str, Any]) -> Evidence:
    """Return the document that is changed; it is of the site that is named.

    Raises
    ------
    NotKept
        There is none.
    """
    found = desk.reader.engine.state.evidence.find(number(sent))
    if found is None or found.site != field(sent, "site"):
        raise NotKept("没有这份佐证材料")
    return found


def _original(desk: Desk, asks: Who, sent: Mapping[str, Any]) -> Original | None:
    """Seal the file that was uploaded; None where there is none.

    Raises
    ------
    NotKept
        It is not there any more.
    security.problem.Problem
        It cannot be kept as an original.
    """
    asked = field(sent, "file")
    if not asked:
        return None
    found, engine = _FILE.fullmatch(asked), desk.reader.engine
    path = stored(engine, asks, "evidence", found[1]) if found else None
    if found is None or path is None or not path.is_file() or desk.keys is None:
        raise NotKept("没有传上去，请重选")
    name = safe_name(found[2])
    engine.require_space(2 * path.stat().st_size)
    digest = kept(engine.home, desk.keys(), path, name)
    size = path.stat().st_size
    path.unlink()
    return Original(name, digest, size)


def _add_evidence(desk: Desk, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    said = sales.said_of(_said(sent))  # before a file is sealed for nothing
    original = _original(desk, asks, sent) or Original()
    kept_as = sales.add_evidence(desk.reader.engine, field(sent, "site"), said, original,
                                 asks.name, field(sent, "key"))  # fmt: skip
    return {"evidence": kept_as}


def _change_evidence(desk: Desk, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    found, said = _document(desk, sent), sales.said_of(_said(sent))
    original = _original(desk, asks, sent)
    sales.change_evidence(desk.reader.engine, found.evidence, said, original, asks.name,
                          field(sent, "key"))  # fmt: skip
    return {"evidence": found.evidence}


def _retire_evidence(desk: Desk, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    found = _document(desk, sent)
    sales.retire_evidence(desk.reader.engine, found.evidence, asks.name, field(sent, "key"))
    back = {"do": "evidence-restore", "number": str(found.evidence), "site": found.site}
    return {"back": back}


def _restore_evidence(desk: Desk, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    found = _document(desk, sent)
    sales.restore_evidence(desk.reader.engine, found.evidence, asks.name, field(sent, "key"))
    return {"evidence": found.evidence}


# ---- steps of the project ----


def _project_step(desk: Desk, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    site = field(sent, "site")
    picked = field(sent, "documents").split()
    if not all(one.isascii() and one.isdecimal() for one in picked):
        raise NotKept("所选佐证材料不存在、已停用或已到期")
    move = Move(
        number(sent), field(sent, "act"), field(sent, "owner"), field(sent, "planned_on").strip(),
        field(sent, "actual_on").strip(), tuple(int(one) for one in picked), field(sent, "reason"),
    )  # fmt: skip
    sales.move(
        desk.reader.engine, site, move, methodology=any_eligible(desk.reader, site),
        today=today_at(desk.reader.sites()[site].zone), author=asks.name, key=field(sent, "key"),
    )  # fmt: skip
    return {"step": move.step}


# ---- what is stated of the market and of phases ----


def _state_fact(desk: Desk, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    if scope() is not None:  # the market is everybody's
        raise NotKept("全国市场数据各站点共用，只有能查看全部站点的账号可以修改")
    stated.state_fact(
        desk.reader.engine, field(sent, "of"), field(sent, "value"), field(sent, "period"),
        field(sent, "source"), asks.name, field(sent, "key"),
    )  # fmt: skip
    return {}


def _state_phase(desk: Desk, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    amounts = {name: field(sent, name) for name in stated.AMOUNTS}
    stated.state_phase(
        desk.reader.engine, field(sent, "site"), field(sent, "of"), field(sent, "period"),
        amounts, field(sent, "source"), asks.name, field(sent, "key"),
    )  # fmt: skip
    return {}


# ---- eligibility ----


def _propose_eligibility(desk: Desk, asks: Who, sent: Mapping[str, Any]) -> dict[str, Any]:
    engine, chosen = desk.reader.engine, field(sent, "evidence")
    wanted = eligibility.Wanted(
        field(sent, "site"), field(sent, "of"), field(sent, "applies") == "yes",
        field(sent, "methodology"), int(chosen) if chosen.isascii() and chosen.isdecimal() else 0,
    )  # fmt: skip
    checked = eligibility.checked(engine, wanted)
    what = f"{wanted.site} {wanted.source} {checked.applies} {checked.methodology}".strip()
    with writes(desk), announced(desk, "eligibility.propose", what):
        return {"proposal": eligibility.propose(engine, checked, asks.name)}


ACTS: Mapping[str, Act] = {
    "scenario-save": Act("scenario.save", SCENARIO, _save_scenario, "情景已保存"),
    "whatif-save": Act("scenario.save", SCENARIO, _save_whatif, "假设已保存"),
    "scenario-remove": Act("scenario.remove", SCENARIO, _remove_scenario, "情景已删除"),
    "scenario-restore": Act("scenario.restore", SCENARIO, _restore_scenario, "情景已恢复"),
    "evidence-add": Act("evidence.add", PROJECT, _add_evidence, "佐证材料已添加"),
    "evidence-change": Act("evidence.change", PROJECT, _change_evidence, "佐证材料已修改"),
    "evidence-retire": Act("evidence.retire", PROJECT, _retire_evidence, "佐证材料已停用"),
    "evidence-restore": Act("evidence.restore", PROJECT, _restore_evidence, "佐证材料已恢复"),
    "project-step": Act("project.step", PROJECT, _project_step, "项目步骤已保存"),
    "fact-set": Act("market.fact", PROJECT, _state_fact, "市场数据已保存"),
    "phase-set": Act("phase.set", PROJECT, _state_phase, "预期成果已保存"),
    "eligibility-propose": Act(
        "eligibility.propose", PROJECT, _propose_eligibility, "已提交，待另一人批准后生效"
    ),
}
