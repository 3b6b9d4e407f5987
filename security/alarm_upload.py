"""Bringing the alarm log outside (clause 6.4): syslog over TLS, a signed webhook.

A place has taken a row when it says so: the webhook with a 2xx answer, the log host by ending the
TLS connection that we began to end, which it does once it has read everything before. Whatever
else happens, the rows are sent again; a receiver knows them by their id.
"""

from __future__ import annotations

import http.client
import logging
import socket
import ssl
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

from data.state import Outbox, Posted
from security.alarm_messages import counted, syslog_message, webhook_headers
from settings import Settings

LOG = logging.getLogger("carbon.alarms")
PATIENCE_S = 10.0
AT_ONCE = 50
FIRST_S, LONGEST_S = 1.0, 300.0
LEAST_KEY = 16
LOOPBACK = ("127.0.0.1", "::1", "localhost")
TRIM_EVERY = 200


class NotTaken(Exception):
    """A place did not say that it has taken what it was sent; why, in words."""


class Place(Protocol):
    """A place outside that is sent the alarm log."""

    @property
    def name(self) -> str:
        """Its name in what is kept and shown."""

    def send(self, rows: Sequence[Posted]) -> int:
        """Send rows and return how many of them, from the first on, the place has taken."""


def context_of(ca: Path | None) -> ssl.SSLContext:
    """Return how a place is known: by the certificates of a file alone where there is one.

    Parameters
    ----------
    ca
        PEM; the system's certificates if None.

    Returns
    -------
    ssl.SSLContext
        TLS 1.2 or newer; name and chain are checked.

    Raises
    ------
    OSError
        The file cannot be read.
    """
    context = ssl.create_default_context(cafile=str(ca) if ca else None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@dataclass(frozen=True)
class SyslogPlace:
    """A log host: RFC 5424 messages with counted octets over TLS (RFC 5425)."""

    url: str
    ca: Path | None
    patience_s: float = PATIENCE_S

    @property
    def name(self) -> str:
        """Its name in what is kept and shown."""
        return self.url

    def send(self, rows: Sequence[Posted]) -> int:
        """Send rows over a connection of their own.

        Parameters
        ----------
        rows
            In order.

        Returns
        -------
        int
            All of them.

        Raises
        ------
        OSError, NotTaken
            The host is away, is not who it ought to be, or did not take everything.
        """
        parts = urlsplit(self.url)
        host, port = parts.hostname or "", parts.port or 6514
        with socket.create_connection((host, port), self.patience_s) as plain:
            found = context_of(self.ca).wrap_socket(plain, server_hostname=host)
            with found:
                found.settimeout(self.patience_s)
                found.sendall(b"".join(counted(syslog_message(row.body)) for row in rows))
                _ended(found)
        return len(rows)


def _ended(found: ssl.SSLSocket) -> None:
    """End the connection and wait until the host has ended it too: it has read what was sent.

    A receiver must answer the closure alert with its own (RFC 5425 4.4). One that only vanishes
    may have died with what it had read, and is sent it again.
    """
    try:
        found.unwrap().close()
    except ssl.SSLError as error:
        raise NotTaken(f"no closure alert: {error}") from error


@dataclass(frozen=True)
class WebhookPlace:
    """An HTTP receiver: one signed request for each row, over TLS or on this machine."""

    url: str
    ca: Path | None
    key_file: Path
    clock: Callable[[], datetime]
    patience_s: float = PATIENCE_S

    @property
    def name(self) -> str:
        """Its name in what is kept and shown: without what may follow the path."""
        parts = urlsplit(self.url)
        return f"{parts.scheme}://{parts.netloc}{parts.path}"

    def send(self, rows: Sequence[Posted]) -> int:
        """Send rows one after the other over one connection.

        Parameters
        ----------
        rows
            In order.

        Returns
        -------
        int
            How many it answered with 2xx before the first that it did not.

        Raises
        ------
        OSError, NotTaken
            It took none.
        """
        key = secret_of(self.key_file)
        connection, taken = self._connection(), 0
        parts = urlsplit(self.url)
        path = f"{parts.path or '/'}{f'?{parts.query}' if parts.query else ''}"
        try:
            for row in rows:
                body = row.body.encode()
                headers = webhook_headers(key, row.uid, body, self.clock())
                try:
                    connection.request("POST", path, body, headers)
                    answer = connection.getresponse()
                    answer.read(1 << 16)
                except (OSError, http.client.HTTPException) as error:
                    if taken:
                        return taken
                    raise NotTaken(f"{type(error).__name__}: {error}") from error
                if not 200 <= answer.status < 300:
                    if taken:
                        return taken
                    raise NotTaken(f"HTTP {answer.status}")
                taken += 1
        finally:
            connection.close()
        return taken

    def _connection(self) -> http.client.HTTPConnection:
        parts = urlsplit(self.url)
        host = parts.hostname or ""
        if parts.scheme == "https":
            return http.client.HTTPSConnection(
                host, parts.port or 443, timeout=self.patience_s, context=context_of(self.ca)
            )
        return http.client.HTTPConnection(host, parts.port or 80, timeout=self.patience_s)


def secret_of(path: Path) -> bytes:
    """Return the secret that a file holds, without the end of its line.

    Parameters
    ----------
    path
        For its owner alone.

    Returns
    -------
    bytes
        At least 16.

    Raises
    ------
    NotTaken
        It cannot be read, is open to others, or is too short.
    """
    try:
        if path.stat().st_mode & 0o077:
            raise NotTaken(f"{path.name}: 0600")
        key = path.read_bytes().strip()
    except OSError as error:
        raise NotTaken(f"{path.name}: {error.strerror}") from error
    if len(key) < LEAST_KEY:
        raise NotTaken(f"{path.name}: < {LEAST_KEY}")
    return key


@dataclass
class Uploader:
    """Sends what waits in the outbox to every place, again and again until it is taken.

    Parameters
    ----------
    outbox
        Where it waits.
    places
        Where it goes.
    clock
        Now (UTC).
    """

    outbox: Outbox
    places: Sequence[Place]
    clock: Callable[[], datetime]
    _turns: int = 0
    _asked: set[str] = field(default_factory=set)

    def turn(self) -> None:
        """Send what is due; a place that is away keeps no other waiting."""
        for place in self.places:
            self._one(place)
        self._turns += 1
        if self._turns % TRIM_EVERY == 1:
            self.outbox.trim([place.name for place in self.places], self.clock())

    def _one(self, place: Place) -> None:
        at, how = self.clock(), self.outbox.delivery(place.name)
        # After a start every place is asked at once: whoever restarts may have mended something.
        first = place.name not in self._asked
        self._asked.add(place.name)
        # A clock that was set back must not make anybody wait longer than the longest pause.
        longest = at + timedelta(seconds=LONGEST_S)
        if not first and how.next_at is not None and at < how.next_at <= longest:
            return
        # One that failed is asked with a single row first: it may only be slow.
        rows = self.outbox.waiting(place.name, 1 if how.tries else AT_ONCE)
        if not rows:
            return
        try:
            taken = place.send(rows)
        except (OSError, NotTaken, ValueError) as error:
            why = f"{type(error).__name__}: {error}"
            pause = min(FIRST_S * 2.0 ** min(how.tries, 20), LONGEST_S)
            LOG.warning("alarms were not taken by %s: %s", place.name, why)
            self.outbox.refused(place.name, why, at, self.clock() + timedelta(seconds=pause))
            return
        if taken:
            self.outbox.taken(place.name, rows[taken - 1].seq, self.clock())


def places_of(settings: Settings, clock: Callable[[], datetime]) -> list[Place]:
    """Return the places that the settings name; none by default.

    Parameters
    ----------
    settings
        ``alarm_syslog``, ``alarm_webhook`` and what belongs to them.
    clock
        Now (UTC).

    Returns
    -------
    list of Place
        In the order in which they are served.
    """
    found: list[Place] = []
    if settings.alarm_syslog:
        found.append(SyslogPlace(settings.alarm_syslog, _file(settings.alarm_syslog_ca)))
    if settings.alarm_webhook:
        found.append(
            WebhookPlace(settings.alarm_webhook, _file(settings.alarm_webhook_ca),
                         Path(settings.alarm_webhook_key_file), clock)
        )  # fmt: skip
    return found


def _file(path: str) -> Path | None:
    return Path(path) if path else None
