"""Writing on months: what a note must be, and what stands in its way, in words."""

from __future__ import annotations

from collections.abc import Mapping

from data.engine import Engine
from data.queries import months_known
from data.sites import documents
from data.state import NewNote, NoSuchNote, now

LONGEST = 200
REASONS: Mapping[str, str] = {
    "empty": "请写备注内容",
    "long": "备注最多 200 字",
    "signs": "备注里有无法显示的字符",
    "site": "没有这个站点",
    "month": "没有这个月份的数值",
    "gone": "没有这条备注",
}


class NotNotable(Exception):
    """A note cannot be kept; ``reason`` is one of the words of REASONS."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def checked(text: str) -> str:
    """Return a note's words as they are kept: on one line, without spaces around.

    Raises
    ------
    NotNotable
        Nothing is written, too much, or signs that cannot be shown.
    """
    words = " ".join(text.split())
    if not words:
        raise NotNotable("empty")
    if len(words) > LONGEST:
        raise NotNotable("long")
    if not words.isprintable():
        raise NotNotable("signs")
    return words


def add(engine: Engine, new: NewNote, author: str, key: str) -> int:
    """Keep a note on a month of a site and return its number.

    Parameters
    ----------
    engine
        The opened data directory.
    new
        What and where; the month has figures.
    author, key
        Who wrote it; the form it was written in, of which it is the only one.

    Raises
    ------
    NotNotable
        There is no such site or month, or the words cannot be kept.
    """
    words = checked(new.text)
    with engine.store.read() as cursor:
        if new.site not in documents(cursor):
            raise NotNotable("site")
    known = months_known(engine, [new.site])
    if known is None or len(new.month) != 7 or not known[0] <= new.month <= known[2]:
        raise NotNotable("month")
    kept = NewNote(new.site, new.month, words, new.page, new.panel)
    return engine.state.notes.add(kept, author, now(), key)


def change(engine: Engine, note: int, text: str, author: str, key: str) -> None:
    """Give a note other words; see ``add``."""
    words = checked(text)
    try:
        engine.state.notes.change(note, words, author, now(), key)
    except NoSuchNote:
        raise NotNotable("gone") from None


def remove(engine: Engine, note: int, author: str, key: str) -> None:
    """Take a note away; what was written stays in its history.

    Raises
    ------
    NotNotable
        There is none of that number.
    """
    try:
        engine.state.notes.remove(note, author, now(), key)
    except NoSuchNote:
        raise NotNotable("gone") from None


def restore(engine: Engine, note: int, author: str, key: str) -> None:
    """Bring back a note that was taken away; see ``remove``."""
    found = engine.state.notes.find(note)
    if found is None:
        raise NotNotable("gone")
    engine.state.notes.change(note, found.text, author, now(), key)
