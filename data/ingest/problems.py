"""What is wrong with a file: which row, column and value, why, and what to do."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from translations import text

_SHOWN = 60


@dataclass(frozen=True)
class Problem:
    """One cell, row or file that cannot be taken as it is.

    Parameters
    ----------
    file, row, column, value
        Where: the file's name, its row number, the column's name, what stands there.
    reason, remedy
        Why, and what to do: sentences in the user's language.
    severity
        An error keeps the row out, a warning does not.
    warning
        Which kind of warning, so that each can be let pass with a reason of its own (DESIGN
        §8.7); empty for errors and for what is said of the whole file.
    """

    file: str
    row: int | None
    column: str | None
    value: str | None
    reason: str
    remedy: str
    severity: Literal["error", "warning"] = "error"
    warning: str = ""

    def line(self, language: str) -> str:
        """Return the problem as one sentence."""
        place = [self.file]
        if self.row is not None:
            place.append(text("第 {row} 行", language, row=self.row))
        if self.column is not None:
            place.append(text("「{column}」列", language, column=self.column))
        if self.value is not None:
            place.append(text("值 “{value}”", language, value=_shortened(self.value)))
        mark = text("提醒：", language) if self.severity == "warning" else ""
        return text(
            "{mark}{place}：{reason}；{remedy}",
            language,
            mark=mark,
            place=" ".join(place),
            reason=self.reason,
            remedy=self.remedy,
        )


def _shortened(value: str) -> str:
    """Return a value on one line; a whole column pasted into a cell would bury the reason."""
    words = " ".join(value.split())
    return words if len(words) <= _SHOWN else words[:_SHOWN] + "…"


class Refused(Exception):
    """A file is not taken; nothing of it was kept."""

    def __init__(self, problems: tuple[Problem, ...]) -> None:
        super().__init__(f"{len(problems)} problems")
        self.problems = problems
