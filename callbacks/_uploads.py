"""Files that are being brought in: each belongs to one session, and ends with it."""

from __future__ import annotations

import base64
import binascii
import shutil
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callbacks._intake_check import Check
from callbacks.factors import safe_name
from data.digest import file_digest
from data.engine import DiskFull, Engine
from data.ingest.load import Receipt
from data.ingest.tables import Table
from data.intake import EDITED_MB, MOST_BYTES, MOST_MB, Draft
from data.state import SessionRow
from translations import text

PIECE_BYTES = 500_000
MOST_HELD = 20
BOOKS = (".xlsx", ".xls")
PARQUET = ".parquet"
SUFFIXES = (".csv", ".txt", *BOOKS, PARQUET)


@dataclass
class Slot:
    """What a session has in work: the file as far as it has come, the draft, what came of it."""

    token: str
    account: str
    folder: Path
    key: str = ""
    name: str = ""
    draft: Draft | None = None
    words: tuple[str, ...] = ()
    table: tuple[object, Table] | None = None
    check: Check | None = None
    receipt: Receipt | None = None
    mapping: bool = False
    reasons: Mapping[str, str] = field(default_factory=dict)
    version: int = 0
    guard: threading.RLock = field(default_factory=threading.RLock)
    starting: threading.Lock = field(default_factory=threading.Lock)

    @property
    def part(self) -> Path:
        """Where the pieces are put together."""
        return self.folder / ".part"


class Uploads:
    """The files in work of an application, by session; none outlives its session.

    Parameters
    ----------
    engine
        The opened data directory; the files lie in its inbox under names that the next start
        sweeps away.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._slots: dict[str, Slot] = {}
        self._guard = threading.Lock()

    def slot(self, session: SessionRow) -> Slot:
        """Return what a session has in work; those of sessions that have ended are removed."""
        with self._guard:
            self._forget_ended(session)
            found = self._slots.get(session.token_digest)
            if found is None:
                folder = self._engine.store.inbox / f".upload-{session.token_digest[:32]}"
                found = Slot(session.token_digest, session.name, folder)
                self._slots[session.token_digest] = found
            return found

    def _forget_ended(self, session: SessionRow) -> None:
        known = self._engine.state.accounts.session
        gone = [one for token, one in self._slots.items()
                if token != session.token_digest and known(token) is None]  # fmt: skip
        spare = [one for token, one in self._slots.items() if token != session.token_digest]
        gone += spare[: max(len(self._slots) - MOST_HELD, 0)]
        for one in gone:
            self._slots.pop(one.token, None)
            clear(one)


def clear(slot: Slot) -> None:
    """Forget what a slot has in work; its file is removed."""
    with slot.guard:
        if slot.check is not None:
            slot.check.stop()
        shutil.rmtree(slot.folder, ignore_errors=True)
        slot.key = slot.name = ""
        slot.draft = slot.table = slot.check = slot.receipt = None
        slot.words, slot.mapping, slot.reasons = (), False, {}
        slot.version += 1


def piece(engine: Engine, slot: Slot, given: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Take a piece of a file and say how far it is; pieces come in order (see 66-intake.js)."""
    key, at, size = str(given.get("key", "")), given.get("at"), given.get("size")
    name = safe_name(str(given.get("name", "")))
    body = _body(given.get("body"))
    if not key or len(key) > 64 or body is None or not isinstance(at, int):
        return _failed(key, text("没有传上去，请重选", language))
    if name.lower().endswith(".toml"):
        words = "站点文件（TOML）用 import site 命令导入，站点的设置和面积在“台账”修改"
        return _failed(key, text(words, language))
    if not name.lower().endswith(SUFFIXES):
        return _failed(key, text("只收 CSV、XLSX、XLS 和 Parquet 文件", language))
    if isinstance(size, int) and size > most_mb(name) << 20:
        return _failed(key, too_large(name, language))
    if at == 0:
        clear(slot)
        slot.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        slot.key, slot.name = key, name
    held = slot.part.stat().st_size if slot.part.exists() else 0
    if slot.key != key or held != at or held + len(body) > MOST_BYTES:
        return _failed(key, text("没有传上去，请重选", language))
    try:
        engine.require_space(3 * len(body))
        with slot.part.open("ab") as file:
            file.write(body)
    except (DiskFull, OSError) as error:
        clear(slot)
        return _failed(key, str(error))
    return {"key": key, "at": held + len(body)}


def most_mb(name: str) -> int:
    """Return how large a file of a name may be, MB."""
    return EDITED_MB if name.lower().endswith((*BOOKS, PARQUET)) else MOST_MB


def too_large(name: str, language: str) -> str:
    """Return that a file is too large, and what to do instead."""
    words = text("文件超过 {limit}", language, limit=f"{most_mb(name)} MB")
    if name.lower().endswith(BOOKS):
        return words + text("；请另存为 UTF-8 编码的 CSV，或按月拆分", language)
    return words + text("；请按月拆分，或放入落地文件夹", language)


def _failed(key: str, words: str) -> dict[str, Any]:
    return {"key": key[:64], "failed": words}


def _body(words: object) -> bytes | None:
    if not isinstance(words, str) or len(words) > 2 * PIECE_BYTES:
        return None
    try:
        found = base64.b64decode(words, validate=True)
    except (binascii.Error, ValueError):
        return None
    return found if 0 < len(found) <= PIECE_BYTES else None


def whole(slot: Slot, key: str) -> Draft | None:
    """Return the file that has come whole as a draft; None where there is none of that key."""
    if not key or slot.key != key or not slot.part.exists():
        return None
    path = slot.folder / slot.name
    slot.part.replace(path)
    return Draft(slot.account, slot.name, path, path.stat().st_size, file_digest(path))
