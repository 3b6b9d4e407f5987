"""Pictures of charts made by the server: kaleido and Debian's chromium, in a process of their own.

Run as a module it is that process: wanted pictures in as JSON, their bytes out. It is started for
one order and ends with it; one that takes too long is ended with everything that it started.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import struct
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from kaleido import PageGenerator

HOME = Path(__file__).parent.parent
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
SCRIPTS = ("20-template.js", "30-charts.js", "35-flow.js")  # of assets/, as the page loads them
WIDTH_PX = 1000
LIMIT_S = 40.0
FORMATS = ("png", "svg")


class PictureError(Exception):
    """No picture was made."""


class NoBrowser(PictureError):
    """There is no chromium on this machine."""


class Busy(PictureError):
    """Another order is being worked on."""


class TooSlow(PictureError):
    """The order took longer than it may."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A picture to be made.

    Parameters
    ----------
    spec
        What it is made of (figures/picture.py).
    width, height
        Of the whole, px; a height of 0 leaves the charts as high as the browser's own picture.
    scale
        Dots a pixel; an SVG has none.
    format
        One of FORMATS.
    """

    spec: Mapping[str, Any]
    width: int = WIDTH_PX
    height: int = 0
    scale: float = 2.0
    format: str = "png"


def browser() -> str:
    """Return where chromium is.

    Raises
    ------
    NoBrowser
        It is nowhere.
    """
    found = next(filter(None, (shutil.which(name) for name in BROWSERS)), None)
    if found is None:
        raise NoBrowser(", ".join(BROWSERS))
    return found


def picture(
    spec: Mapping[str, Any],
    size: tuple[int, int] = (WIDTH_PX, 0),
    scale: float = 2.0,
    format: str = "png",
) -> bytes:
    """Return one picture; see `Wanted` and `pictures`."""
    return pictures([Wanted(spec, *size, scale, format)])[0]


def pictures(wanted: Sequence[Wanted], limit_s: float = LIMIT_S) -> list[bytes]:
    """Return pictures, made one after the other by one browser.

    Parameters
    ----------
    wanted
        What is to be made.
    limit_s
        How long all of it may take, s.

    Raises
    ------
    NoBrowser
        There is no chromium here.
    TooSlow
        It took longer; nothing of it runs on.
    PictureError
        The browser could not make it.
    """
    order = orjson.dumps({"browser": browser(), "wanted": [asdict(one) for one in wanted]})
    process = subprocess.Popen(
        [sys.executable, "-m", "reports.pictures"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        cwd=HOME, env=_environment(), start_new_session=True,
    )  # fmt: skip
    try:
        out, said = process.communicate(order, timeout=limit_s)
    except subprocess.TimeoutExpired as error:
        raise TooSlow(f"{limit_s:g} s") from error
    finally:
        _end(process)
    if process.returncode:
        raise PictureError(said.decode(errors="replace").strip().rpartition("\n")[2])
    return _parts(out, len(wanted))


def _environment() -> dict[str, str]:
    """Return the environment without our settings: a browser has no use for where keys are."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("CARBON_")}
    return kept | {"PYTHONPATH": str(HOME)}


def _end(process: subprocess.Popen[bytes]) -> None:
    """End what an order started: the process leads a group of its own."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()


@dataclass
class Studio:
    """Makes pictures for readers: one order at a time, so that no page waits for browsers."""

    limit_s: float = LIMIT_S
    _turn: threading.Lock = field(default_factory=threading.Lock)

    def picture(self, wanted: Wanted) -> bytes:
        """Return a picture; see `pictures`.

        Raises
        ------
        Busy
            Another one is being made.
        """
        browser()
        if not self._turn.acquire(blocking=False):
            raise Busy
        try:
            return pictures([wanted], self.limit_s)[0]
        finally:
            self._turn.release()


def _parts(out: bytes, count: int) -> list[bytes]:
    found = []
    for _ in range(count):
        if len(out) < 8:
            raise PictureError("nothing came back")
        (size,) = struct.unpack(">Q", out[:8])
        found.append(out[8 : 8 + size])
        out = out[8 + size :]
    return found


# ---- the process ----


def page_generator() -> PageGenerator:
    """Return the page that pictures are drawn in: plotly, our scripts, nothing from outside."""
    from kaleido import PageGenerator as Generator  # the app needs none of it

    scripts = [HOME / "assets" / name for name in SCRIPTS] + [HOME / "reports" / "picture.js"]
    return Generator(mathjax=False, others=[(one.as_uri(), "utf-8") for one in scripts])


async def _made(path: str, wanted: Sequence[Mapping[str, Any]]) -> list[bytes]:
    from kaleido import Kaleido

    async with Kaleido(n=1, path=path, page_generator=page_generator()) as made:
        return [await made.calc_fig(_figure(one), opts=_options(one)) for one in wanted]


def _figure(one: Mapping[str, Any]) -> dict[str, Any]:
    size = {"width": one["width"], "height": one["height"]}
    return {"data": [], "layout": {"meta": {"picture": {**one["spec"], **size}}}}


def _options(one: Mapping[str, Any]) -> dict[str, Any]:
    return {"format": one["format"], "width": one["width"], "scale": one["scale"]}


def main() -> int:
    """Make what standard input asks for."""
    order = orjson.loads(sys.stdin.buffer.read())
    for made in asyncio.run(_made(order["browser"], order["wanted"])):
        sys.stdout.buffer.write(struct.pack(">Q", len(made)) + made)
    return 0


if __name__ == "__main__":
    sys.exit(main())
