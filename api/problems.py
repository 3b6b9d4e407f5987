"""What went wrong, as problem documents (RFC 9457) in the reader's language; never a traceback."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

import orjson
from apiflask import HTTPError
from flask import Flask, Response, g, request
from pydantic import ValidationError
from werkzeug.exceptions import HTTPException

from data.connectors.base import SpoolBusy
from data.engine import DiskFull
from data.state import DBAPIError, NotRecorded
from data.store import Interrupted, StoreError
from security.api_gate import ApiGate, ApiRefused, later
from translations import LANGUAGES, text

LOG = logging.getLogger("carbon.api")
MEDIA = "application/problem+json"
SHOWN = 100
_LONGEST = 80

# What pydantic says of a value, in words that say what to do.
_REASONS: Mapping[str, tuple[str, str]] = {
    "missing": ("缺少这一项", "请补上后重试"),
    "extra_forbidden": ("没有这一项", "请核对名称"),
    "float_type": ("这不是数字", "请写成 JSON 数字，不加引号"),
    "int_parsing": ("这不是整数", "请填写整数"),
    "finite_number": ("这不是有限的数字", "没有数据就写 null"),
    "string_type": ("这不是文本", "请写成 JSON 字符串"),
    "string_pattern_mismatch": ("写法不对", "请按接口文档中的格式填写"),
    "string_too_long": ("文字过长", "请缩短"),
    "literal_error": ("不在可选值之中", "请填写接口文档列出的值之一"),
    "list_type": ("这不是数组", "请写成 JSON 数组"),
    "model_type": ("这不是对象", "请写成 JSON 对象"),
    "too_long": ("行数超过 1000", "请分成几批"),
    "too_short": ("没有数据行", "请至少写一行"),
    "greater_than_equal": ("过小", "请按接口文档中的范围填写"),
    "less_than_equal": ("过大", "请按接口文档中的范围填写"),
}
_UNKNOWN = ("值不可用", "请按接口文档中的格式填写")
_DETAILS: Mapping[int, tuple[str, str]] = {
    400: ("malformed", "正文不是可以接受的 JSON"),
    404: ("not-found", "没有这个地址或对象"),
    405: ("method", "这个地址不接受这种方法"),
    413: ("too-large", "正文超过 1 MB"),
    415: ("media-type", "正文须为 application/json"),
}


def language() -> str:
    """Return the reader's language: what the request accepts, else that of the settings."""
    default = str(g.get("default_language", "zh"))
    return request.accept_languages.best_match(LANGUAGES) or default


def problem(
    status: int, code: str, detail: str, headers: Mapping[str, str] | None = None,
    *, retryable: bool = False, errors: Sequence[Mapping[str, Any]] = (),
) -> Response:  # fmt: skip
    """Return a problem document.

    Parameters
    ----------
    status, code
        Of HTTP, and the word for programs.
    detail
        A sentence in the reader's language.
    headers
        What the answer carries besides.
    retryable
        Whether the same bytes may be sent again.
    errors
        The places that are not right.
    """
    body = {
        "type": f"urn:carbon:problem:{code}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "instance": f"{request.script_root}{request.path}",
        "code": code,
        "retryable": retryable,
        "errors": list(errors),
    }
    answer = Response(orjson.dumps(body), status, mimetype=MEDIA)
    answer.headers.update(headers or {})
    answer.headers["Content-Language"] = "zh-CN" if language() == "zh" else "en"
    return answer


def _faults(error: ValidationError, location: str, chosen: str) -> list[dict[str, Any]]:
    """Return what is wrong with a document: row, column, value, reason, remedy."""
    found = []
    for one in error.errors(include_url=False, include_context=False)[:SHOWN]:
        place = [part for part in one["loc"] if part != "rows"]
        index = next((part for part in place if isinstance(part, int)), None)
        columns = [str(part) for part in place if isinstance(part, str)]
        reason, remedy = _REASONS.get(one["type"], _UNKNOWN)
        given = "" if one["type"] == "missing" else str(one["input"])
        shown = given if len(given) <= _LONGEST else given[:_LONGEST] + "…"
        found.append(
            {"location": location, "index": index, "column": columns[0] if columns else None,
             "value": shown or None, "reason": text(reason, chosen),
             "remedy": text(remedy, chosen)}
        )  # fmt: skip
    return found


def install(server: Flask, gate: ApiGate) -> None:
    """Let every refusal and every failure of the API be answered by a problem document.

    Parameters
    ----------
    server
        The API's application.
    gate
        What counts addresses that do not exist.
    """

    def refused(error: ApiRefused) -> Response:
        detail = text(error.reason, language(), **error.values)
        return problem(error.status, error.code, detail, error.headers, retryable=error.retryable)

    def invalid(error: HTTPError) -> Response:
        cause = error.__cause__
        faults = []
        if isinstance(cause, ValidationError):
            location = str(next(iter(error.detail), "body")) if error.detail else "body"
            faults = _faults(cause, location, language())
        return problem(422, "invalid", text("请求不符合接口文档", language()), errors=faults)

    def routed(error: HTTPException) -> Response:
        status = error.code or 500
        if status in (404, 405):
            gate.unknown(status)
        code, detail = _DETAILS.get(status, ("refused", "请求不能处理"))
        kept = {k: v for k, v in error.get_headers() if k in ("Allow", "Retry-After")}
        return problem(status, code, text(detail, language()), kept)

    def busy(error: SpoolBusy) -> Response:
        words = text("暂存区已满或正忙，没有收下任何数据；请稍后原样重发", language())
        return problem(503, "busy", words, later(error.retry_after_s), retryable=True)

    def full(error: DiskFull) -> Response:
        return problem(503, "disk-full", str(error), later(60), retryable=True)

    def unavailable(error: Exception) -> Response:
        LOG.error("not answered: %s", error)
        words = text("服务暂时不能处理，没有收下任何数据；请稍后原样重发", language())
        return problem(503, "unavailable", words, later(5), retryable=True)

    def failed(error: Exception) -> Response:
        LOG.exception("an API request failed", exc_info=error)
        return problem(500, "internal", text("内部错误，已记录；请联系管理员", language()))

    server.register_error_handler(ApiRefused, refused)
    server.register_error_handler(HTTPError, invalid)
    server.register_error_handler(HTTPException, routed)
    server.register_error_handler(SpoolBusy, busy)
    server.register_error_handler(DiskFull, full)
    for kind in (NotRecorded, DBAPIError, StoreError, Interrupted):
        server.register_error_handler(kind, unavailable)
    server.register_error_handler(Exception, failed)
