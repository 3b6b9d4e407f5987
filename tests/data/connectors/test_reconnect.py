"""Every kind is tried again within ten seconds of its peer's return, whatever its time-out (F1)."""

import asyncio
import socket
import time
from contextlib import contextmanager, suppress

import pytest

from data import collector, connectors
from data.collector import LINK_PAUSE_S, Collector
from data.connectors.base import CONNECT_S, LinkError
from data.state import State, WantedInterface, now
from tests.data.connectors.peers import Kept

LONGEST_PAUSE = 1.1  # of what is drawn around a pause
SETTINGS = {
    "modbus_tcp": {"address_base": 0},
    "dlt645": {},
    "iec104": {},
    "mqtt": {"client_id": "carbon", "topics": ("a",)},
    "sql_view": {"view": "v", "cursor": "c", "key": ("id",),
                 "columns": {"point": "p", "timestamp": "t", "value": "v"}},
}  # fmt: skip


@contextmanager
def swallowing():
    """A port that answers nothing, as behind a switch that has gone: its queue is full."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(0)
        queued = [socket.socket() for _ in range(4)]
        for one in queued:
            one.setblocking(False)
            with suppress(BlockingIOError):
                one.connect(server.getsockname())
        time.sleep(0.05)
        yield server.getsockname()[1]
        for one in queued:
            one.close()


def of_kind(kind, port):
    found = connectors.connector(kind)
    given = SETTINGS[kind] | {"timeout_s": 60}
    if kind == "sql_view":
        given["url"] = f"postgresql://reader@127.0.0.1:{port}/db"
    else:
        given |= {"host": "127.0.0.1", "port": port}
    return found(found.Config(**given), ())


@pytest.mark.parametrize("kind", SETTINGS)
def test_a_network_that_swallows_is_given_up_soon(kind, monkeypatch):
    monkeypatch.setattr("data.connectors.base.CONNECT_S", 0.3)
    with swallowing() as port:
        began = time.monotonic()
        with pytest.raises((LinkError, OSError)):
            asyncio.run(of_kind(kind, port).run(Kept()))
        assert time.monotonic() - began < 2


def test_a_pause_and_a_try_are_less_than_ten_seconds(tmp_path, monkeypatch):
    """The supervisor itself: pauses grow, and never beyond what ten seconds leave."""
    state, pauses, waits = State(tmp_path), [], asyncio.sleep

    async def sleep(seconds):
        if asyncio.current_task().get_name() == "gone" and seconds:
            pauses.append(seconds)
        await waits(0.001)

    class Gone(connectors.connector("modbus_tcp")):
        async def run(self, emit):
            raise LinkError("连接不上")

    monkeypatch.setattr(collector.asyncio, "sleep", sleep)
    monkeypatch.setattr(collector, "connector", lambda _kind: Gone)
    settings = {"host": "127.0.0.1", "port": 1, "address_base": 0}
    state.interfaces.save(WantedInterface("gone", "modbus_tcp", "S1", "", settings, ()), "t", now())

    async def run():
        task = asyncio.create_task(Collector(tmp_path).run())
        while len(pauses) < 12:
            await waits(0.01)
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    asyncio.run(run())
    state.close()
    assert pauses[0] < pauses[1] < pauses[2]
    assert max(pauses) <= LINK_PAUSE_S * LONGEST_PAUSE
    assert LINK_PAUSE_S * LONGEST_PAUSE + CONNECT_S < 10
