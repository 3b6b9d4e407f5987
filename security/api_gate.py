"""The gate before the API: every route has its scope here, keys alone open it (9.2.2, 9.4.1).

No cookie counts, no key opens a page. Refusals come before the body is read; the body is limited,
measured against its digest or signature and looked at for nesting before anything parses it.
"""

from __future__ import annotations

import hmac
import json
import re
import secrets
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import NoReturn

from flask import Flask, Request, g, request

from data.digest import sm3
from data.state import DENIED, FAILURE, Act, ApiKey, Entry, State, act_as
from security import api_keys
from security.api_keys import Refusal
from security.body import DEEPEST, depth
from security.guard import decoded_path
from security.signals import Signals

OPEN = ""  # needs no key
# Every route of the API and the scope that opens it; one that is not here answers 404.
ROUTES: Mapping[tuple[str, str], str] = {
    ("GET", "/v1/health"): OPEN,
    ("GET", "/v1/openapi.json"): OPEN,
    ("GET", "/v1/docs"): OPEN,
    ("GET", "/v1/docs.css"): OPEN,
    ("POST", "/v1/readings"): "ingest:meter",
    ("POST", "/v1/production/batches"): "ingest:production",
    ("POST", "/v1/production/outputs"): "ingest:production",
    ("POST", "/v1/market/prices"): "ingest:market",
    ("GET", "/v1/batches/<batch_id>"): "own",
    ("GET", "/v1/ledger"): "read",
    ("GET", "/v1/trace/<figure_id>"): "read",
    ("GET", "/v1/indicators"): "read",
    ("GET", "/v1/factors"): "read",
    ("GET", "/v1/meters"): "read",
    ("GET", "/v1/readings"): "read",
    ("GET", "/v1/alarms"): "read",
    ("GET", "/v1/forecasts"): "read",
}
OWN = "own"  # any key, of what it posted itself; admin and read see every batch
LONGEST_BYTES = 1 << 20
SKEW = timedelta(minutes=5)
MOST_WRONG, WRONG_WITHIN, LOCKED = 20, timedelta(minutes=5), timedelta(minutes=15)
SAID_ONCE = timedelta(minutes=1)
_MOST_KEPT = 10_000
_HEX = re.compile(r"[0-9A-Fa-f]{64}")
_SIGNATURE = re.compile(
    r"SM3-HMAC keyid=([0-9a-f]{12}),ts=(\d{1,12}),nonce=([\w-]{16,64}),sig=([0-9a-f]{64})"
)


class ApiRefused(Exception):
    """A request is not answered.

    Parameters
    ----------
    status
        Of HTTP.
    code
        A word for programs: the last part of the problem's type.
    reason
        A sentence in Chinese, key of the catalogue, with named values in braces.
    headers
        What the answer carries besides, such as Retry-After.
    retryable
        Whether the same bytes may be sent again.
    values
        What is filled in.
    """

    def __init__(
        self, status: int, code: str, reason: str, headers: Mapping[str, str] | None = None,
        *, retryable: bool = False, **values: object,
    ) -> None:  # fmt: skip
        super().__init__(code)
        self.status, self.code, self.reason = status, code, reason
        self.headers, self.retryable, self.values = dict(headers or {}), retryable, values


def later(seconds: float) -> dict[str, str]:
    """Return the header that tells when to come again, whole seconds."""
    return {"Retry-After": str(max(1, int(seconds + 0.999)))}


@dataclass
class _Bucket:
    """What is left of a key's requests, and when that was so."""

    left: float
    at: datetime


class Buckets:
    """Requests a second of each key: a burst of two seconds, then the rate.

    Parameters
    ----------
    per_s
        Requests a second.
    """

    def __init__(self, per_s: float) -> None:
        self._per_s = per_s
        self._guard = threading.Lock()
        self._kept: OrderedDict[str, _Bucket] = OrderedDict()

    def wait_s(self, name: str, at: datetime) -> float:
        """Take one request and return 0, or how long to wait for the next, s.

        Parameters
        ----------
        name
            The key's prefix.
        at
            Now.
        """
        most = max(1.0, 2 * self._per_s)
        with self._guard:
            bucket = self._kept.setdefault(name, _Bucket(most, at))
            self._kept.move_to_end(name)
            while len(self._kept) > _MOST_KEPT:
                self._kept.popitem(last=False)
            passed = max(0.0, (at - bucket.at).total_seconds())
            bucket.left, bucket.at = min(most, bucket.left + passed * self._per_s), at
            if bucket.left < 1:
                return (1 - bucket.left) / self._per_s
            bucket.left -= 1
            return 0.0


class Lockout:
    """Wrong keys, counted by where they come from and whose they pretend to be."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._tries: OrderedDict[str, deque[datetime]] = OrderedDict()
        self._until: OrderedDict[str, datetime] = OrderedDict()

    def wrong(self, subject: str, at: datetime) -> None:
        """Count a wrong key; too many lock the subject out for a quarter of an hour."""
        with self._guard:
            tries = self._tries.setdefault(subject, deque(maxlen=MOST_WRONG))
            self._tries.move_to_end(subject)
            tries.append(at)
            if len(tries) == MOST_WRONG and tries[0] > at - WRONG_WITHIN:
                self._until[subject] = at + LOCKED
                tries.clear()
            for kept in (self._tries, self._until):
                while len(kept) > _MOST_KEPT:
                    kept.popitem(last=False)

    def left_s(self, subject: str, at: datetime) -> float:
        """Return how long a subject is still locked out, s; 0 where it is not."""
        with self._guard:
            until = self._until.get(subject, at)
            return max(0.0, (until - at).total_seconds())


@dataclass
class ApiGate:
    """Decides about a request to the API before anything else sees it.

    Attributes
    ----------
    state
        Where keys and the trail are.
    signals
        What counts signs of an attack.
    clock
        Now, UTC without a zone.
    once
        Tells whether a nonce of a key comes for the first time: ``(prefix, nonce)``.
    buckets
        The rate of each key.
    """

    state: State
    signals: Signals
    clock: Callable[[], datetime]
    once: Callable[[str, str], bool]
    buckets: Buckets
    lockout: Lockout = field(default_factory=Lockout)
    _said: OrderedDict[tuple[str, str], datetime] = field(default_factory=OrderedDict)
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def before(self) -> None:
        """Let the request that is being answered through, or raise.

        Raises
        ------
        ApiRefused
            Its key, scope, rate, digest or signature is not right.
        """
        place = request.remote_addr or ""
        act_as(Act("", "api", "", place, secrets.token_hex(8)))
        g.api_key, g.digest_verified = None, False
        rule = request.url_rule.rule if request.url_rule is not None else None
        if rule is None:
            return  # no such address, or not so: the router says which
        scope = ROUTES.get(("GET" if request.method == "HEAD" else request.method, rule))
        # Werkzeug makes one slash of several at the start: an exact list would not be exact.
        if scope is None or decoded_path(request.environ) != request.path:
            raise ApiRefused(404, "not-found", "没有这个地址")
        if scope == OPEN:
            return
        key = self._key(place)
        act_as(Act(f"api:{key.prefix}", "api", "", place, secrets.token_hex(8)))
        g.api_key = key
        self._require_scope(key, scope, place)
        wait = self.buckets.wait_s(key.prefix, self.clock())
        if wait:
            raise ApiRefused(429, "rate-limited", "请求过于频繁，请稍后再试", later(wait),
                             retryable=True)  # fmt: skip
        if request.method == "POST":
            self._require_body(key)
        else:
            self._note_read(key, rule)

    def _key(self, place: str) -> ApiKey:
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind.lower() != "bearer" or not token:
            raise _unauthorized("需要接口密钥：Authorization: Bearer 前缀.密文")
        now = self.clock()
        found = api_keys.known(self.state, token.strip(), place, now)
        subject = f"{found.prefix} {place}" if found.prefix else place
        locked = self.lockout.left_s(subject, now)
        if locked:
            self._denied("locked", found.prefix, place)
            raise ApiRefused(429, "locked-out", "错误的密钥过多，请稍后再试", later(locked))
        if isinstance(found, ApiKey):
            return found
        self._denied(found.why, found.prefix, place)
        if found.why in ("unknown", "wrong"):
            self.lockout.wrong(subject, now)
            self.signals.sign("wrong_key", place)
        raise _refusal(found)

    def _denied(self, why: str, prefix: str, place: str) -> None:
        what = f"{request.method} {request.script_root}{request.path}"
        told = f"{why} {prefix}".strip()
        self.signals.record(Entry("api.denied", what, told, DENIED), place)

    def _require_scope(self, key: ApiKey, scope: str, place: str) -> None:
        if scope == OWN or scope in key.scopes or "admin" in key.scopes:
            return
        self._denied(f"scope {scope}", key.prefix, place)
        self.signals.sign("denied", place)
        raise ApiRefused(403, "scope", "这个密钥没有权限范围 {scope}", scope=scope)

    def _require_body(self, key: ApiKey) -> None:
        if request.headers.get("Content-Encoding", "identity") != "identity":
            raise ApiRefused(415, "encoding", "不接受压缩的正文")
        if request.mimetype != "application/json":
            raise ApiRefused(415, "media-type", "正文须为 application/json")
        request.max_content_length = LONGEST_BYTES
        body = request.get_data(cache=True)
        self._require_digest(key, body)
        if b"\0" in body or depth(body) > DEEPEST:
            raise ApiRefused(400, "malformed", "正文不是可以接受的 JSON")

    def _require_digest(self, key: ApiKey, body: bytes) -> None:
        """Refuse a body that is not the one that was sent, and a message that came before."""
        said, signed = request.headers.get("X-Content-SM3"), request.headers.get("X-Signature")
        digest = sm3(body)
        if said is not None:
            if not _HEX.fullmatch(said) or not hmac.compare_digest(said.lower(), digest):
                self._mismatch(key, "正文与 X-Content-SM3 不符，没有收下任何数据；请原样重发")
            g.digest_verified = True
        if signed is None:
            return
        parts = _SIGNATURE.fullmatch(signed)
        if parts is None or parts[1] != key.prefix:
            self._mismatch(key, "X-Signature 的写法不对，或不是这个密钥的")
        keyid, ts, nonce, sent = parts.groups()
        right = hmac.compare_digest(signature(_secret(request), request, ts, nonce, digest), sent)
        if not right:
            self._mismatch(key, "正文与 X-Signature 不符，没有收下任何数据；请原样重发")
        at = self.clock()
        if abs(int(ts) - (at - datetime(1970, 1, 1)).total_seconds()) > SKEW.total_seconds():
            raise ApiRefused(422, "signature-expired", "签名的时间与系统时间相差超过 5 分钟")
        if not self.once(keyid, nonce):
            self._denied("replayed nonce", key.prefix, request.remote_addr or "")
            self.signals.sign("replayed_nonce", request.remote_addr or "")
            raise ApiRefused(422, "nonce-replayed", "这条消息已经来过；重发请换 nonce 重新签名")
        g.digest_verified = True

    def _mismatch(self, key: ApiKey, reason: str) -> NoReturn:
        place = request.remote_addr or ""
        what = f"{request.method} {request.script_root}{request.path}"
        self.signals.record(Entry("api.denied", what, f"digest {key.prefix}", FAILURE), place)
        self.signals.sign("bad_digest", place)
        raise ApiRefused(422, "digest-mismatch", reason, retryable=True)

    def _note_read(self, key: ApiKey, rule: str) -> None:
        """Record that data leave the house: of a key and an address once a minute."""
        at, what = self.clock(), (key.prefix, rule)
        with self._guard:
            before = self._said.get(what)
            if before is not None and before <= at < before + SAID_ONCE:
                return
            self._said[what] = at
            self._said.move_to_end(what)
            while len(self._said) > _MOST_KEPT:
                self._said.popitem(last=False)
        query = json.dumps(request.args.to_dict(flat=False), ensure_ascii=False)
        self.state.audit.record(Entry("api.read", f"{request.script_root}{request.path}", query))

    def unknown(self, status: int) -> None:
        """Count an address that does not exist; scanners ask for many."""
        place = request.remote_addr or ""
        what = f"{request.method} {request.script_root}{request.path}"
        self.signals.record(Entry("request.refused", what, str(status), FAILURE), place)
        self.signals.sign("unknown_path", place)


def _unauthorized(reason: str) -> ApiRefused:
    return ApiRefused(401, "unauthorized", reason, {"WWW-Authenticate": "Bearer"})


def _refusal(found: Refusal) -> ApiRefused:
    """Return the refusal of a key; of one that is not there it says no more than of a wrong one."""
    if found.why == "address":
        return ApiRefused(403, "address", "这个密钥不能从这个地址使用")
    if found.why in ("expired", "revoked"):
        words = {"expired": "密钥已过期", "revoked": "密钥已吊销"}
        return ApiRefused(401, found.why, words[found.why], {"WWW-Authenticate": "Bearer"})
    return _unauthorized("密钥无效")


def _secret(asked: Request) -> str:
    return asked.headers.get("Authorization", "").rpartition(".")[2].strip()


def signature(secret: str, asked: Request, ts: str, nonce: str, body_sm3: str) -> str:
    """Return the signature of a message (HMAC-SM3, connectors of clause 7).

    Parameters
    ----------
    secret
        The private half of the key.
    asked
        The request: its method and path are signed.
    ts
        Seconds since 1970 (UTC), as sent.
    nonce
        16 to 64 letters, digits, ``_`` or ``-``, never the same twice.
    body_sm3
        SM3 of the body, hexadecimal.

    Returns
    -------
    str
        HMAC-SM3(secret, method LF path LF ts LF nonce LF SM3(body)), hexadecimal.
    """
    return signed(secret, asked.method, asked.script_root + asked.path, ts, nonce, body_sm3)


def signed(secret: str, method: str, path: str, ts: str, nonce: str, body_sm3: str) -> str:
    """Return the signature of a message by its parts; see ``signature``."""
    words = "\n".join((method, path, ts, nonce, body_sm3)).encode()
    return hmac.new(secret.encode(), words, "sm3").hexdigest()


def install(server: Flask, gate: ApiGate) -> None:
    """Put the gate before every route of the API.

    Parameters
    ----------
    server
        The API's own application.
    gate
        What decides.
    """
    server.before_request_funcs.setdefault(None, []).insert(0, gate.before)
    server.teardown_request(lambda _error: act_as(Act()))
