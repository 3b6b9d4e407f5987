"""The specification in the reader's language, and the page that shows it, served from here."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from api.answers import ProblemDocument
from security.api_gate import OPEN, OWN, ROUTES
from translations import text

HERE = Path(__file__).parent
PROBLEM = "#/components/schemas/ProblemDocument"
SPOKEN = ("description", "summary", "title")
_HEADERS: tuple[dict[str, Any], ...] = (
    {
        "name": "Idempotency-Key", "in": "header", "required": True,
        "schema": {"type": "string", "pattern": "^[!-~]{1,128}$", "minLength": 1,
                   "maxLength": 128},
        "description": "同一批数据每次重发都用同一个键，7 天内只算一次",
    },
    {
        "name": "X-Content-SM3", "in": "header", "required": False,
        "schema": {"type": "string", "pattern": "^[0-9A-Fa-f]{64}$"},
        "description": "正文的 SM3 摘要（十六进制）；不符时不收下任何数据",
    },
    {
        "name": "X-Signature", "in": "header", "required": False,
        "schema": {"type": "string",
                   "pattern": "^SM3-HMAC keyid=[0-9a-f]{12},ts=[0-9]{1,12},"
                              "nonce=[0-9A-Za-z_-]{16,64},sig=[0-9a-f]{64}$"},
        "description": "HMAC-SM3 签名：SM3-HMAC keyid=…,ts=…,nonce=…,sig=…",
    },
)  # fmt: skip
_COMMON = {400: "请求的写法不对", 422: "请求不符合接口文档"}
_KEYED = {
    401: "没有密钥，或密钥无效、过期、吊销",
    403: "密钥没有这个权限",
    404: "没有这个对象",
    429: "请求过于频繁；Retry-After 说明何时再来",
    503: "暂时不能处理；Retry-After 说明何时再来",
}
_POSTED = {
    409: "Idempotency-Key 已用于另一份正文",
    413: "正文超过 1 MB",
    415: "正文须为未压缩的 application/json",
}


def completed(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a specification with what its generator does not say: keys, headers, problems.

    Parameters
    ----------
    spec
        OpenAPI 3.1, as APIFlask makes it.

    Returns
    -------
    dict
        Descriptions are Chinese; ``spoken`` turns them into another language.
    """
    schemas = spec.setdefault("components", {}).setdefault("schemas", {})
    _put_model(schemas, "ProblemDocument", ProblemDocument.model_json_schema(
        ref_template="#/components/schemas/{model}"))  # fmt: skip
    spec["components"]["securitySchemes"] = {
        "key": {"type": "http", "scheme": "bearer", "description": "接口密钥：前缀.密文"}
    }
    for schema in schemas.values():
        schema.pop("description", None)  # the code's own words, which are for its readers
    for path, methods in spec["paths"].items():
        for method, operation in methods.items():
            _complete(operation, method.upper(), path)
    return spec


def _put_model(schemas: dict[str, Any], name: str, model: dict[str, Any]) -> None:
    schemas |= model.pop("$defs", {})
    schemas[name] = model


def _complete(operation: dict[str, Any], method: str, path: str) -> None:
    rule = path.replace("{", "<").replace("}", ">")
    scope = ROUTES[method, rule]
    found = dict(_COMMON) if operation.get("parameters") or method == "POST" else {}
    if scope != OPEN:
        operation["security"] = [{"key": []}]
        operation["x-scope"] = "" if scope == OWN else scope
        found |= _KEYED
    if method == "POST":
        operation["requestBody"]["required"] = True
        operation.setdefault("parameters", []).extend(_HEADERS)
        found |= _POSTED
    for name in [n for n in operation["responses"] if int(n) >= 400]:
        del operation["responses"][name]
    for status, words in sorted(found.items()):
        operation["responses"][str(status)] = {
            "description": words,
            "content": {"application/problem+json": {"schema": {"$ref": PROBLEM}}},
        }


def spoken(node: Any, language: str) -> Any:  # noqa: ANN401 (JSON of any shape)
    """Return a specification with its sentences in a language.

    Parameters
    ----------
    node
        JSON.
    language
        One of ``translations.LANGUAGES``.
    """
    if isinstance(node, Mapping):
        return {
            name: text(value, language)
            if name in SPOKEN and isinstance(value, str)
            else spoken(value, language)
            for name, value in node.items()
        }
    return [spoken(one, language) for one in node] if isinstance(node, list | tuple) else node


@cache
def style() -> bytes:
    """Return the style sheet of the readable page."""
    return (HERE / "docs.css").read_bytes()


def fields(spec: Mapping[str, Any], schema: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the fields of an object as the readable page lists them, those of rows included.

    Parameters
    ----------
    spec
        The whole specification, for references.
    schema
        An object's.

    Returns
    -------
    list of dict
        name, type, required, description.
    """
    whole = resolved(spec, schema)
    found = []
    for name, one in whole.get("properties", {}).items():
        plain = resolved(spec, one)
        needed = name in whole.get("required", ())
        found.append(
            {"name": name, "type": kind_of(spec, one), "required": needed,
             "description": one.get("description") or plain.get("description", "")}
        )  # fmt: skip
        inner = resolved(spec, plain.get("items", {}))
        found += [{**f, "name": f"{name}[].{f['name']}"} for f in fields(spec, inner)]
    return found


def resolved(spec: Mapping[str, Any], schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return what a reference stands for."""
    if "$ref" not in schema:
        return schema
    found: Any = spec
    for part in str(schema["$ref"]).removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def kind_of(spec: Mapping[str, Any], schema: Mapping[str, Any]) -> str:
    """Return a schema's type in a word or its choices."""
    plain = resolved(spec, schema)
    if "enum" in plain:
        return " | ".join(str(one) for one in plain["enum"] if one != "")
    if "anyOf" in plain:
        return " | ".join(dict.fromkeys(kind_of(spec, one) for one in plain["anyOf"]))
    return str(plain.get("const") or plain.get("type", "object"))
