"""The phone's bar: five items, and behind the fifth whatever has no room."""

from dataclasses import replace

import pytest

from pages import overview
from pages._frame import ROOM, Reader, frame
from tests.figures.test_targets import texts, walk


def bar(count):
    pages = [replace(overview.PAGE, key=f"p{n}", path=f"/p{n}") for n in range(count)]
    whole = frame(pages, Reader("a", "b", "zh"))
    return next(n for n in elements(whole) if n["props"].get("className") == "app-bottomnav")


def elements(node):
    return [found for found in walk(node) if "props" in found]


@pytest.mark.parametrize("count", [1, ROOM])
def test_what_fits_stands_in_the_bar(count):
    found = bar(count)
    assert [n["type"] for n in elements(found) if n["type"] in ("A", "Details")] == ["A"] * count


@pytest.mark.parametrize("count", [ROOM + 1, 13])
def test_every_page_is_reached_from_the_phones_bar(count):
    found = bar(count)
    own = found["props"]["children"]
    assert len(own) == ROOM
    (rest,) = [n for n in own if n["type"] == "Details"]
    assert texts(rest["props"]["children"][0]) == "更多"
    links = [n["props"]["data-nav"] for n in elements(found) if "data-nav" in n["props"]]
    assert links == [f"/p{n}" for n in range(count)]
