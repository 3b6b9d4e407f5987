"""What programs bring: judged row by row, committed to the spool, then acknowledged (9.1.1)."""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, cast
from zoneinfo import ZoneInfo

import orjson
from flask import Response, g, request
from pydantic import BaseModel

from api.problems import language
from data.connectors.base import Batch, Quality, Reading
from data.digest import sm3
from data.engine import Engine
from data.ingest.cells import CellError, timestamp
from data.ingest.known import Known
from data.ingest.loaders import DEFAULT_ZONE
from data.ingest.posted import judged
from data.ingest.problems import Problem
from data.ingest.rows import Row
from data.post_load import KnownRows
from data.posts import Arriving, Committer, KeyTaken, Post
from data.state import ApiKey, Entry, acting
from security.api_gate import ApiRefused
from translations import text

ROOM_BYTES = 4 << 20  # what a document may need on the disk, journal included
_QUALITY = {"good": Quality.GOOD, "uncertain": Quality.UNCERTAIN, "bad": Quality.BAD,
            "manual": Quality.MANUAL}  # fmt: skip


@dataclass(frozen=True)
class Desk:
    """What takes documents in: the opened data directory, and what rows are checked against."""

    engine: Engine
    known: KnownRows
    committer: Committer

    def take(self, kind: str, document: BaseModel) -> Response:
        """Take a document in and return its receipt (202).

        Parameters
        ----------
        kind
            As which kind of import file.
        document
            Checked by its model.

        Raises
        ------
        ApiRefused
            Its site or idempotency key is not right.
        SpoolBusy, DiskFull, NotRecorded
            Nothing was taken.
        """
        key = cast(ApiKey, g.api_key)
        name, body_sm3 = _idempotency_key(), sm3(request.get_data())
        at = datetime.now(UTC)
        try:
            before = self.engine.posts.known(key.prefix, name, body_sm3, at)
            if before is not None:
                return _answer(_again(before))
            return _answer(self._added(kind, document, name, body_sm3, at))
        except KeyTaken as error:
            words = "这个 Idempotency-Key 已用于另一份正文；新的数据请换新的键"
            raise ApiRefused(409, "idempotency-conflict", words) from error

    def _added(
        self, kind: str, document: BaseModel, name: str, body_sm3: str, at: datetime
    ) -> Mapping[str, Any]:
        """Judge a document and commit it; return its receipt, or that of its twin."""
        self.engine.require_space(ROOM_BYTES)
        key = cast(ApiKey, g.api_key)
        site = _site(key, kind, getattr(document, "site", None))
        rows = [row.model_dump() for row in getattr(document, "rows")]  # noqa: B009 (of any model)
        known = self.known.of(kind)
        parsed, problems = judged(kind, rows, known, language(), site)
        problems += _foreign(key, rows, site)
        bad = {p.row for p in problems if p.severity == "error"}
        good = [row for row in parsed.rows if row.number not in bad]
        batch_id = secrets.token_hex(12)
        receipt = _receipt(batch_id, good, problems)
        kept = [{n: v for n, v in rows[row.number].items() if v is not None} for row in good]
        post = Post(batch_id, key.prefix, name, body_sm3, kind, site, kept, receipt, at)
        readings = None
        if kind == "readings":
            sent_at = getattr(document, "sent_at", None)
            readings = _readings(batch_id, good, known, site, _moment(sent_at))
        twin = self.committer.add(Arriving(post, readings, acting(), _entry(post, len(bad))))
        return receipt if twin is None else _again(twin)


def _entry(post: Post, rejected: int) -> Entry:
    told = {"kind": post.kind, "site": post.site, "accepted": len(post.rows),
            "rejected": rejected, "sm3": post.body_sm3}  # fmt: skip
    return Entry("api.push", post.id, json.dumps(told, ensure_ascii=False))


def _idempotency_key() -> str:
    found = request.headers.get("Idempotency-Key", "")
    if not 1 <= len(found) <= 128 or not all("!" <= sign <= "~" for sign in found):
        raise ApiRefused(
            422, "idempotency-key", "缺少 Idempotency-Key，或它不是 1 至 128 个可见的 ASCII 字符"
        )
    return found


def _site(key: ApiKey, kind: str, named: str | None) -> str:
    """Return the site of a document: what it says, else the only one of its key."""
    if kind == "prices":
        return ""
    if named is None and len(key.sites) == 1:
        return key.sites[0]
    if named is not None and key.sites and named not in key.sites:
        raise ApiRefused(403, "site", "这个密钥不能用于站点 {site}", site=named)
    if named is None and key.sites and kind in ("readings", "outputs"):
        raise ApiRefused(422, "site-required", "这个密钥用于几个站点，正文须写明 site")
    return named or ""


def _foreign(key: ApiKey, rows: Sequence[Mapping[str, Any]], site: str) -> list[Problem]:
    """Return the rows of sites that a key is not for."""
    if site or not key.sites:
        return []
    chosen = language()
    return [
        Problem("", at, "site", str(row["site"]), text("这个密钥不能用于这个站点", chosen),
                text("请核对站点，或换用它的密钥", chosen))
        for at, row in enumerate(rows)
        if row.get("site") is not None and row["site"] not in key.sites
    ]  # fmt: skip


def _receipt(batch_id: str, good: Sequence[Row], problems: Sequence[Problem]) -> dict[str, Any]:
    errors = [p for p in problems if p.severity == "error"]
    return {
        "batch_id": batch_id,
        "accepted": len(good),
        "duplicate": False,
        "digest_verified": bool(g.digest_verified),
        "rejected": [_told(p, "row-refused") for p in errors],
        "notes": [_told(p, "row-doubtful") for p in problems if p.severity == "warning"],
    }


def _again(receipt: Mapping[str, Any]) -> dict[str, Any]:
    """Return the receipt of a document that came before."""
    return {**receipt, "duplicate": True, "digest_verified": bool(g.digest_verified)}


def _told(found: Problem, code: str) -> dict[str, Any]:
    return {
        "index": found.row,
        "code": code,
        "column": found.column,
        "value": found.value,
        "reason": found.reason,
        "remedy": found.remedy,
        "detail": f"{found.reason}; {found.remedy}",
    }


def _readings(
    batch_id: str, rows: Sequence[Row], known: Known, site: str, sent_at: datetime | None
) -> Batch:
    """Return readings as the spool of pushed batches takes them."""
    owners = {meter_id: owner for owner, meter_id in known.meters if site in ("", owner)}
    found = []
    for row in rows:
        meter_id = str(row.values["meter_id"])
        moment = cast(datetime, row.values["timestamp"])
        if moment.tzinfo is None:
            zone = known.zones.get(owners.get(meter_id, ""), DEFAULT_ZONE)
            moment = moment.replace(tzinfo=ZoneInfo(zone))
        quality = _QUALITY[str(row.values["quality"])]
        value = cast(Any, row.values["value"])
        found.append(Reading(meter_id, moment.astimezone(UTC), value, quality))
    return Batch(batch_id, tuple(found), stamped=True, sent_at=sent_at, backlog=sent_at is None)


def _moment(words: str | None) -> datetime | None:
    if words is None:
        return None
    try:
        found = timestamp(words)
    except CellError as error:
        raise ApiRefused(422, "invalid", "sent_at 不是时间") from error
    return None if found is None else found.astimezone(UTC)


def _answer(receipt: Mapping[str, Any]) -> Response:
    return Response(orjson.dumps(receipt), 202, mimetype="application/json")
