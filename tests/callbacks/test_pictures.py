"""The server's picture of a card: of what is shown, or in words why there is none."""

import pytest

from reports import pictures
from reports.pictures import NoBrowser, PictureError, TooSlow
from tests.callbacks.test_screens import PAGES, downloads


def made(monkeypatch, answer):
    asked = []

    def instead(wanted, limit_s):
        asked.extend(wanted)
        if isinstance(answer, Exception):
            raise answer
        return [answer]

    monkeypatch.setattr(pictures, "pictures", instead)
    monkeypatch.setattr(pictures, "browser", lambda: "chromium")
    return asked


def test_a_picture_is_of_what_the_address_says(reader, monkeypatch):
    asked = made(monkeypatch, b"dots")
    answered = downloads(reader).get("/download/emission/carbon.png?mass=kg&view=CN2026")
    assert (answered.status_code, answered.get_data()) == (200, b"dots")
    assert answered.mimetype == "image/png"
    assert ".png" in answered.headers["Content-Disposition"]
    spec = asked[0].spec
    assert "kgCO₂e" in spec["chart"]["subtitle"]
    assert "CN2026" in spec["chart"]["lens"]
    assert "CN2026" in spec["chart"]["subtitle"]
    assert spec["chart"]["mark"] == "演示数据"
    assert [key[0] for key in spec["leads"][0]["keys"]][:1] == ["外购电（间接）"]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.key)
def test_every_chart_has_a_picture_and_nothing_else_has(reader, monkeypatch, page):
    made(monkeypatch, b"dots")
    client = downloads(reader)
    seen = {panel.key: client.get(f"/download/{page.key}/{panel.key}.png").status_code
            for panel in page.panels}  # fmt: skip
    assert set(seen.values()) <= {200, 404}
    assert 200 in seen.values()
    assert all(seen[panel.key] == 404 for panel in page.panels if not panel.heights)
    assert client.get(f"/download/{page.key}/none.png").status_code == 404


@pytest.mark.parametrize(
    ("error", "words"),
    [(NoBrowser(), "没有 chromium"), (TooSlow(), "超过时限"), (PictureError("x"), "没有成功")],
)
def test_why_there_is_no_picture_is_said(reader, monkeypatch, error, words):
    made(monkeypatch, error)
    answered = downloads(reader).get("/download/emission/carbon.png")
    assert answered.status_code == 503
    assert words in answered.text
    assert "浏览器下载" in answered.text
