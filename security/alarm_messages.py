"""The alarm log as it leaves the house: RFC 5424 messages and signed webhook bodies (6.4)."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from security.sm import hmac_sm3

FACILITY = 14  # "log alert" (RFC 5424, table 1)
SEVERITY = {"critical": 2, "warn": 4, "info": 6}
NOTICE = 5  # what ends well: closed, cleared, assigned, noted
LOUD = ("raise", "change", "return", "reopen", "dropped")
APP_NAME = "ccms"
# 32473 is the enterprise number that RFC 5612 keeps for documentation: the product has none.
SD_ID = "alarm@32473"
FIELDS = ("id", "incident", "site", "kind", "subject", "medium", "level", "status", "event",
          "since", "until", "shown", "limit", "unit", "holds", "effect_kgco2e", "actor",
          "assignee", "words", "detail", "count", "first", "last")  # fmt: skip
BOM = b"\xef\xbb\xbf"
ID, TIME, SIGNATURE = "X-Carbon-Id", "X-Carbon-Timestamp", "X-Carbon-Signature"


def escaped(value: object) -> str:
    r"""Return a value as structured data has it (RFC 5424 6.3.3).

    Parameters
    ----------
    value
        Anything; None is left out by who calls.

    Returns
    -------
    str
        ``"``, ``\`` and ``]`` with a backslash before them; control characters, which could end
        a line of whoever stores it, as a space.
    """
    words = "".join(sign if sign.isprintable() else " " for sign in _plain(value))
    return words.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)


def syslog_message(body: str, host: str | None = None) -> bytes:
    """Return a row of the outbox as an RFC 5424 message, without its length.

    Parameters
    ----------
    body
        JSON, as ``data/state/incidents.py`` writes it.
    host
        The name of this machine; asked of the system if None.

    Returns
    -------
    bytes
        UTF-8: header, structured data, byte order mark, one line of words.

    References
    ----------
    RFC 5424 6; clause 6.4.
    """
    said: Mapping[str, Any] = json.loads(body)
    event, level = str(said["event"]), str(said.get("level", "info"))
    severity = SEVERITY.get(level, NOTICE) if event in LOUD else NOTICE
    host = host or socket.gethostname()
    name = "".join(sign for sign in host if "!" <= sign <= "~")[:255] or "-"
    pairs = [f'{field}="{escaped(said[field])}"' for field in FIELDS
             if said.get(field) not in (None, "")]  # fmt: skip
    head = (
        f"<{FACILITY * 8 + severity}>1 {said['at']} {name} {APP_NAME} {os.getpid()} "
        f"alarm.{event} [{SD_ID} {' '.join(pairs)}] "
    )
    return head.encode() + BOM + _words(said).encode()


def _words(said: Mapping[str, Any]) -> str:
    """Return a row in one line for people."""
    parts = [said.get(name) for name in ("event", "level", "site", "subject", "kind", "detail",
                                         "words")]  # fmt: skip
    line = " ".join(str(part) for part in parts if part)
    return "".join(sign if sign.isprintable() else " " for sign in line)


def counted(message: bytes) -> bytes:
    """Return a message with its octets counted before it (RFC 5425 4.3)."""
    return b"%d %s" % (len(message), message)


def webhook_headers(key: bytes, uid: str, body: bytes, at: datetime) -> dict[str, str]:
    """Return the headers of a webhook's request.

    Parameters
    ----------
    key
        The secret that both sides know.
    uid
        The row's id: the same however often it is sent.
    body
        What is sent.
    at
        Now (UTC).

    Returns
    -------
    dict
        Id (twice, as ``Idempotency-Key`` too), time in seconds since 1970, and the signature:
        ``sm3=`` and HMAC-SM3(key, time ‖ ``.`` ‖ id ‖ ``.`` ‖ body) in hexadecimal digits.

    References
    ----------
    GM/T 0042 / RFC 2104 with SM3 (GB/T 32905); clause 6.4.
    """
    stamp = str(int(at.replace(tzinfo=UTC).timestamp()))
    return {
        "Content-Type": "application/json; charset=utf-8",
        "Idempotency-Key": uid,
        ID: uid,
        TIME: stamp,
        SIGNATURE: f"sm3={signature(key, stamp, uid, body)}",
    }


def signature(key: bytes, stamp: str, uid: str, body: bytes) -> str:
    """Return the signature of a webhook's request, hexadecimal digits.

    Parameters
    ----------
    key, stamp, uid, body
        As in :func:`webhook_headers`.

    Returns
    -------
    str
        64 digits.
    """
    return hmac_sm3(key, f"{stamp}.{uid}.".encode() + body).hex()
