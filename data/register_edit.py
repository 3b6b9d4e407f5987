"""Changes of a register from the screen: they go the way of an import file, dated and kept."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from functools import partial
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any

from data.approvals import propose_settings
from data.batch_notes import keep_notes
from data.digest import file_digest
from data.engine import Engine
from data.ingest.kinds import KINDS
from data.ingest.load import SITE_KIND, Options, Receipt, import_file
from data.ingest.loaders import Request, known_rows
from data.ingest.posted import judged
from data.ingest.review import written
from data.ingest.site_file import SETTINGS, SiteDocument
from data.intake import EVER, FORM, noted
from data.register import IDS
from data.schema import record_table
from data.sites import documents
from translations import text

AREA = ("building", "m2", "valid_from", "valid_to")


@dataclass(frozen=True)
class Edited:
    """What came of a change: words by field where something is wrong, or the receipt.

    ``proposals`` are the numbers of what waits for a second person now.
    """

    errors: Mapping[str, str] = field(default_factory=dict)
    receipt: Receipt | None = None
    proposals: Sequence[int] = ()


@dataclass(frozen=True)
class Edit:
    """A change as somebody wants it: of which site, by whom, fields, language of the words."""

    site: str
    actor: str
    values: Mapping[str, str]
    language: str


def row_edited(engine: Engine, kind: str, edit: Edit) -> Edited:
    """Take a meter or device in as it was filled in; another row of its key is a correction.

    Parameters
    ----------
    engine
        The opened data directory.
    kind
        ``meters`` or ``devices``.
    edit
        Every column that is not empty.

    Returns
    -------
    Edited
        Errors by column, or the receipt of the import.

    Raises
    ------
    Refused, DiskFull
        Something has changed meanwhile, or there is no room; nothing was kept.
    """
    given = {n: v.strip() for n, v in edit.values.items() if v.strip()} | {"site": edit.site}
    with engine.store.read() as cursor:
        request = Request(kind, edit.site, Path(), "", "", True, EVER, edit.language, frozenset())
        known = known_rows(cursor, request, documents(cursor))
        parsed, problems = judged(kind, [given], known, edit.language, edit.site)
        table, key = record_table(KINDS[kind]), IDS[kind]
        earlier = cursor.execute(
            f'SELECT count(*) FROM {table} WHERE site = ? AND "{key}" = ?',
            [edit.site, given.get(key, "")],
        ).fetchall()[0][0]
    joint = "；" if edit.language == "zh" else "; "
    errors = {p.column or "": f"{p.reason}{joint}{p.remedy}" for p in problems
              if p.severity == "error"}  # fmt: skip
    if errors or not parsed.rows:
        return Edited(errors)
    # The same file twice changes nothing: a row that is as it once was stands on another line.
    row = replace(parsed.rows[0], number=2 + int(earlier))
    return Edited(receipt=_taken(engine, kind, edit, partial(_row_file, kind, row)))


def _row_file(kind: str, row: Any, folder: Path) -> Path:  # noqa: ANN401 - a typed row
    return written(KINDS[kind], [row], folder / f"register-{kind}.csv", 1)


def _taken(engine: Engine, kind: str, edit: Edit, make: Any) -> Receipt:  # noqa: ANN401
    folder = Path(mkdtemp(prefix=".form-", dir=engine.store.inbox))
    try:
        path: Path = make(folder)
        site = "" if kind == SITE_KIND else edit.site
        receipt = import_file(engine, kind, path, Options(site, actor=edit.actor))
        if not receipt.seen_at:
            note: list[object] = [receipt.batch, FORM, path.name, file_digest(path), 0, 0, ""]
            engine.store.write(partial(noted, note))
            keep_notes(engine, receipt.batch)
        return receipt
    finally:
        rmtree(folder)


def area_edited(engine: Engine, place: int, edit: Edit) -> Edited:
    """Change an area of a site's document, or add one (``place`` beyond the last).

    Raises
    ------
    Refused, DiskFull
        The document would not be sound, or there is no room; nothing was kept.
    """
    found = {n: _wrong(n, edit.values.get(n, "").strip(), edit.language) for n in AREA}
    errors = {name: message for name, message in found.items() if message}
    if errors:
        return Edited(errors)
    body = _document(engine, edit.site)
    rows = list(body.get("area", []))
    row = {name: _typed(name, edit.values[name].strip()) for name in AREA
           if edit.values.get(name, "").strip()}  # fmt: skip
    rows = [*rows[:place], row, *rows[place + 1 :]]
    return _document_taken(engine, edit, body | {"area": rows})


def setting_edited(engine: Engine, name: str, value: str, edit: Edit) -> Edited:
    """Change a setting of a site's document; a settled site's waits for a second person.

    Raises
    ------
    Refused, DiskFull
        There is no such setting or value, or there is no room; nothing was kept.
    """
    setting = SETTINGS.get(name)
    if setting is None:
        return Edited({"name": text("没有这一项设置", edit.language)})
    try:
        typed = _value(setting.kind, value.strip())
    except ValueError:
        return Edited({"value": text("这一项的值不可用", edit.language)})
    body = _document(engine, edit.site)
    return _document_taken(
        engine, edit, body | {"settings": body.get("settings", {}) | {name: typed}}
    )


def _value(kind: type, words: str) -> object:
    if kind is bool:
        if words not in ("true", "false"):
            raise ValueError(words)
        return words == "true"
    if kind is int:
        return int(words)
    return float(words) if kind is float else words


def _wrong(name: str, words: str, language: str) -> str:
    if not words:
        return "" if name == "valid_to" else text("这一项没有填写", language)
    try:
        _typed(name, words)
    except ValueError:
        key = "这不是数字" if name == "m2" else "日期须写成 2026-07-01"
        return text(key, language)
    return ""


def _typed(name: str, words: str) -> object:
    if name == "m2":
        return float(words)
    return words if name == "building" else date.fromisoformat(words)


def _document(engine: Engine, site: str) -> dict[str, Any]:
    """Return the newest document of a site as its tables."""
    with engine.store.read() as cursor:
        rows = cursor.execute(
            "SELECT body FROM site_document WHERE site = ? ORDER BY batch DESC LIMIT 1", [site]
        ).fetchall()
    return tomllib.loads(rows[0][0])


def _document_taken(engine: Engine, edit: Edit, body: Mapping[str, Any]) -> Edited:
    with engine.store.read() as cursor:
        count = cursor.execute(
            "SELECT count(*) FROM site_document WHERE site = ?", [edit.site]
        ).fetchall()[0][0]
    # The same file twice changes nothing: each edition says which it is.
    words = f"# {int(count) + 1}\n{toml(body)}"

    def make(folder: Path) -> Path:
        path = folder / "register-site.toml"
        path.write_text(words, encoding="utf-8")
        return path

    receipt = _taken(engine, SITE_KIND, edit, make)
    return Edited(receipt=receipt, proposals=propose_settings(engine, edit.actor))


def toml(body: Mapping[str, Any]) -> str:
    """Return a site's tables as TOML: plain values first, then tables, then lists of tables."""
    lines = [f"{name} = {_word(value)}" for name, value in body.items()
             if not isinstance(value, (dict, list))]  # fmt: skip
    for name, value in body.items():
        if isinstance(value, dict):
            lines += ["", f"[{name}]", *(f"{key} = {_word(one)}" for key, one in value.items())]
    for name, value in body.items():
        for row in value if isinstance(value, list) else ():
            lines += ["", f"[[{name}]]", *(f"{key} = {_word(one)}" for key, one in row.items())]
    return "\n".join(lines) + "\n"


def _word(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        inside = value.replace("\\", "\\\\").replace('"', '\\"')
        return '"' + "".join(c if c >= " " else f"\\u{ord(c):04x}" for c in inside) + '"'
    return value.isoformat() if isinstance(value, date) else repr(value)


def settings_of(document: SiteDocument) -> list[tuple[str, str, object, object]]:
    """Return every setting: name, Chinese name, value in force, default."""
    return [(name, one.zh, document.settings.get(name), one.default)
            for name, one in SETTINGS.items()]  # fmt: skip
