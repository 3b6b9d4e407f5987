"""What programs may read: the rows that files, pages and traces show, in pages by key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Any, cast

import orjson
from flask import Response, g

from api.models import AlarmsQuery, LedgerQuery, MetersQuery, Paged, ReadingsQuery
from api.problems import language
from data import forecasts as kept_forecasts
from data import listing, trace
from data.engine import Engine
from data.listing import BadCursor, Figures, Listed, Part, Span, Spell
from data.posts import REFUSED
from data.state import ApiKey
from security.api_gate import ApiRefused
from translations import text

NOT_FOUND = "没有这个对象，或这个密钥不能看它"


def answer(body: Mapping[str, Any], status: int = 200) -> Response:
    """Return a JSON document; numbers have full precision, what is not known is null."""
    return Response(orjson.dumps(body), status, mimetype="application/json")


def _moment(words: str) -> datetime | None:
    """Return a moment, UTC without a zone; None for no words."""
    if not words:
        return None
    try:
        return datetime.fromisoformat(words).astimezone(UTC).replace(tzinfo=None)
    except (ValueError, OverflowError) as error:
        raise _no_such_time(words) from error


def _day(words: str) -> date | None:
    try:
        return date.fromisoformat(words) if words else None
    except ValueError as error:
        raise _no_such_time(words) from error


def _no_such_time(words: str) -> ApiRefused:
    return ApiRefused(422, "invalid", "没有“{words}”这个时刻", words=words)


def _listed(query: Paged, page: Callable[[Part], Listed]) -> Response:
    key = cast(ApiKey, g.api_key)
    try:
        found = page(Part(query.limit, query.cursor, key.sites or None))
    except BadCursor as error:
        raise ApiRefused(422, "cursor", "cursor 不是本接口给出的；请从第一页读起") from error
    return answer({"rows": found.rows, "next_cursor": found.next_cursor})


def ledger(engine: Engine, query: LedgerQuery) -> Response:
    """Return a page of figures."""
    wanted = Figures(query.site, query.grain, query.indicator, query.dimension, query.entity,
                     query.from_, query.to, _moment(query.as_of))  # fmt: skip
    return _listed(query, lambda part: listing.ledger_page(engine, wanted, part))


def readings(engine: Engine, query: ReadingsQuery) -> Response:
    """Return a page of a meter's readings."""
    wanted = Span(query.meter_id, query.site, _moment(query.from_), _moment(query.to))
    return _listed(query, lambda part: listing.readings_page(engine, wanted, part))


def meters(engine: Engine, query: MetersQuery) -> Response:
    """Return a page of meters."""
    return _listed(query, lambda part: listing.meters_page(engine, query.site, part))


def alarms(engine: Engine, query: AlarmsQuery) -> Response:
    """Return a page of alarms."""
    wanted = Spell(query.site, query.rule, _day(query.from_), _day(query.to))
    return _listed(query, lambda part: listing.alarms_page(engine, wanted, part))


def factors(engine: Engine, as_of: str) -> Response:
    """Return the factor library."""
    digest, rows = listing.factor_rows(engine, _moment(as_of))
    return answer({"digest": digest, "rows": rows})


def traced(engine: Engine, figure_id: str) -> Response:
    """Return a figure down to its readings, as `trace --json` prints it."""
    try:
        found = trace.trace(engine, figure_id)
    except trace.Unknown as error:
        raise ApiRefused(404, "not-found", NOT_FOUND) from error
    sites = cast(ApiKey, g.api_key).sites
    if sites and found["site"] not in ("", *sites):
        raise ApiRefused(404, "not-found", NOT_FOUND)
    return answer(found)


def forecasts(engine: Engine) -> Response:
    """Return the newest forecasts as `forecast --json` prints them, or why there are none."""
    found = kept_forecasts.document(engine, cast(ApiKey, g.api_key).sites)
    reason = None
    if not found["forecasts"]:
        last = kept_forecasts.newest(engine)
        word = (
            "历史太短，不作预测" if last is not None else "还没有预测：价格和减排量结算后自动计算"
        )
        reason = text(word, language())
    return answer({**found, "reason": reason})


def batch(engine: Engine, batch_id: str) -> Response:
    """Return where a posted document is by now, to who posted it or may read."""
    found, key = engine.posts.find(batch_id), cast(ApiKey, g.api_key)
    reader = {"read", "admin"} & set(key.scopes) and (
        not key.sites or found is None or found.post.site in key.sites
    )
    if found is None or (found.post.client != key.prefix and not reader):
        raise ApiRefused(404, "not-found", NOT_FOUND)
    post, done = found.post, found.done_at
    loaded_at = None if done is None or found.state == REFUSED else _iso(done)
    return answer(
        {"batch_id": post.id, "kind": post.kind, "site": post.site, "state": found.state,
         "received_at": _iso(post.at), "loaded_at": loaded_at, "batch": found.batch,
         "outcome": found.outcome, "receipt": post.receipt}
    )  # fmt: skip


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
