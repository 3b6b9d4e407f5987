"""The body of a Dash callback, looked at before Dash does: a public interface like any other.

Dash takes whatever it is sent: ids of other inputs, too many of them, brackets without end. What
does not fit the registered callback is refused here (T/CASMES 615 9.2.2).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

DEEPEST = 32
LONGEST_BYTES = 1 << 20
PAGES_CONTENT = "_pages_content"
_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
_NOT_BRACKETS = bytes(sorted(set(range(256)) - set(b"[]{}")))
_ONE_OF_MANY = ["MATCH"]
_MANY = (["ALL"], ["ALLSMALLER"])
_ADDRESS = ("pathname", "search", "hash", "href")
Registered = Mapping[str, Mapping[str, Any]]


class Malformed(Exception):
    """The body is not one that the page's own scripts would send."""


def depth(body: bytes) -> int:
    """Return how deep brackets are nested, or a number that they cannot exceed.

    Parameters
    ----------
    body
        JSON, or what pretends to be.

    Returns
    -------
    int
        At least the deepest level; more than ``DEEPEST`` only where the nesting is.
    """
    if body.count(b"[") + body.count(b"{") <= DEEPEST:
        return body.count(b"[") + body.count(b"{")
    deepest = level = 0
    for sign in _STRING.sub(b"", body).translate(None, _NOT_BRACKETS):
        if sign in b"[{":
            level += 1
            deepest = max(deepest, level)
            if deepest > DEEPEST:
                break
        else:
            level -= 1
    return deepest


def parsed(body: bytes) -> dict[str, Any]:
    """Return the object that a callback's body is.

    Parameters
    ----------
    body
        At most 1 MB.

    Returns
    -------
    dict
        With a string under ``output``.

    Raises
    ------
    Malformed
        Too long, too deep, not JSON, not an object.
    """
    # A zero byte would make the parser take the body for UTF-16, which `depth` does not read.
    if len(body) > LONGEST_BYTES or b"\0" in body or depth(body) > DEEPEST:
        raise Malformed
    try:
        found = json.loads(body.decode("utf-8"))
        if b"\\u" in body:  # half a sign, which no answer could repeat
            json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError) as error:  # JSON, UTF-8, a number with too many digits
        raise Malformed from error
    if not isinstance(found, dict) or not isinstance(found.get("output"), str):
        raise Malformed
    return found


def checked(body: Mapping[str, Any], callback: Mapping[str, Any]) -> list[object]:
    """Return the pathnames that a callback is asked for, its body being what it registered.

    Dash passes values on by position and believes the ids that come with them; so every id and
    property must be the registered one, in its place.

    Parameters
    ----------
    body
        What ``parsed`` returned.
    callback
        Dash's record of the callback: ``inputs`` and ``state``, each a list of id and property.

    Returns
    -------
    list
        The values of its pathname inputs.

    Raises
    ------
    Malformed
        Inputs, state, outputs or what changed are not those of the callback.
    """
    changed = body.get("changedPropIds", [])
    if not isinstance(changed, list) or not all(isinstance(c, str) for c in changed):
        raise Malformed
    pathnames: list[object] = []
    for part in ("inputs", "state"):
        sent, expected = body.get(part, []), callback.get(part, ())
        if not isinstance(sent, list) or len(sent) != len(expected):
            raise Malformed
        for one, registered in zip(sent, expected, strict=True):
            if not _fits(one, registered):
                raise Malformed
            if registered["property"] in _ADDRESS and not isinstance(one.get("value"), str | None):
                raise Malformed
            if registered["property"] == "pathname":
                pathnames.append(one.get("value"))
    if not callback.get("no_output") and not _outputs_fit(body):
        raise Malformed
    return pathnames


def _fits(sent: object, registered: Mapping[str, Any]) -> bool:
    """Tell whether what was sent stands where the registered input does."""
    pattern = _identifier(registered["id"])
    if isinstance(pattern, dict) and any(v in _MANY for v in pattern.values()):
        return isinstance(sent, list) and all(
            _is_one(one, pattern, registered["property"]) for one in sent
        )
    return _is_one(sent, pattern, registered["property"])


def _is_one(sent: object, pattern: object, name: str) -> bool:
    if not isinstance(sent, dict) or sent.get("property") != name:
        return False
    found = sent.get("id")
    if not isinstance(pattern, dict) or not isinstance(found, dict):
        return bool(found == pattern)
    if found.keys() != pattern.keys():
        return False
    return all(
        isinstance(found[key], str | int | float) if _is_wildcard(wanted) else found[key] == wanted
        for key, wanted in pattern.items()
    )


def _is_wildcard(value: object) -> bool:
    return value == _ONE_OF_MANY or value in _MANY


def _identifier(written: str) -> object:
    """Return an id as it is sent: Dash writes those made of several parts as JSON."""
    return json.loads(written) if written.startswith("{") else written


def _outputs_fit(body: Mapping[str, Any]) -> bool:
    """Tell whether ``outputs``, which Dash fills its answer by, are those of ``output``."""
    output: str = body["output"]
    several = output.startswith("..") and output.endswith("..")
    expected = list(_split(output[2:-2].split("...") if several else [output]))
    sent = body.get("outputs") if several else [body.get("outputs")]
    return (
        isinstance(sent, list)
        and len(sent) == len(expected)
        and all(
            _fits(one, {"id": ident, "property": name})
            for one, (ident, name) in zip(sent, expected, strict=True)
        )
    )


def _split(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        ident, _, prop = name.rpartition(".")
        yield ident.replace("\\.", "."), prop
