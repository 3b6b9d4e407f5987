"""Checks of a shown page: each returns a list of findings, empty where nothing is wrong.

A finding is a dict with ``rule``, ``selector``, ``text`` and what was measured.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.browser.visit import Visit

Finding = dict[str, Any]
Check = Callable[[Visit], list[Finding]]

HERE = Path(__file__).parent
AUDIT = (HERE / "audit.js").read_text(encoding="utf-8")
AXE = (HERE / "vendor" / "axe.min.js").read_text(encoding="utf-8")
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22a", "wcag22aa"]
NARROW = 1200  # under it, or by touch, a target is 44 px (DESIGN §9)
STEPS = 300


def _ask(visit: Visit, check: str) -> Any:
    """Run a check of audit.js; evaluated sources are not bound by the page's CSP."""
    if not visit.page.evaluate("() => Boolean(window.__audit)"):
        visit.page.evaluate(AUDIT)
    return visit.page.evaluate(f"() => window.__audit.{check}()")


def page_scroll(visit: Visit) -> list[Finding]:
    """Find a page that scrolls sideways; ``text`` names what is too wide."""
    return _ask(visit, "pageScroll")


def clipped(visit: Visit) -> list[Finding]:
    """Find text that is cut, or sticks out of its box or the page."""
    return _ask(visit, "clipped")


def svg_text(visit: Visit) -> list[Finding]:
    """Find text in drawings that lies beyond the drawing."""
    return _ask(visit, "svgText")


def overlaps(visit: Visit) -> list[Finding]:
    """Find texts of one panel or chart whose letters lie over each other by more than 2 px."""
    return _ask(visit, "overlaps")


def touch_targets(visit: Visit) -> list[Finding]:
    """Find controls that a finger cannot hit; none is asked for on a wide screen with a mouse."""
    asked = visit.look.touch or visit.look.width < NARROW
    return _ask(visit, "touchTargets") if asked else []


def figures(visit: Visit) -> list[Finding]:
    """Find numbers of the ledger whose attributes are not as CONTRACT §5 says."""
    return _ask(visit, "figures")


def leftovers(visit: Visit) -> list[Finding]:
    """Find words that a program left behind: NaN, undefined, an unfilled template."""
    return _ask(visit, "leftovers")


def language(visit: Visit) -> list[Finding]:
    """Find words in the other language, unless they are marked by lang or data-verbatim."""
    return _ask(visit, "language")


@dataclass(frozen=True)
class Walk:
    """A walk through the page by the Tab key: accessible names in order, and what was wrong."""

    names: Sequence[str]
    findings: list[Finding]


def walk(visit: Visit, steps: int = STEPS) -> Walk:
    """Press Tab until the page is through; tell what was met and, if it ended, what never was."""
    _ask(visit, "focusStart")
    names: list[str] = []
    found: list[Finding] = []
    for _ in range(steps):
        visit.page.keyboard.press("Tab")
        at = _focused(visit)
        if at is None or (at["again"] and at["index"] == 0):
            return Walk(names, found + _ask(visit, "unreached"))
        if at["again"]:
            return Walk(names, [*found, _focus("trap", at)])
        names.append(at["text"])
        found += [_focus(fault, at) for fault in ("invisible", "unmarked", "covered") if at[fault]]
    return Walk(names, [*found, _focus("endless", {"selector": "html", "text": f"{steps} steps"})])


def _focused(visit: Visit) -> dict[str, Any] | None:
    """Return what has the focus; a mark that fades in gets a moment to do so."""
    at = _ask(visit, "focusAt")
    if at and not (at["visible"] and at["indicated"] and at["uncovered"]):
        visit.page.wait_for_timeout(200)
        again = _ask(visit, "focusAt")
        at = again | {"again": at["again"]} if again else None
    if at:
        at["invisible"] = not at["visible"]
        at["unmarked"] = at["visible"] and not at["indicated"]
        at["covered"] = at["visible"] and not at["uncovered"]
    return at


def _focus(fault: str, at: dict[str, Any]) -> Finding:
    return {"rule": f"focus-{fault}", "selector": at["selector"], "text": at["text"]}


def focus(visit: Visit) -> list[Finding]:
    """Find what the keyboard cannot reach, cannot leave, or gives no mark when reached."""
    return walk(visit).findings


def axe(visit: Visit) -> list[Finding]:
    """Find what axe-core finds against WCAG 2.0, 2.1 and 2.2, A and AA, contrast included."""
    if not visit.page.evaluate("() => Boolean(window.axe)"):
        visit.page.evaluate(AXE)
    return [
        _violation(rule, node) for rule in visit.page.evaluate(_AXE, WCAG) for node in rule["nodes"]
    ]


_AXE = """(tags) => window.axe.run(document, {
  runOnly: {type: 'tag', values: tags}, resultTypes: ['violations'],
}).then((done) => done.violations.map((one) => ({id: one.id, impact: one.impact,
  nodes: one.nodes.map((node) => ({target: node.target.flat().join(' '), html: node.html,
    summary: node.failureSummary}))})))"""


def _violation(rule: dict[str, Any], node: dict[str, Any]) -> Finding:
    return {
        "rule": f"axe-{rule['id']}",
        "selector": node["target"],
        "text": node["html"][:120],
        "impact": rule["impact"],
        "summary": " ".join(node["summary"].split()),
    }


def traffic(visit: Visit) -> list[Finding]:
    """Find what the page complained of, threw, asked of other hosts or was refused."""
    refused = {failure["url"] for failure in visit.failures}
    said = [line for line in visit.console if line["url"] not in refused]
    return [
        *(_heard(f"console-{line['kind']}", line["url"], line["text"]) for line in said),
        *(_heard("page-error", visit.page.url, error) for error in visit.errors),
        *(_heard("other-host", visit.page.url, url) for url in visit.foreign),
        *(_heard(f"answer-{one['status']}", visit.page.url, one["url"]) for one in visit.failures),
    ]


def _heard(rule: str, where: str, text: str) -> Finding:
    return {"rule": rule, "selector": where, "text": text}


# The walk comes last: it scrolls and leaves a focus behind.
ALL: Sequence[Check] = (
    page_scroll,
    clipped,
    svg_text,
    overlaps,
    figures,
    leftovers,
    language,
    touch_targets,
    axe,
    focus,
    traffic,
)


def everything(visit: Visit, checks: Sequence[Check] = ALL) -> list[Finding]:
    """Run checks one after the other and return all that they found."""
    return [finding for check in checks for finding in check(visit)]


def told(findings: Sequence[Finding], most: int = 60) -> str:
    """Return findings one a line, for the message of a failed test."""
    lines = [_line(finding) for finding in findings[:most]]
    more = [f"… and {len(findings) - most} more"] if len(findings) > most else []
    return "\n".join([f"{len(findings)} findings", *lines, *more])


def _line(finding: Finding) -> str:
    rest = {key: finding[key] for key in finding if key not in ("rule", "selector", "text")}
    numbers = "".join(f" {key}={value}" for key, value in rest.items())
    return f"  {finding['rule']}: {finding['selector']} {finding['text']!r}{numbers}"
