"""Which sources a methodology applies to: a setting of the site, so a second person decides."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from data.approvals import propose_settings
from data.engine import Engine
from data.ingest.load import Options, import_file
from data.ingest.site_file import SOURCES
from data.sales import NotKept, counting, today_at, worded
from data.sites import documents
from data.state import now
from data.store import Cursor

SWITCH = ("creditable", "methodology", "evidence")
LONGEST = 60
_HEAD = re.compile(r"\s*\[settings\]\s*(#.*)?")
_ANY_HEAD = re.compile(r"\s*\[")


@dataclass(frozen=True)
class Wanted:
    """A switch as somebody wants it: source, whether, methodology, number of the evidence."""

    site: str
    source: str
    applies: bool
    methodology: str
    evidence: int


def checked(engine: Engine, wanted: Wanted) -> Wanted:
    """Return a wanted switch that may be proposed.

    Raises
    ------
    NotKept
        There is no such site or source, nothing would change, or a methodology is claimed without
        its id and evidence that counts (accounting.md §11).
    """
    with engine.store.read() as cursor:
        found = documents(cursor).get(wanted.site)
    if found is None or wanted.source not in {source for source, _, _ in SOURCES}:
        raise NotKept("没有这个减排来源")
    need = wanted.applies
    methodology = worded(wanted.methodology, "方法学编号", LONGEST, need=need)
    live = counting(engine, wanted.site, today_at(found.timezone))
    if need and wanted.evidence not in live:
        raise NotKept("请选一份有效的佐证材料")
    made = Wanted(wanted.site, wanted.source, need, methodology if need else "",
                  wanted.evidence if need else 0)  # fmt: skip
    if all(found.settings.get(name) == value for name, value in values_of(made).items()):
        raise NotKept("与现在的设置相同，没有可提交的变化")
    return made


def values_of(wanted: Wanted) -> dict[str, object]:
    """Return a switch as settings."""
    evidence = str(wanted.evidence) if wanted.evidence else ""
    values = (wanted.applies, wanted.methodology, evidence)
    return {f"{name}_{wanted.source}": value for name, value in zip(SWITCH, values, strict=True)}


def propose(engine: Engine, wanted: Wanted, author: str) -> int:
    """Propose a switch; it is in force once a second person accepts it (CONTRACT §3).

    Parameters
    ----------
    engine
        The opened data directory; the caller holds the lock of everything that writes.
    wanted
        From `checked`.
    author
        Who proposes.

    Returns
    -------
    int
        The proposal's number.

    Raises
    ------
    NotKept
        The site's file is written in a way that cannot be changed here.
    """
    with engine.store.read() as cursor:
        body = _newest(cursor, wanted.site)
    # the same file twice changes nothing, so each change says whose and when it is
    mark = f"# {wanted.source} {author} {now().isoformat()}\n"
    made = mark + with_settings(body, values_of(wanted))
    with TemporaryDirectory(dir=engine.home, prefix=".site-") as folder:
        path = Path(folder) / f"{wanted.site}.toml"
        path.write_text(made, encoding="utf-8")
        import_file(engine, "site", path, Options(actor=author))
    numbers = propose_settings(engine, author)
    return numbers[-1] if numbers else 0


def _newest(cursor: Cursor, site: str) -> str:
    row = cursor.execute(
        "SELECT body FROM site_document WHERE site = ? ORDER BY batch DESC LIMIT 1", [site]
    ).fetchone()
    if row is None:
        raise NotKept("没有这个站点")
    return str(row[0])


def with_settings(body: str, values: Mapping[str, object]) -> str:
    """Return a site's TOML with some settings changed and everything else as it was.

    Raises
    ------
    NotKept
        Its settings are written in a way that lines do not show.
    """
    kept, inside, headed = [], False, False
    lines = [f"{name} = {_toml(value)}" for name, value in values.items()]
    own = re.compile(rf"\s*({'|'.join(map(re.escape, values))})\s*=")
    for line in body.lstrip("\ufeff").splitlines():
        if _HEAD.fullmatch(line):
            inside, headed = True, True
            kept += [line, *lines]
            continue
        inside = inside and not _ANY_HEAD.match(line)
        if not (inside and own.match(line)):
            kept.append(line)
    made = "\n".join([*kept, *([] if headed else ["[settings]", *lines])]) + "\n"
    before = tomllib.loads(body.lstrip("\ufeff"))
    wanted = before | {"settings": {**before.get("settings", {}), **values}}
    try:
        same = tomllib.loads(made) == wanted
    except tomllib.TOMLDecodeError:
        same = False
    if not same:
        raise NotKept("站点文件的写法不能在此修改，请改文件后重新导入")
    return made


def _toml(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else json.dumps(value, ensure_ascii=False)
