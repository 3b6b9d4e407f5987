"""Prices by themselves: a source on the web or a drop folder, looked at in time (off by default).

What it brings passes the checks of imports; then it is settled (jobs/duty.py) and forecast
(jobs/forecast.py) as if a person had brought it.
"""

from __future__ import annotations

import http.client
import logging
import ssl
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

from data import incidents
from data.engine import Engine
from data.price_feed import (
    FeedError,
    Outcome,
    Shape,
    columns_of,
    digest_of,
    keep,
    last,
    rows_of,
    taken,
)
from data.state import now
from settings import Settings

LOG = logging.getLogger("carbon.prices")
EVERY_S = 30
PATIENCE_S = 10.0  # for a connection and for each answer
LONGEST_S = 60.0  # for all of it
MOST_BYTES = 4 << 20
AGAIN = timedelta(hours=1)  # after a failure
AT_REST_S = 5.0  # a file that was written just now may not be whole
TELL_AFTER = 3  # failures in a row
SUBJECT, ACTOR = "price-feed", "price-feed"
TAKEN, REFUSED = "taken", "refused"
_CHUNK = 1 << 16


@dataclass(frozen=True)
class Web:
    """A source on the web.

    Parameters
    ----------
    url
        https, or http on this machine.
    ca
        CA certificates it is known by; the system's if None.
    patience_s, longest_s, most_bytes
        Limits of a step, of all of it, and of what is read.
    """

    url: str
    ca: Path | None = None
    patience_s: float = PATIENCE_S
    longest_s: float = LONGEST_S
    most_bytes: int = MOST_BYTES

    def read(self) -> bytes:
        """Return what the source answers; it is never followed elsewhere.

        Raises
        ------
        FeedError
            It is away, slow, too long, leads elsewhere or does not answer 200.
        """
        until = time.monotonic() + self.longest_s
        parts = urlsplit(self.url)
        line = self._line(parts.scheme, parts.hostname or "", parts.port)
        try:
            path = parts.path or "/"
            line.request("GET", f"{path}?{parts.query}" if parts.query else path,
                         headers={"Accept": "application/json, text/csv",
                                  "Accept-Encoding": "identity"})  # fmt: skip
            answer = line.getresponse()
            if 300 <= answer.status < 400:
                raise FeedError("行情源要转到别处，没有跟随：请把地址改为最终地址")
            if answer.status != 200:
                raise FeedError("行情源回答 {status}：请核对地址和权限", status=answer.status)
            whole = answer.chunked or answer.length is not None
            found = self._body(answer, until)
            if not whole and found.lstrip()[:1] not in (b"[", b"{"):
                raise FeedError("行情源没有说明内容长度，CSV 可能不完整：请改用 JSON 或给出长度")
            return found
        except TimeoutError as error:
            raise FeedError("行情源 {seconds:g} 秒没有回应", seconds=self.patience_s) from error
        except (OSError, http.client.HTTPException) as error:
            reason = type(error).__name__
            raise FeedError("行情源连不上或中断（{reason}）", reason=reason) from error
        finally:
            line.close()

    def _line(self, scheme: str, host: str, port: int | None) -> http.client.HTTPConnection:
        if scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=self.patience_s)
        context = ssl.create_default_context(cafile=str(self.ca) if self.ca else None)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        return http.client.HTTPSConnection(host, port, timeout=self.patience_s, context=context)

    def _body(self, answer: http.client.HTTPResponse, until: float) -> bytes:
        found = bytearray()
        while chunk := answer.read1(_CHUNK):
            found += chunk
            if len(found) > self.most_bytes:
                raise FeedError("行情源的内容超过 {most} MB：请缩短时间范围",
                                most=self.most_bytes >> 20)  # fmt: skip
            if time.monotonic() > until:
                raise FeedError("行情源超过 {seconds:g} 秒没有答完", seconds=self.longest_s)
        if answer.length:
            raise http.client.IncompleteRead(bytes(found), answer.length)
        return bytes(found)


@dataclass
class PriceFeed:
    """Takes prices in from a source as long as the process lives.

    Parameters
    ----------
    engine
        The opened data directory.
    writing
        The lock that commands and pages hold while they write.
    place
        A source on the web, or a folder.
    shape
        How it writes its rows.
    every
        Between two looks at the web.
    wall
        The time of day, UTC without a zone.
    """

    engine: Engine
    writing: threading.Lock
    place: Web | Path
    shape: Shape
    every: timedelta = timedelta(hours=24)
    wall: Callable[[], datetime] = now
    _last: Outcome | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._last = last(self.engine)

    def look(self) -> None:
        """Take in what is due."""
        if isinstance(self.place, Path):
            self._folder(self.place)
            return
        if self._last is None or self.wall() >= self._last.at + self._pause():
            self.attempt(self.place.read)

    def _pause(self) -> timedelta:
        failed = self._last is not None and not self._last.ok
        return min(AGAIN, self.every) if failed else self.every

    def _folder(self, folder: Path) -> None:
        """Take in the files of a folder by name; each then lies in ``taken`` or ``refused``."""
        try:
            files = sorted(one for one in folder.iterdir() if one.suffix in (".csv", ".json"))
            ripe = [one for one in files if time.time() - one.stat().st_mtime >= AT_REST_S]
        except OSError as error:
            if self._last is None or self._last.ok:  # said once
                reason = FeedError("行情文件夹读不到（{reason}）", reason=type(error).__name__)
                self._keep(_failed(reason, self.wall(), self._last))
            return
        for file in ripe:
            done = self.attempt(lambda file=file: _read(file))  # type: ignore[misc]
            target = folder / (TAKEN if done.ok else REFUSED)
            target.mkdir(exist_ok=True)
            file.rename(target / f"{self.wall():%Y%m%dT%H%M%S}-{file.name}")

    def attempt(self, read: Callable[[], bytes]) -> Outcome:
        """Read and take in one delivery; what went wrong is kept, told and never raised."""
        try:
            done = self._taken(read())
        except FeedError as error:
            LOG.warning("no prices: %s", error)
            done = _failed(error, self.wall(), self._last)
        self._keep(done)
        return done

    def _taken(self, body: bytes) -> Outcome:
        digest = digest_of(body)
        before = last(self.engine, ok=True)
        if before is not None and before.digest == digest:
            return Outcome(self.wall(), ok=True, digest=digest)
        rows = rows_of(body, self.shape)
        name = (
            self.place.name if isinstance(self.place, Path) else urlsplit(self.place.url).hostname
        )
        with self.writing, self.engine.state.audit.during("data.import", f"{ACTOR} {name}") as act:
            receipt = taken(self.engine, rows, ACTOR)
            count = receipt.new_rows + receipt.corrections
            act.description = f"+{receipt.new_rows} ~{receipt.corrections} ={receipt.same_rows}"
        return Outcome(self.wall(), ok=True, new_rows=count, digest=digest)

    def _keep(self, outcome: Outcome) -> None:
        keep(self.engine, outcome)
        self._last = outcome
        if outcome.ok:
            incidents.clear(self.engine, incidents.INTAKE, SUBJECT, outcome.at)
        elif outcome.failures >= TELL_AFTER:
            words = outcome.reason(self.engine.language)
            incidents.raise_alarm(self.engine, incidents.INTAKE, SUBJECT, "warn", words, outcome.at)


def _read(file: Path) -> bytes:
    if file.stat().st_size > MOST_BYTES:
        raise FeedError("行情文件超过 {most} MB：请缩短时间范围", most=MOST_BYTES >> 20)
    try:
        return file.read_bytes()
    except OSError as error:
        raise FeedError("行情文件读不到（{reason}）", reason=type(error).__name__) from error


def _failed(error: FeedError, at: datetime, before: Outcome | None) -> Outcome:
    failures = 1 + (before.failures if before is not None else 0)
    return Outcome(at, ok=False, failures=failures, reason_zh=error.words("zh"),
                   reason_en=error.words("en"))  # fmt: skip


def feed_of(settings: Settings, engine: Engine, writing: threading.Lock) -> PriceFeed | None:
    """Return the feed that the settings name; None where there is none.

    Parameters
    ----------
    settings
        CARBON_PRICE_FEED and what begins with it.
    engine, writing
        As for `PriceFeed`.
    """
    if not settings.price_feed:
        return None
    web = settings.price_feed.startswith(("http://", "https://"))
    ca = Path(settings.price_feed_ca) if settings.price_feed_ca else None
    place = Web(settings.price_feed, ca) if web else Path(settings.price_feed)
    source = settings.price_feed_source or settings.price_feed
    shape = Shape(columns_of(settings.price_feed_columns), settings.price_feed_rows,
                  settings.price_feed_instrument, source)  # fmt: skip
    return PriceFeed(engine, writing, place, shape, timedelta(hours=settings.price_feed_every_h))
