"""Starting what others wrote, as peers of our connectors; a clear word where it is not there."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

HERE = Path(__file__).parent
MODBUS_SERIAL = "modbus-serial@8.0.25"


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def cache():
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    folder = Path(base) / "carbon-test-peers"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def npm_modules(package):
    """Return the folder of an npm package's modules; installed once, of exactly one version."""
    if shutil.which("npm") is None or shutil.which("node") is None:
        pytest.skip("no npm here: no peer written by others in JavaScript")
    folder = cache() / package.replace("@", "-")
    if not (folder / "installed").exists():
        done = subprocess.run(
            ["npm", "install", "--no-save", "--silent", "--ignore-scripts", "--prefix", folder,
             package], capture_output=True, text=True, timeout=300, check=False,
        )  # fmt: skip
        if done.returncode:
            pytest.skip(f"npm cannot install {package} here: {done.stderr[-200:]}")
        (folder / "installed").touch()
    return folder / "node_modules"


def libmodbus_peer():
    """Return the C peer, compiled against Debian's libmodbus."""
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "libmodbus"], capture_output=True, text=True,
        check=False,
    ) if shutil.which("pkg-config") else None  # fmt: skip
    if flags is None or flags.returncode or shutil.which("cc") is None:
        pytest.skip("no libmodbus-dev or no compiler here: no Modbus peer in C")
    binary = cache() / f"modbus_peer-{(HERE / 'modbus_peer.c').stat().st_mtime_ns}"
    if not binary.exists():
        part = binary.with_name(f"{binary.name}.{os.getpid()}")
        subprocess.run(
            ["cc", "-O1", "-o", part, HERE / "modbus_peer.c", *flags.stdout.split()], check=True
        )
        part.replace(binary)
    return binary


def ready(process, word="ready"):
    line = process.stdout.readline().strip()
    assert line == word, line


class ModbusServer:
    """The npm server: its registers and its manners can be set while it runs."""

    def __init__(self, port=None):
        self.port = port or free_port()
        self.set_registers = {}
        self._process = None
        self.start()

    def start(self):
        modules = npm_modules(MODBUS_SERIAL)
        for _ in range(20):
            self._process = subprocess.Popen(
                ["node", HERE / "modbus_server.js", str(self.port)], text=True,
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                env=os.environ | {"NODE_PATH": str(modules)},
            )  # fmt: skip
            if self._process.stdout.readline().strip() == "ready":
                break
            self._process.wait()
            time.sleep(0.2)  # its port is still held
        if self.set_registers:
            self.say(set=self.set_registers)

    def say(self, **words):
        if "set" in words:
            self.set_registers |= words["set"]
        self._process.stdin.write(json.dumps(words) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def words(self, first, *words, area=3):
        """Put words into registers from one on."""
        return self.say(set={f"{area}:{first + n}": word for n, word in enumerate(words)})

    def signal(self, number):
        self._process.send_signal(number)

    def kill(self):
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            pipe.close()


@contextmanager
def modbus_server():
    server = ModbusServer()
    try:
        yield server
    finally:
        server.kill()


@contextmanager
def running(*command):
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    try:
        ready(process)
        yield process
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


@contextmanager
def serial_pair(folder):
    """Two ends of a line that socat holds."""
    if shutil.which("socat") is None:
        pytest.skip("no socat here: no serial line without hardware")
    ends = [folder / "ours", folder / "theirs"]
    process = subprocess.Popen(
        ["socat", *(f"pty,raw,echo=0,link={end}" for end in ends)], stderr=subprocess.DEVNULL
    )
    try:
        until = time.monotonic() + 10
        while not all(end.exists() for end in ends):
            assert time.monotonic() < until
            time.sleep(0.02)
        # Held open here: a port that is opened anew must not end the line.
        held = [os.open(end, os.O_RDWR | os.O_NOCTTY) for end in ends]
        yield ends
        for handle in held:
            os.close(handle)
    finally:
        process.kill()
        process.wait()
