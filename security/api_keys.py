"""Keys of programs: made, told once, looked at, revoked (T/CASMES 615 7.1, 9.4.1)."""

from __future__ import annotations

import ipaddress
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from data.digest import sm3
from data.state import ApiKey, NoSuchKey, State
from security.problem import Problem

SCOPES = ("ingest:meter", "ingest:production", "ingest:market", "read", "admin")
LONGEST_DAYS = 730
_PREFIX = r"[0-9a-f]{12}"
_TOKEN = re.compile(rf"({_PREFIX})\.([\w-]{{43}})")
_NAME = re.compile(r"[^\x00-\x1f\x7f]{1,80}")
_SITE = re.compile(r"[^\x00-\x1f\x7f\s]{1,64}")
_NOBODYS = ("0" * 32, "0" * 64)  # an unknown key takes as long as a wrong one


@dataclass(frozen=True)
class WantedKey:
    """A key as somebody wants it.

    Attributes
    ----------
    name
        What people call it: the system that will use it.
    scopes
        Some of ``SCOPES``.
    days
        How long it is good for.
    sites
        Whose data; none named: every site's.
    addresses
        Networks (CIDR) or addresses it may come from; none named: any.
    """

    name: str
    scopes: Sequence[str]
    days: int
    sites: Sequence[str] = ()
    addresses: Sequence[str] = ()


@dataclass(frozen=True)
class Refusal:
    """Why a key opens nothing: ``unknown``, ``wrong``, ``revoked``, ``expired``, ``address``."""

    why: str
    prefix: str = ""


def digest(salt: str, secret: str) -> str:
    """Return what is kept of a secret.

    Parameters
    ----------
    salt
        32 hexadecimal digits of the key's own.
    secret
        The private half: 256 random bits, so that one round is enough.

    Returns
    -------
    str
        SM3(salt ‖ secret), hexadecimal (GB/T 32905).
    """
    return sm3(bytes.fromhex(salt) + secret.encode())


def add(
    state: State, wanted: WantedKey, author: str, at: datetime, known_sites: Sequence[str]
) -> tuple[ApiKey, str]:
    """Make a key and return it with its token, which nobody can tell again.

    Parameters
    ----------
    state
        Where keys are kept and the trail is.
    wanted
        What it may do.
    author
        Who makes it.
    at
        Now, UTC without a zone.
    known_sites
        The sites there are.

    Returns
    -------
    tuple
        The key, and ``prefix.secret``.

    Raises
    ------
    Problem
        A scope, site, network or term is not one.
    """
    _check(wanted, known_sites)
    prefix, secret, salt = secrets.token_hex(6), secrets.token_urlsafe(32), secrets.token_hex(16)
    networks = tuple(str(ipaddress.ip_network(one, strict=False)) for one in wanted.addresses)
    key = ApiKey(
        prefix, wanted.name.strip(), salt, digest(salt, secret),
        tuple(one for one in SCOPES if one in wanted.scopes), tuple(wanted.sites), networks,
        author, at, at + timedelta(days=wanted.days),
    )  # fmt: skip
    state.api_keys.add(key)
    return key, f"{prefix}.{secret}"


def _check(wanted: WantedKey, known_sites: Sequence[str]) -> None:
    if not _NAME.fullmatch(wanted.name.strip()):
        raise Problem("密钥要有名称：1 至 80 个字符，写明由哪个系统使用")
    strange = [one for one in wanted.scopes if one not in SCOPES]
    if strange or not wanted.scopes:
        raise Problem(
            "没有这个权限范围 {name}；可用：{known}",
            name=", ".join(strange) or "--", known=", ".join(SCOPES),
        )  # fmt: skip
    if not 1 <= wanted.days <= LONGEST_DAYS:
        raise Problem("密钥的有效期须为 1 至 {most} 天", most=LONGEST_DAYS)
    for site in wanted.sites:
        if site not in known_sites or not _SITE.fullmatch(site):
            raise Problem("没有这个站点 {site}", site=site)
    for address in wanted.addresses:
        try:
            ipaddress.ip_network(address, strict=False)
        except ValueError as error:
            raise Problem(
                "“{address}”不是地址或网段；请写成 10.1.2.3 或 10.1.2.0/24", address=address
            ) from error


def revoke(state: State, prefix: str, by: str, at: datetime) -> None:
    """Let a key open nothing any more, from the next request on.

    Parameters
    ----------
    state
        Where keys are kept.
    prefix
        Its public half.
    by, at
        Who revokes it, and when (UTC without a zone).

    Raises
    ------
    Problem
        There is none that is still open.
    """
    try:
        state.api_keys.revoke(prefix, by, at)
    except NoSuchKey as error:
        raise Problem("没有仍可使用的密钥 {prefix}", prefix=prefix) from error


def known(state: State, token: str, address: str, at: datetime) -> ApiKey | Refusal:
    """Return the key of a token, or why it opens nothing.

    Parameters
    ----------
    state
        Where keys are kept.
    token
        What the request brings: ``prefix.secret``.
    address
        Where it comes from.
    at
        Now, UTC without a zone.

    Returns
    -------
    ApiKey or Refusal
        The secret is looked at first: whoever does not have it learns nothing of the key.
    """
    parts = _TOKEN.fullmatch(token)
    key = state.api_keys.find(parts[1]) if parts else None
    salt, kept = (key.salt, key.digest) if key else _NOBODYS
    right = secrets.compare_digest(digest(salt, parts[2] if parts else ""), kept)
    if parts is None or key is None:
        return Refusal("unknown")
    if not right:
        return Refusal("wrong", key.prefix)
    if key.revoked_at is not None:
        return Refusal("revoked", key.prefix)
    if key.expires_at <= at:
        return Refusal("expired", key.prefix)
    if key.addresses and not _within(address, key.addresses):
        return Refusal("address", key.prefix)
    return key


def _within(address: str, networks: Sequence[str]) -> bool:
    try:
        place = ipaddress.ip_address(address)
    except ValueError:
        return False
    if isinstance(place, ipaddress.IPv6Address) and place.ipv4_mapped is not None:
        place = place.ipv4_mapped
    return any(place in ipaddress.ip_network(one) for one in networks)
