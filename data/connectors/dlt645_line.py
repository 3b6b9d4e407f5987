"""The line to DL/T 645 meters: serial port or serial-to-ethernet converter, half duplex."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable
from typing import Any, cast

from data.connectors import dlt645_codec as codec
from data.connectors.base import LinkError
from data.connectors.dlt645_codec import Frame

_WRITE_S = 2.0


class _Inbox(asyncio.Protocol):
    """Keeps what came in and wakes whoever waits for it."""

    def __init__(self) -> None:
        self.buffer = bytearray()
        self.came = asyncio.Event()
        self.lost = False

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self.came.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost = True
        self.came.set()

    def take(self) -> bytes:
        """Return and forget what came."""
        taken = bytes(self.buffer)
        self.buffer.clear()
        self.came.clear()
        return taken


class Line:
    """An open line.

    Parameters
    ----------
    inbox, write, close
        Where bytes arrive; how they are sent; how the line is closed.
    wake
        Bytes in front of every request.
    gap_s
        Silence between an answer and the next question.
    """

    def __init__(
        self,
        inbox: _Inbox,
        write: Callable[[bytes], object],
        close: Callable[[], object],
        wake: bytes,
        gap_s: float,
    ) -> None:
        self._inbox, self._write, self._close = inbox, write, close
        self._wake, self._gap_s = wake, gap_s
        self.junk = 0
        self.heard = b""

    async def ask(self, request: bytes, fits: Callable[[Frame], bool], timeout_s: float) -> Frame:
        """Send a request and return its answer; frames that do not fit are passed over.

        What came before the question (a late answer, noise) is forgotten; an echo of the
        question, as some converters give, is no answer.

        Raises
        ------
        TimeoutError
            No answer in time.
        LinkError
            The line is closed.
        """
        await asyncio.sleep(self._gap_s)
        self._inbox.take()
        self._raise_if_lost()
        scanner = codec.Scanner()
        self.heard = b""
        self._write(self._wake + request)
        try:
            async with asyncio.timeout(timeout_s):
                while True:
                    await self._inbox.came.wait()
                    chunk = self._inbox.take()
                    self.heard += chunk
                    for frame in scanner.feed(chunk):
                        if fits(frame):
                            return frame
                    self._raise_if_lost()
        finally:
            self.junk = scanner.discarded

    def _raise_if_lost(self) -> None:
        if self._inbox.lost:
            raise LinkError("对方关闭了连接")

    def close(self) -> None:
        """Close the line."""
        self._close()


async def open_tcp(host: str, port: int, timeout_s: float, wake: bytes, gap_s: float) -> Line:
    """Open a line through a serial-to-ethernet converter.

    Raises
    ------
    LinkError
        It cannot be reached.
    """
    loop = asyncio.get_running_loop()
    try:
        async with asyncio.timeout(timeout_s):
            transport, inbox = await loop.create_connection(_Inbox, host, port)
    except TimeoutError:
        raise LinkError("连接超时") from None
    return Line(inbox, transport.write, transport.close, wake, gap_s)


async def open_serial(
    device: str, baud: int, parity: str, stop_bits: int, wake: bytes, gap_s: float
) -> Line:
    """Open a serial port, eight data bits.

    Raises
    ------
    LinkError
        It cannot be opened.
    """
    import serial  # only a plant with a serial port needs it

    try:
        port = serial.Serial(
            device, baud, parity=parity, stopbits=stop_bits, timeout=0, write_timeout=_WRITE_S,
            exclusive=True,
        )  # fmt: skip
    except (serial.SerialException, ValueError) as error:
        raise LinkError("串口打不开") from error
    loop = asyncio.get_running_loop()
    transport, inbox = await loop.connect_read_pipe(_Inbox, cast(Any, port))

    def write(data: bytes) -> None:
        try:
            port.write(data)
        except serial.SerialException as error:
            raise LinkError("串口写不出去") from error

    def close() -> None:
        transport.close()
        with contextlib.suppress(serial.SerialException):
            port.close()

    return Line(inbox, write, close, wake, gap_s)
