"""导入: what the tab shows and what is done with an uploaded file."""

from __future__ import annotations

from dash import Dash, Input, Output
from dash.exceptions import PreventUpdate

from callbacks._request import language
from callbacks.closing import Desk
from figures import intake_import as figures
from figures.html import Content
from pages import data as page
from pages._plain import part

TAB = "import"


def bind(app: Dash, desk: Desk) -> None:
    """Register the tab's callbacks."""

    @app.callback(
        Output(part(page.KEY, "import-body"), "children"),
        Input("url", "search"),
    )
    def refresh(search: object) -> Content:
        if page.choice(search).tab != TAB:
            raise PreventUpdate
        return figures.chooser(language(desk.language))
