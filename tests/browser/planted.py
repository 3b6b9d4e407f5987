"""Small pages with one fault each, and what must be found on them."""

from __future__ import annotations

from dataclasses import dataclass

STYLE = """
html { font: 400 14px/1.5 "Noto Sans CJK SC", sans-serif; }
body { margin: 0; padding: 16px; background: #fff; color: #222; }
button, a.nav, summary { display: inline-flex; align-items: center; min-width: 44px;
  min-height: 44px; color: #111; }
:focus-visible { outline: 2px solid #00696b; }
.visually-hidden { position: absolute; width: 1px; height: 1px; overflow: hidden;
  clip-path: inset(50%); white-space: nowrap; }
.box { width: 160px; }
.nowrap { white-space: nowrap; }
.hidden { overflow: hidden; }
.row { display: flex; width: 200px; }
svg { display: block; }
svg text { font-size: 14px; }
"""

LONG = "a text that is a good deal longer than its box has room for"

# Everything a page may do that looks like a fault and is none.
CLEAN = f"""
<div class="row"><button type="button">OK</button><a class="nav" href="/other">Other</a></div>
<p>A sentence with an <a href="/help">inline link</a> in it.</p>
<table><tr><th scope="row">Sum</th><td><button type="button" data-figure="0123456789abcdef"
  data-value="12.5" style="min-width:0;min-height:0">12.50</button></td></tr></table>
<button type="button" data-figures="0123456789abcdef fedcba9876543210" data-rule="sum"
  data-value="">--</button>
<button type="button" data-figures="indicator=a&amp;from=2025-01&amp;to=2025-12" data-rule="view"
  data-value="1e-05">0.00</button>
<p class="visually-hidden">Words for those who listen, longer than the pixel that they have</p>
<div data-scroll="x" tabindex="0" role="region" aria-label="Wide" class="box"
  style="overflow-x:auto"><p class="nowrap" style="width:600px">{LONG}</p></div>
<details style="width:60px"><summary>More</summary><p class="nowrap">{LONG}</p></details>
<div class="box" style="position:relative;height:30px">
  <div class="nowrap" style="position:absolute;left:0">{LONG}</div></div>
<div style="display:none">NaN {{left}}</div>
<p lang="zh">中文说明</p><p data-verbatim="1">沪 {{A}}</p>
<p style="font-size:34px;line-height:1.12;height:38px;overflow:hidden">1234</p>
<section data-panel="p" data-state="ready">
  <p style="font-size:34px;line-height:1">1,234</p><p style="font-size:12px;line-height:1">t</p>
  <svg width="200" height="60" role="img" aria-label="A drawing">
    <text x="10" y="20">one</text><text x="100" y="20">two</text>
    <text x="10" y="40">three<tspan x="10" dy="16">four</tspan></text>
    <text x="-300" y="20" opacity="0">gone</text></svg>
</section>
<label>Name <input name="n" value="short" style="height:44px"></label>
<button type="button" style="position:relative;min-width:0;min-height:0;width:20px;height:20px;
  margin:20px" aria-label="Small"><span style="position:absolute;inset:-14px"></span></button>
"""  # fmt: skip


@dataclass(frozen=True)
class Planted:
    """A fault: its name, the body that has it, the rule that must be found once; none
    where it only looks like a fault."""

    name: str
    body: str
    rule: str
    width: int = 800
    lang: str = "en"
    touch: bool = False
    style: str = ""
    script: str = ""


def _svg(*texts: str) -> str:
    inside = "".join(texts)
    return (
        '<section data-panel="p" data-state="ready"><svg width="200" height="60" role="img"'
        f' aria-label="A drawing">{inside}</svg></section>'
    )


def _text(x: float, y: float, words: str, more: str = "") -> str:
    # 80 px wide whatever the font: overlaps can be planted to the pixel.
    return f'<text x="{x}" y="{y}" textLength="80" {more}>{words}</text>'


def _panel(body: str) -> str:
    return f'<section data-panel="p" data-state="ready" style="position:relative">{body}</section>'


def _at(left: int, top: int, words: str) -> str:
    return f'<div style="position:absolute;left:{left}px;top:{top}px">{words}</div>'


NUMBER = "<button type='button' {}>{}</button>"
ID = "0123456789abcdef"

SCROLL = (
    Planted("wide block", '<div style="width:900px;height:5px"></div>', "page-scroll"),
    Planted("wide at 390", '<div style="width:400px;height:5px"></div>', "page-scroll", width=390),
    Planted(
        "wide, body hides it",
        '<div style="width:900px;height:5px"></div>',
        "page-scroll",
        style="body { overflow-x: hidden } html { overflow-x: auto }",
    ),
)

CLIPPED = (
    Planted(
        "ellipsis",
        f'<p class="box nowrap hidden" style="text-overflow:ellipsis">{LONG}</p>',
        "clipped",
    ),
    Planted("hidden", f'<p class="box nowrap hidden">{LONG}</p>', "clipped"),
    Planted(
        "overflow clip", f'<p class="box nowrap" style="overflow:clip">{LONG}</p>', "clipped"
    ),
    Planted("spills out", f'<p class="box nowrap">{LONG}</p>', "clipped"),
    Planted("long word", f'<p class="box">{"averylongword" * 4}</p>', "clipped"),
    Planted(
        "nowrap in a flex child",
        f'<div class="row"><span>A</span><span class="nowrap">{LONG}</span></div>',
        "clipped",
    ),
    Planted(
        "nowrap in a shrunk flex child",
        f'<div class="row"><b class="nowrap hidden" style="min-width:0">{LONG}</b></div>',
        "clipped",
    ),
    Planted(
        "ancestor hides",
        f'<div class="box hidden"><div style="width:500px"><p>{LONG}</p></div></div>',
        "clipped",
    ),
    Planted(
        "in a grid cell",
        '<div style="display:grid;grid-template-columns:80px 80px">'
        f'<b class="nowrap">{LONG}</b></div>',
        "clipped",
    ),
    Planted(
        "ellipsis by half a pixel",
        '<p><b id="t" class="nowrap">abc</b></p><p id="e" class="nowrap hidden"'
        ' style="text-overflow:ellipsis;font-weight:bold">abc</p>',
        "clipped",
        script="e.style.width = (t.getBoundingClientRect().width - 0.5) + 'px';",
    ),
    Planted("left of the page", '<p style="margin-left:-60px">A sentence.</p>', "clipped"),
    Planted(
        "right of the page, fixed",
        '<p style="position:fixed;left:780px;width:200px">A sentence.</p>',
        "clipped",
    ),
    Planted(
        "cut at the bottom", '<p class="hidden" style="height:8px">A sentence.</p>', "clipped"
    ),
    Planted(
        "a second line is cut",
        f'<p class="box hidden" style="height:24px">{LONG}</p>',
        "clipped",
    ),
    Planted(
        "clamped lines",
        '<p class="box hidden" style="display:-webkit-box;-webkit-line-clamp:1;'
        f'-webkit-box-orient:vertical">{LONG}</p>',
        "clipped",
    ),
    Planted(
        "scrolls without saying so",
        f'<div class="box" style="overflow-x:auto" tabindex="0"><p class="nowrap">{LONG}</p></div>',
        "clipped",
    ),
    Planted(
        "scrolls down, says so, cut sideways",
        '<div class="box" data-scroll="y" style="overflow-y:auto" tabindex="0">'
        f'<p class="nowrap">{LONG}</p></div>',
        "clipped",
    ),
    Planted(
        "cut within a scroll container",
        '<div class="box" data-scroll="x" style="overflow-x:auto" tabindex="0">'
        f'<p class="nowrap hidden" style="width:100px">{LONG}</p></div>',
        "clipped",
    ),
    Planted(
        "a field too narrow",
        f'<label>Name <input value="{LONG}" style="width:60px;height:44px"></label>',
        "clipped",
    ),
    Planted("in Chinese", '<p class="hidden" style="width:30px;white-space:nowrap">碳排放量</p>',
            "clipped", lang="zh"),
)  # fmt: skip

DRAWN = (
    Planted("half out at the right", _svg(_text(160, 30, "twelve")), "svg-text"),
    Planted("half out at the left", _svg(_text(-40, 30, "twelve")), "svg-text"),
    Planted("half out at the top", _svg(_text(10, 4, "twelve")), "svg-text"),
    Planted("half out at the bottom", _svg(_text(10, 64, "twelve")), "svg-text"),
    Planted(
        "moved out by a group",
        _svg(f'<g transform="translate(180 0)">{_text(5, 30, "twelve")}</g>'),
        "svg-text",
    ),
    Planted(
        "turned out", _svg('<text transform="translate(190 40) rotate(40)">twelve</text>'),
        "svg-text",
    ),
    Planted(
        "second line out", _svg('<text x="10" y="50">one<tspan x="10" dy="16">two</tspan></text>'),
        "svg-text",
    ),
    Planted(
        "box around the drawing cuts",
        f'<div class="hidden" style="width:60px">{_svg(_text(10, 30, "twelve"))}</div>',
        "svg-text",
    ),
)  # fmt: skip

LAID = (
    Planted("3 px over", _svg(_text(10, 30, "MMMM"), _text(87, 30, "MMMM")), "overlap"),
    Planted("1 px over", _svg(_text(10, 30, "MMMM"), _text(89, 30, "MMMM")), ""),
    Planted("the same place", _svg(_text(10, 30, "MMMM"), _text(10, 30, "WWWW")), "overlap"),
    Planted("one line of two", _svg(
        '<text x="10" y="20">MMMM<tspan x="10" dy="20">MMMM</tspan></text>',
        _text(20, 42, "WWWW")), "overlap"),
    Planted("words on words", _panel(_at(0, 0, "MMMM") + _at(20, 4, "WWWW")), "overlap"),
    Planted("words beside words", _panel(_at(0, 0, "MMMM") + _at(80, 0, "WWWW")), ""),
    Planted("words on a drawing", _panel(
        '<svg width="200" height="60" role="img" aria-label="A drawing">'
        f'{_text(10, 30, "MMMM")}</svg>{_at(20, 18, "WWWW")}'), "overlap"),
    Planted("in a plotly chart alone", '<div class="js-plotly-plot" style="position:relative">'
            f'{_at(0, 0, "MMMM")}{_at(20, 4, "WWWW")}</div>', "overlap"),
    Planted("in a hover box", _panel(
        f'{_at(0, 0, "MMMM")}<div class="hover-box">{_at(20, 4, "WWWW")}</div>'), ""),
    Planted("outside any panel", f'<div>{_at(20, 20, "MMMM")}{_at(30, 24, "WWWW")}</div>', ""),
)  # fmt: skip

SMALL = "min-width:0;min-height:0;width:30px;height:30px;margin:8px"
TOUCHED = (
    Planted("small button", f'<button style="{SMALL}">A</button>', "touch-target", touch=True),
    Planted("narrow screen", f'<button style="{SMALL}">A</button>', "touch-target"),
    Planted("wide screen, mouse", f'<button style="{SMALL}">A</button>', "", width=1300),
    Planted("wide screen, touch", f'<button style="{SMALL}">A</button>', "touch-target",
            width=1300, touch=True),
    Planted("low link", '<nav><a href="/a" style="display:block">Alone</a></nav>', "touch-target"),
    Planted("bare link", '<nav><a href="/a" style="color:#111">A</a></nav>', "touch-target"),
    Planted("low field", '<label>Name <input style="height:28px"></label>', "touch-target"),
    Planted("low list", '<label>Kind <select style="height:28px"><option>A</select></label>',
            "touch-target"),
    Planted("low summary", '<details><summary style="min-height:24px;display:block">More</summary>'
            "</details>", "touch-target"),
    Planted("low tab", '<div role="tablist"><div role="tab" tabindex="0" style="height:30px">A'
            "</div></div>", "touch-target"),
    Planted("at the page's end", f'<div style="height:3000px"></div><button style="{SMALL}">A'
            "</button>", "touch-target"),
    Planted("hit area taken by a neighbour",
            f'<button style="{SMALL};position:relative;margin:0" aria-label="A">'
            '<span style="position:absolute;inset:-14px"></span></button>'
            '<button style="position:relative;margin-left:-2px">B</button>', "touch-target"),
    Planted("hit area of ::before", f'<button class="big" style="{SMALL}">A</button>', "",
            style=".big { position: relative } "
            '.big::before { content: ""; position: absolute; inset: -10px }'),
)  # fmt: skip

FOCUSED = (
    Planted("no outline", '<button style="outline:none">A</button>', "focus-unmarked"),
    Planted("clear outline", '<button style="outline-color:transparent">A</button>',
            "focus-unmarked"),
    Planted("shadow that was there", '<button class="s">A</button>', "focus-unmarked",
            style=".s { outline: none !important; box-shadow: 0 0 2px #000 }"),
    Planted("shadow instead", '<button class="s">A</button>', "",
            style=".s { outline: none !important } .s:focus { box-shadow: 0 0 0 2px #00696b }"),
    Planted("never reached", '<div role="button" aria-label="A" style="height:44px">A</div>',
            "focus-unreached"),
    Planted("taken out of the order", '<button tabindex="-1">A</button>', "focus-unreached"),
    Planted("number that cannot be opened",
            f'<span data-figure="{ID}" data-value="1">1</span>', "focus-unreached"),
    Planted("trapped", "<button>A</button><button id=b>B</button><button>C</button>",
            "focus-trap",
            script="addEventListener('keydown', (e) => { if (e.key === 'Tab' && "
            "document.activeElement === b) { e.preventDefault(); } });"),
    Planted("seen by nobody", '<button style="opacity:0">A</button>', "focus-invisible"),
    Planted("under a bar", '<div style="position:fixed;inset:0 0 auto;height:90px;'
            'background:#fff"></div><button>A</button>', "focus-covered"),
)  # fmt: skip

FIGURES = (
    Planted("no value", NUMBER.format(f"data-figure={ID}", 5), "figure"),
    Planted("empty value", NUMBER.format(f"data-figure={ID} data-value=''", 5), "figure"),
    Planted("value in words", NUMBER.format(f"data-figure={ID} data-value='5 t'", 5), "figure"),
    Planted("no id", NUMBER.format("data-figure=E-17 data-value=5", 5), "figure"),
    Planted("no rule", NUMBER.format(f"data-figures={ID} data-value=5", 5), "figure"),
    Planted("unknown rule", NUMBER.format(f"data-figures={ID} data-rule=mean data-value=5", 5),
            "figure"),
    Planted("bad ids", NUMBER.format(f"data-figures='{ID},{ID}' data-rule=sum data-value=5", 5),
            "figure"),
    Planted("bad query",
            NUMBER.format("data-figures='indicator=a' data-rule=sum data-value=5", 5), "figure"),
)  # fmt: skip

LEFT = (
    *(Planted(word, f"<p>Value: {word}</p>", "leftover")
      for word in ("NaN", "undefined", "null", "Infinity", "[object Object]", "{name}",
                   "%(name)s", "{{ x }}")),
    Planted("None in Chinese", "<p>None</p>", "leftover", lang="zh"),
    Planted("None in English", "<p>None</p>", ""),
    Planted("in a label", '<button aria-label="Open NaN">A</button>', "leftover"),
    Planted("nullable is a word", "<p>nullable, Nonesuch</p>", ""),
)  # fmt: skip

SPOKEN = (
    Planted("Chinese in English", "<p>碳排放</p>", "language"),
    Planted("a Chinese sign", "<p>Jan ～ Feb</p>", "language"),
    Planted("Chinese label", '<button aria-label="打开">A</button>', "language"),
    Planted("Chinese in a drawing", _svg('<text x="10" y="30">碳</text>'), "language"),
    Planted("English in Chinese", "<p>This has not been translated</p>", "language", lang="zh"),
    Planted("names in Chinese", "<p>CO₂ 与 GB/T 8170，单位 MWh</p>", "", lang="zh"),
)  # fmt: skip

AXED = (
    Planted("low contrast", '<p style="color:#bbb">A sentence.</p>', "axe-color-contrast"),
    Planted("image without words", '<img src="/pixel.png" width="9" height="9">', "axe-image-alt"),
    Planted("button without words", "<button></button>", "axe-button-name"),
)

HEARD = (
    Planted("console error", "<p>A</p>", "console-error", script="console.error('lost');"),
    Planted("console warning", "<p>A</p>", "console-warning", script="console.warn('old');"),
    Planted("thrown", "<p>A</p>", "page-error", script="nothing();"),
    Planted("not found", '<img src="/gone.png" alt="A" width="9" height="9">', "answer-404"),
    Planted("other host", '<img src="http://OTHER/pixel.png" alt="A">', "other-host"),
    Planted("script against the CSP", '<p onclick="f()">A</p>', "console-error"),
)

KINDS = {
    "a-scroll": SCROLL,
    "b-clipped": CLIPPED,
    "c-drawn": DRAWN,
    "d-overlap": LAID,
    "e-touch": TOUCHED,
    "f-focus": FOCUSED,
    "g-figures": FIGURES,
    "h-leftovers": LEFT,
    "i-language": SPOKEN,
    "j-axe": AXED,
    "k-heard": HEARD,
}


def document(planted: Planted, other: str) -> str:
    """Return the page that has a fault; its title and language are in order."""
    title = "Page" if planted.lang == "en" else "页面"
    script = f'<script src="/script.js?{planted.name}"></script>' if planted.script else ""
    return f"""<!DOCTYPE html><html lang="{planted.lang}"><head><meta charset="utf-8">
<title>{title}</title><link rel="icon" href="data:,"><link rel="stylesheet" href="/style.css">
<style>{planted.style}</style></head>
<body>{planted.body.replace("OTHER", other)}{script}</body></html>"""
