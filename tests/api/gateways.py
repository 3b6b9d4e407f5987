"""Gateways that publish without a pause through a broker, and keep what is not answered."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime, timedelta

from data.connectors.base import LinkState, Point
from data.link_book import LinkBook
from data.spool_file import SpoolFile
from data.state import WantedInterface
from tests.data.connectors.broker import Sender

WINDOW = 200  # messages a gateway keeps: one that is not answered publishes no more
BEGIN = datetime(2026, 6, 1, tzinfo=UTC)


def meters_of(gateway, points):
    """The meters behind a gateway."""
    return [f"Q{gateway}-{n}" for n in range(points)]


def interface(port, gateway, points):
    """The interface that takes what a gateway publishes."""
    settings = {"host": "127.0.0.1", "port": port, "client_id": f"carbon-{gateway}",
                "topics": [f"plant/G{gateway}/up"], "ack_topic": f"ack/G{gateway}"}  # fmt: skip
    rows = tuple(
        Point(point_id=f"E{n}", meter_id=name, address=f"E{n}", unit="kWh", row=n + 2)
        for n, name in enumerate(meters_of(gateway, points))
    )
    return WantedInterface(f"gateway-{gateway}", "mqtt", "S1", "", settings, rows)


def running(home, count):
    """Whether the collector is linked to the broker for every gateway."""
    file = SpoolFile(home)
    try:
        health = LinkBook(file).health()
    finally:
        file.close()
    return sum(one.state is LinkState.RUNNING for one, _ in health.values()) == count


class Gateway:
    """A gateway of some points: every message is numbered, its values are its number."""

    def __init__(self, port, number, points):
        self.sender, self.points, self.seq = Sender(port, f"G{number}"), points, 0
        self.failed = []

    def publish(self):
        """Publish the next message once fewer than a window are unanswered."""
        while len(self.sender.kept) >= WINDOW:
            time.sleep(0.01)
        seq = self.seq
        self.seq += 1
        self.sender.measure(
            seq, 0, values={f"E{n}": seq for n in range(self.points)},
            ts=(BEGIN + timedelta(minutes=seq)).isoformat(), sent=datetime.now(UTC).isoformat(),
        )  # fmt: skip

    def start(self, seconds):
        """Publish without a pause for a while, in a thread of its own."""

        def forever():
            until = time.monotonic() + seconds
            try:
                while time.monotonic() < until:
                    self.publish()
            except BaseException as error:
                self.failed.append(error)

        self.thread = threading.Thread(target=forever)
        self.thread.start()

    def finish(self, limit_s=180):
        """Send again what is not answered until all is; then end."""
        self.thread.join()
        until, again = time.monotonic() + limit_s, time.monotonic() + 10
        while self.sender.kept:
            assert time.monotonic() < until, f"{len(self.sender.kept)} were never answered"
            if time.monotonic() > again:
                again = time.monotonic() + 10
                for payload in list(self.sender.kept.values()):
                    self.sender.send(payload).wait_for_publish(5)
            time.sleep(0.05)
        self.sender.close()
        if self.failed:
            raise self.failed[0]
