"""What happened to the voluntary market, as marks on its price (5.2 j); each with its source."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from figures.view import Remark
from translations import text

PAGE, PANEL = "overview", "ccer-price"


@dataclass(frozen=True, slots=True)
class Mark:
    """An event: its month, what happened, who said so."""

    month: str
    words: str
    source: str


# accounting.md §11; where only the month is known, only the month is said.
MARKS = (
    Mark("2024-01", "全国市场重启（1 月 22 日）", "生态环境部"),
    Mark(
        "2025-12",
        "新增方法学：电力设备六氟化硫回收净化、既有公共建筑节能",
        "生态环境部、国家能源局",
    ),
)


def remarks(language: str) -> Iterator[Remark]:
    """Yield the marks as they stand on their months."""
    for mark in MARKS:
        words = text(mark.words, language)
        source = text("（来源：{name}）", language, name=text(mark.source, language))
        yield Remark(mark.month, words + source, PAGE, PANEL)
