"""数据接入: which tab is seen; each tab's own callbacks are in callbacks/intake_<tab>.py."""

from __future__ import annotations

from collections.abc import Callable

from dash import Dash, Input, Output

from callbacks import intake_import, intake_keys, intake_links
from callbacks._request import language
from callbacks.closing import Answer, Desk
from pages import data as page
from pages._plain import part
from translations import text

BINDERS: tuple[Callable[[Dash, Desk], None], ...] = (
    intake_import.bind, intake_links.bind, intake_keys.bind,
)  # fmt: skip


def bind_data(app: Dash, desk: Desk) -> None:
    """Register the page's callbacks and those of its tabs."""

    @app.callback(
        output={"top": Output(part(page.KEY, "top"), "children")}
        | {tab.key: Output(part(page.KEY, f"tab-{tab.key}"), "className") for tab in page.SHOWN},
        inputs={"search": Input("url", "search")},
    )
    def shown(search: object) -> Answer:
        chosen, words = page.choice(search), language(desk.language)
        top = page.head(text(page.PAGE.title, words), "\u00a0", chosen, words)
        seen = {tab.key: "" if tab.key == chosen.tab else "work-hidden" for tab in page.SHOWN}
        return {"top": top} | seen

    for bind in BINDERS:
        bind(app, desk)
