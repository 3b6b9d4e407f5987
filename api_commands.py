"""Commands around the keys of programs (CONTRACT §4): made, listed, revoked."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Protocol

from data.engine import Engine
from data.sites import documents
from data.state import ApiKey, acting, now
from security import api_keys
from security.api_keys import WantedKey
from translations import text

DONE = 0


class Console(Protocol):
    """Where a command speaks; see commands.Console."""

    def out(self, line: str) -> None:
        """Write a line of the result."""

    def err(self, line: str) -> None:
        """Write a line of the conversation."""


def api_key_add(
    engine: Engine, console: Console, *, name: str, scopes: list[str], sites: list[str],
    addresses: list[str], days: int, as_json: bool,
) -> int:  # fmt: skip
    """Make a key and print it, once."""
    with engine.store.read() as cursor:
        known = tuple(documents(cursor))
    wanted = WantedKey(name, scopes, days, sites, addresses)
    key, token = api_keys.add(engine.state, wanted, acting().actor, now(), known)
    if as_json:
        console.out(json.dumps({**key.told(), "key": token}, ensure_ascii=False))
        return DONE
    console.out(text("接口密钥（只显示这一次）：{token}", engine.language, token=token))
    console.out(_line(engine.language, key))
    return DONE


def api_key_list(engine: Engine, console: Console, *, as_json: bool) -> int:
    """Print every key and what it may do; never a secret."""
    keys = engine.state.api_keys.all()
    if as_json:
        console.out(json.dumps([key.told() for key in keys], ensure_ascii=False))
        return DONE
    for key in keys:
        console.out(_line(engine.language, key))
    if not keys:
        console.out(text("还没有接口密钥", engine.language))
    return DONE


def api_key_revoke(engine: Engine, console: Console, *, prefix: str) -> int:
    """Let a key open nothing any more, at once."""
    api_keys.revoke(engine.state, prefix, acting().actor, now())
    console.out(text("已吊销接口密钥 {prefix}", engine.language, prefix=prefix))
    return DONE


def _line(language: str, key: ApiKey) -> str:
    """Return what one key may do, until when, from where."""
    state = text("有效至 {at}", language, at=f"{key.expires_at:%Y-%m-%d}")
    if key.revoked_at is not None:
        state = text("已于 {at} 吊销", language, at=f"{key.revoked_at:%Y-%m-%d}")
    elif key.expires_at <= now():
        state = text("已于 {at} 过期", language, at=f"{key.expires_at:%Y-%m-%d}")
    sites = ", ".join(key.sites) or text("全部站点", language)
    places = ", ".join(key.addresses) or text("任何地址", language)
    return "  ".join((key.prefix, key.name, " ".join(key.scopes), sites, places, state))


COMMANDS: dict[str, Callable[..., int]] = {
    "api-key-add": api_key_add,
    "api-key-list": api_key_list,
    "api-key-revoke": api_key_revoke,
}
EVENTS = {
    "api-key-add": ("api_key.add", "name"),
    "api-key-revoke": ("api_key.revoke", "prefix"),
}
