"""数据接入: which tab is seen; each tab's own callbacks are in callbacks/intake_<tab>.py."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from dash import Dash, Input, Output
from flask import Response

from callbacks import (
    intake_complete,
    intake_forms,
    intake_import,
    intake_keys,
    intake_link_form,
    intake_links,
    intake_register,
)
from callbacks._request import language
from callbacks._uploads import Uploads
from callbacks.closing import Answer, Desk
from figures.closing import demo_mark
from pages import data as page
from pages._plain import part
from translations import text

BINDERS: tuple[Callable[[Dash, Desk], None], ...] = (
    intake_forms.bind, intake_links.bind, intake_link_form.bind, intake_keys.bind,
    intake_complete.bind, intake_register.bind,
)  # fmt: skip


def bind_data(app: Dash, desk: Desk) -> Callable[[str], Response | None]:
    """Register the page's callbacks and those of its tabs; return what answers its workbooks."""

    @app.callback(
        output={"top": Output(part(page.KEY, "top"), "children")}
        | {tab.key: Output(part(page.KEY, f"tab-{tab.key}"), "className") for tab in page.TABS},
        inputs={"search": Input("url", "search")},
    )
    def shown(search: object) -> Answer:
        chosen, words = page.choice(search), language(desk.language)
        finding = next(tab.finding for tab in page.TABS if tab.key == chosen.tab)
        sites = desk.reader.sites().values()
        mark = demo_mark(words) if sites and all(site.demo for site in sites) else None
        top = page.head(text(page.PAGE.title, words), text(finding, words), chosen, words, mark)
        seen = {tab.key: "" if tab.key == chosen.tab else "work-hidden" for tab in page.TABS}
        return {"top": top} | seen

    uploads = Uploads(desk.reader.engine)
    intake_import.bind(app, desk, uploads)
    for bind in BINDERS:
        bind(app, desk)
    return partial(intake_import.download, desk, uploads)
