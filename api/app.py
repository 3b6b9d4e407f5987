"""The API's own application: routes, their gate, problems, headers, specification."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson
from apiflask import APIFlask
from flask import Flask, Response, g, render_template, request
from flask.json.provider import JSONProvider

from api import answers, models, problems, reads
from api.answers import Receipt
from api.spec import PROBLEM, completed, fields, kind_of, spoken, style
from api.writes import Desk
from data.engine import Engine
from data.listing import indicator_rows
from data.post_load import KnownRows
from data.posts import Committer
from security import api_gate
from security.api_gate import ROUTES, ApiGate, ApiRefused, Buckets
from security.guard import HEADERS
from security.signals import Signals
from translations import LANGUAGES, text

MOUNT = "/api"
VERSION = "1.0.0"
POLICY = (
    "default-src 'none'; style-src 'self'; form-action 'self'; frame-ancestors 'none'; "
    "base-uri 'none'"
)


@dataclass(frozen=True)
class Options:
    """What the API must know of the service.

    Parameters
    ----------
    language
        Of who says none.
    rate_per_s
        Requests a second of each key.
    signals
        What counts signs of an attack.
    clock
        Now, UTC without a zone.
    healthy
        Whether the service works as a whole.
    """

    language: str
    rate_per_s: float
    signals: Signals
    clock: Callable[[], datetime]
    healthy: Callable[[], bool]


class _StrictJson(JSONProvider):
    """JSON as the standard says it: no NaN, no half signs, nothing after the document."""

    def dumps(self, obj: Any, **_kwargs: Any) -> str:  # noqa: ANN401
        return orjson.dumps(obj).decode()

    def loads(self, s: str | bytes, **_kwargs: Any) -> Any:  # noqa: ANN401
        return orjson.loads(s)


def create_api(engine: Engine, options: Options) -> Flask:
    """Return the API over an opened data directory.

    Parameters
    ----------
    engine
        The opened data directory.
    options
        What it must know of the service.

    Returns
    -------
    Flask
        A WSGI application of its own, to be mounted at ``MOUNT``.
    """
    server = APIFlask(
        "carbon-api", title="碳管理系统数据接口", version=VERSION, spec_path=None, docs_path=None,
        json_errors=False, static_folder=None, template_folder="templates",  # type: ignore[arg-type]
        root_path=str(Path(__file__).parent),
    )  # fmt: skip
    server.json = _StrictJson(server)
    server.description = "接入读数、拆解批次、产出物和行情，读取账本、追溯、台账和告警"
    server.servers = [{"url": MOUNT}]
    server.config |= {
        "OPENAPI_VERSION": "3.1.0",
        "PROVIDE_AUTOMATIC_OPTIONS": False,
        "MAX_CONTENT_LENGTH": api_gate.LONGEST_BYTES,
        "AUTO_404_RESPONSE": False,
        "AUTO_VALIDATION_ERROR_RESPONSE": False,
        "TEMPLATES_AUTO_RELOAD": False,
    }

    def once(prefix: str, nonce: str) -> bool:
        return engine.posts.once(prefix, nonce, options.clock().replace(tzinfo=UTC))

    gate = ApiGate(engine.state, options.signals, options.clock, once, Buckets(options.rate_per_s))
    server.extensions["api_gate"] = gate
    server.before_request(lambda: setattr(g, "default_language", options.language))
    server.before_request(_require_single_values)
    api_gate.install(server, gate)
    problems.install(server, gate)
    server.after_request(_headed)
    committer = Committer(lambda: engine.posts, engine.state.audit)
    _writes(server, Desk(engine, KnownRows(engine), committer))
    _reads(server, engine)
    _service(server, options)
    return server


def _require_single_values() -> None:
    """Refuse a parameter that stands twice: which one counts would be a guess."""
    for name, values in request.args.lists():
        if len(values) > 1:
            raise ApiRefused(422, "invalid", "参数 {name} 写了两次", name=name)


def _headed(answer: Response) -> Response:
    for name, value in HEADERS.items():
        answer.headers.setdefault(name, value)
    answer.headers["Content-Security-Policy"] = POLICY
    answer.headers["Cache-Control"] = "no-store"
    answer.headers["Vary"] = "Accept-Language, Authorization"
    return answer


def _writes(server: APIFlask, desk: Desk) -> None:
    """Register what takes documents in."""
    kinds: Mapping[str, tuple[str, type[models._Document], str]] = {
        "/v1/readings": ("readings", models.Readings, "推送表计读数"),
        "/v1/production/batches": ("batches", models.Batches, "推送拆解批次"),
        "/v1/production/outputs": ("outputs", models.Outputs, "推送产出物"),
        "/v1/market/prices": ("prices", models.Prices, "推送每日行情"),
    }
    for path, (kind, model, summary) in kinds.items():

        def take(body: Any, kind: str = kind) -> Response:  # noqa: ANN401
            return desk.take(kind, body)

        take.__name__ = f"post_{kind}"
        view = server.doc(
            summary=summary, operation_id=f"post_{kind}",
            description="202 表示已写入磁盘，不会丢失；没有收下的行逐行列出",
        )(take)  # fmt: skip
        view = server.output(Receipt, status_code=202, description="已收下")(view)
        view = server.input(model, location="json", arg_name="body")(view)
        server.post(path)(view)


def _reads(server: APIFlask, engine: Engine) -> None:
    """Register what may be read."""
    lists: Mapping[str, tuple[str, Any, Any, Callable[[Any], Response], str]] = {
        "ledger": ("get_ledger", models.LedgerQuery, answers.LedgerPage,
                   lambda q: reads.ledger(engine, q), "账本：与导出文件、页面相同的数值"),
        "readings": ("get_readings", models.ReadingsQuery, answers.ReadingsPage,
                     lambda q: reads.readings(engine, q), "一块表的读数"),
        "meters": ("get_meters", models.MetersQuery, answers.MetersPage,
                   lambda q: reads.meters(engine, q), "表计台账"),
        "alarms": ("get_alarms", models.AlarmsQuery, answers.AlarmsPage,
                   lambda q: reads.alarms(engine, q), "告警"),
        "factors": ("get_factors", models.FactorsQuery, answers.Factors,
                    lambda q: reads.factors(engine, q.as_of), "因子库"),
        "indicators": ("get_indicators", models.NoQuery, answers.Indicators,
                       lambda _q: reads.answer({"rows": indicator_rows()}), "指标"),
        "forecasts": ("get_forecasts", models.NoQuery, answers.Forecasts,
                      lambda _q: reads.forecasts(engine), "预测"),
    }  # fmt: skip
    for path, (name, query, found, work, summary) in lists.items():

        def view(query: Any, work: Callable[[Any], Response] = work) -> Response:  # noqa: ANN401
            return work(query)

        view.__name__ = name
        made = server.doc(summary=summary, operation_id=name)(view)
        made = server.output(found, description="数据")(made)
        made = server.input(query, location="query", arg_name="query")(made)
        server.get(f"/v1/{path}")(made)

    @server.get("/v1/trace/<figure_id>")
    @server.input(models.NoQuery, location="query", arg_name="query")
    @server.output(answers.Trace, description="数据")
    @server.doc(summary="把一个数值追溯到因子和读数", operation_id="get_trace")
    def get_trace(figure_id: str, query: models.NoQuery) -> Response:
        return reads.traced(engine, figure_id)

    @server.get("/v1/batches/<batch_id>")
    @server.input(models.NoQuery, location="query", arg_name="query")
    @server.output(answers.BatchState, description="数据")
    @server.doc(summary="推送的一批数据现在到了哪一步", operation_id="get_batch")
    def get_batch(batch_id: str, query: models.NoQuery) -> Response:
        return reads.batch(engine, batch_id)


def _service(server: APIFlask, options: Options) -> None:
    """Register what needs no key: health, specification, the page that shows it."""

    @server.get("/v1/health")
    @server.output(answers.Health, description="服务正常")
    @server.doc(summary="服务是否正常", operation_id="get_health")
    def get_health() -> Response:
        well = options.healthy()
        if not well:
            raise ApiRefused(503, "unavailable", "服务不完整：审计没有在运行", api_gate.later(60))
        return reads.answer({"status": "ok"})

    @cache
    def spec(language: str) -> dict[str, Any]:
        found: dict[str, Any] = spoken(completed(dict(server.spec)), language)  # type: ignore[arg-type]
        return found

    def chosen() -> str:
        said = request.args.get("lang", "")
        return said if said in LANGUAGES else problems.language()

    @server.get("/v1/openapi.json")
    @server.doc(hide=True)
    def openapi() -> Response:
        return reads.answer(spec(chosen()))

    @server.get("/v1/docs")
    @server.doc(hide=True)
    def docs() -> Response:
        language = chosen()
        body = render_template(
            "docs.html", spec=spec(language), language=language, fields=fields, kind_of=kind_of,
            lang="zh-CN" if language == "zh" else "en", other="en" if language == "zh" else "zh",
            t=lambda key: text(key, language), problem=PROBLEM,
        )  # fmt: skip
        return Response(body, mimetype="text/html")

    @server.get("/v1/docs.css")
    @server.doc(hide=True)
    def docs_css() -> Response:
        return Response(style(), mimetype="text/css")

    registered = {
        (method, rule.rule)
        for rule in server.url_map.iter_rules()
        for method in rule.methods or ()
        if method not in ("HEAD", "OPTIONS") and rule.endpoint != "static"
    }
    if registered != set(ROUTES):
        raise RuntimeError(f"not classified: {sorted(registered ^ set(ROUTES))}")
