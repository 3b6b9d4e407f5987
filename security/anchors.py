"""Places outside that keep checkpoints: a file elsewhere, a log host (T/CASMES 615 9.5).

Whoever changes the trail afterwards would have to change them too. A place that is away is
alarmed and asked again; it never keeps anybody waiting (see ``security/notary.py``).
"""

from __future__ import annotations

import os
import socket
import ssl
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from data.state.audit import BEIJING
from settings import Settings

PRIORITY = 13 * 8 + 5  # facility "log audit", severity "notice" (RFC 5424 6.2.1)
APP_NAME, MESSAGE_ID = "ccms", "checkpoint"
PATIENCE_S = 5.0
LONGEST_DATAGRAM = 2048


class Refuses(Exception):
    """A place outside takes nothing; why, in words."""


class Anchor(Protocol):
    """A place outside."""

    @property
    def place(self) -> str:
        """Its name in what is recorded."""

    def send(self, lines: Sequence[str]) -> None:
        """Bring lines there, or raise."""

    def lost(self, lines: Sequence[str]) -> int:
        """Return how many of the lines are not there any more."""


@dataclass(frozen=True)
class FileAnchor:
    """A file that is only appended to, best on another volume (``chattr +a`` by the site)."""

    path: Path

    @property
    def place(self) -> str:
        """Its name in what is recorded."""
        return f"file:{self.path}"

    def send(self, lines: Sequence[str]) -> None:
        """Append lines; they are on the disk when this returns.

        Parameters
        ----------
        lines
            Without their ends.

        Raises
        ------
        OSError
            It cannot be written.
        """
        new = not self.path.exists()
        if new:
            self.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.path, flags, 0o600)
        try:
            # A line that a stop cut off is ended first: the next one stays whole.
            begin = b"" if new or self._ended() else b"\n"
            body = begin + "".join(line + "\n" for line in lines).encode()
            while body:
                body = body[os.write(descriptor, body) :]
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        if new:
            _keep_folder(self.path.parent)

    def _ended(self) -> bool:
        with self.path.open("rb") as file:
            if file.seek(0, os.SEEK_END) == 0:
                return True
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"

    def lost(self, lines: Sequence[str]) -> int:
        """Return how many of the lines are not there any more.

        Parameters
        ----------
        lines
            What was brought there.

        Returns
        -------
        int
            All of them where the file is gone.
        """
        try:
            there = set(self.path.read_text(encoding="utf-8", errors="replace").splitlines())
        except OSError:
            there = set()
        return sum(line not in there for line in lines)

    def read(self) -> list[str]:
        """Return the lines that are there; none where there is no file.

        Returns
        -------
        list of str
            Of every installation that was ever anchored here.
        """
        try:
            return self.path.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return []


def _keep_folder(folder: Path) -> None:
    held = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(held)
    finally:
        os.close(held)


@dataclass(frozen=True)
class SyslogAnchor:
    """A log host (RFC 5424): UDP, or TCP and TLS with counted octets (RFC 6587, RFC 5425).

    Parameters
    ----------
    url
        ``udp://host:port``, ``tcp://host:port`` or ``tls://host:port``.
    ca
        The certificates that a log host over TLS is known by; the system's if None.
    clock
        The time with its offset.
    """

    url: str
    ca: Path | None = None
    clock: Callable[[], datetime] = lambda: datetime.now(BEIJING)

    @property
    def place(self) -> str:
        """Its name in what is recorded."""
        return f"syslog:{self.url}"

    def send(self, lines: Sequence[str]) -> None:
        """Send lines as messages of their own.

        Parameters
        ----------
        lines
            What the messages say.

        Raises
        ------
        OSError
            The host is away, or ends the connection.
        Refuses
            A line is too long for a datagram.
        """
        parts = urlsplit(self.url)
        messages = [self._message(line) for line in lines]
        if parts.scheme == "udp":
            self._datagrams(parts.hostname or "", parts.port or 514, messages)
        else:
            self._stream(parts.hostname or "", parts.port or 6514, messages)

    def lost(self, lines: Sequence[str]) -> int:
        """Return 0: what a log host has cannot be asked of it.

        Parameters
        ----------
        lines
            What was brought there.

        Returns
        -------
        int
            Always 0; whoever verifies brings the log host's lines.
        """
        return 0 if lines else 0

    def _message(self, line: str) -> bytes:
        host = socket.gethostname().encode("ascii", "replace").decode()[:255] or "-"
        at = self.clock().isoformat(timespec="milliseconds")
        head = f"<{PRIORITY}>1 {at} {host} {APP_NAME} {os.getpid()} {MESSAGE_ID} - "
        return (head + line).encode()

    def _datagrams(self, host: str, port: int, messages: Sequence[bytes]) -> None:
        if any(len(message) > LONGEST_DATAGRAM for message in messages):
            raise Refuses(f"longer than {LONGEST_DATAGRAM} bytes")
        for kind, address in _addresses(host, port, socket.SOCK_DGRAM):
            with socket.socket(kind, socket.SOCK_DGRAM) as found:
                found.settimeout(PATIENCE_S)
                found.connect(address)  # so that a host without such a port is heard of
                for message in messages:
                    found.send(message)
                found.settimeout(0.05)
                with suppress(TimeoutError):
                    found.recv(1)
            return

    def _stream(self, host: str, port: int, messages: Sequence[bytes]) -> None:
        with socket.create_connection((host, port), PATIENCE_S) as plain:
            found: socket.socket = plain
            if self.url.startswith("tls:"):
                context = ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
                context.minimum_version = ssl.TLSVersion.TLSv1_2
                found = context.wrap_socket(plain, server_hostname=host)
            with found:
                found.sendall(b"".join(b"%d %s" % (len(m), m) for m in messages))
                _still_open(found)
                if isinstance(found, ssl.SSLSocket):
                    with suppress(OSError):
                        found.unwrap()


def _still_open(found: socket.socket) -> None:
    """Raise where the host has ended the connection: what was sent it may not have taken."""
    found.settimeout(0.2)
    try:
        if not found.recv(1):
            raise ConnectionResetError("the log host ended the connection")
    except (TimeoutError, ssl.SSLWantReadError):
        return


def _addresses(host: str, port: int, kind: int) -> list[tuple[socket.AddressFamily, Any]]:
    found = socket.getaddrinfo(host, port, type=kind)
    return [(family, address) for family, _, _, _, address in found]


def anchors_of(settings: Settings) -> list[Anchor]:
    """Return the places outside that the settings name; there is always the file.

    Parameters
    ----------
    settings
        ``audit_anchor``, ``audit_syslog``, ``audit_syslog_ca``.

    Returns
    -------
    list of Anchor
        Never empty.
    """
    found: list[Anchor] = [FileAnchor(settings.audit_anchor)]
    if settings.audit_syslog:
        ca = Path(settings.audit_syslog_ca) if settings.audit_syslog_ca else None
        found.append(SyslogAnchor(settings.audit_syslog, ca))
    return found
