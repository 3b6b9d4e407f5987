"""Debian's firefox-esr, driven over its own Marionette protocol: no driver program in between."""

from __future__ import annotations

import base64
import json
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.browser.visit import _LOADING
from tests.cli import free_port

START_S = 60.0
WAIT_S = 60.0
# Nothing is asked of the outside, nothing is offered to the reader.
PREFS = {
    "app.update.disabledForTesting": True, "browser.shell.checkDefaultBrowser": False,
    "browser.startup.homepage_override.mstone": "ignore", "browser.startup.page": 0,
    "browser.aboutwelcome.enabled": False, "datareporting.policy.dataSubmissionEnabled": False,
    "toolkit.telemetry.unified": False, "toolkit.telemetry.server": "",
    "app.normandy.enabled": False, "extensions.update.enabled": False,
    "network.captive-portal-service.enabled": False, "network.connectivity-service.enabled": False,
    "browser.safebrowsing.downloads.enabled": False, "services.settings.server": "",
    "browser.safebrowsing.malware.enabled": False, "browser.safebrowsing.phishing.enabled": False,
    "privacy.reduceTimerPrecision": False, "intl.accept_languages": "zh-CN,zh",
}  # fmt: skip


def firefox_path() -> str:
    """Return where firefox-esr is; skip in words where it is not."""
    path = shutil.which("firefox-esr")
    if path is None:
        pytest.skip("firefox-esr is not on this machine: pages were not tested in it")
    return path


class MarionetteError(Exception):
    """The browser refused a command."""


@dataclass
class Firefox:
    """A running browser and the line to it."""

    line: socket.socket
    _at: int = field(default=0)

    def ask(self, name: str, **values: Any) -> Any:
        """Send a command and return what it answers."""
        self._at += 1
        body = json.dumps([0, self._at, name, values]).encode()
        self.line.sendall(str(len(body)).encode() + b":" + body)
        _, _, error, result = self.hear()
        if error:
            raise MarionetteError(f"{name}: {error['error']}: {error['message']}")
        return result

    def hear(self) -> Any:
        """Return the next message: its length, a colon, JSON."""
        size = b""
        while (sign := self.line.recv(1)) != b":":
            assert sign, "firefox-esr has gone"
            size += sign
        body = b""
        while len(body) < int(size):
            body += self.line.recv(int(size) - len(body))
        return json.loads(body)

    def run(self, script: str, *args: Any, sandbox: str | None = None) -> Any:
        """Return what a function says of the page."""
        found = self.ask(
            "WebDriver:ExecuteScript", script=f"return ({script})(...arguments)", args=list(args),
            sandbox=sandbox, newSandbox=False,
        )  # fmt: skip
        return found["value"]

    def settled(self) -> None:
        """Wait until no panel loads, every chart is drawn and the page says the same twice."""
        until, before = time.monotonic() + WAIT_S, None
        while True:
            found = self.run(_LOADING)
            ready = found["panels"] and not found["waiting"] and not found["undrawn"]
            now = self.run("() => document.body.innerHTML.length") if ready else None
            if ready and now == before:
                return
            assert time.monotonic() < until, f"not settled after {WAIT_S:g} s: {found}"
            before = now
            time.sleep(0.5)

    def told(self) -> list[str]:
        """Return the errors that scripts and the page's console have told since the start."""
        self.ask("Marionette:SetContext", value="chrome")
        thrown = self.run(
            """() => Services.console.getMessageArray().filter((one) =>
              one instanceof Ci.nsIScriptError && !(one.flags & Ci.nsIScriptError.warningFlag)
              && /^http:\\/\\/127/.test(one.sourceName)).map((one) =>
              `${one.sourceName}:${one.lineNumber} ${one.errorMessage}`)"""
        )
        self.ask("Marionette:SetContext", value="content")
        said = self.run(
            """() => Cc["@mozilla.org/consoleAPI-storage;1"].getService(Ci.nsIConsoleAPIStorage)
              .getEvents().filter((one) => one.level === "error" && /^http/.test(one.filename))
              .map((one) => `${one.filename} ${one.arguments.map(String).join(" ")}`)""",
            sandbox="system",
        )
        return [*thrown, *said]

    def picture(self, file: Path) -> None:
        """Write the picture of the whole page."""
        found = self.ask("WebDriver:TakeScreenshot", full=True, hash=False)
        file.write_bytes(base64.b64decode(found["value"]))


@contextmanager
def running(place: Path, width: int = 1440, height: int = 900) -> Iterator[Firefox]:
    """Run firefox-esr with a profile of its own for as long as the block lasts."""
    port, profile = free_port(), place / "profile"
    profile.mkdir(parents=True)
    lines = [f"user_pref({json.dumps(name)}, {json.dumps(value)});"
             for name, value in (PREFS | {"marionette.port": port}).items()]  # fmt: skip
    (profile / "user.js").write_text("\n".join(lines), encoding="utf-8")
    with (place / "firefox.log").open("wb") as log:
        process = subprocess.Popen(
            [firefox_path(), "--headless", "--marionette", "--remote-allow-system-access",
             "--no-remote", "--profile", str(profile)],
            stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            env=os.environ | {"HOME": str(place), "MOZ_HEADLESS_WIDTH": str(width),
                              "MOZ_HEADLESS_HEIGHT": str(height + 200)},
        )  # fmt: skip
        try:
            with _connected(port, process) as line:
                browser = Firefox(line)
                browser.hear()
                browser.ask("WebDriver:NewSession", capabilities={})
                browser.ask("WebDriver:SetWindowRect", width=width, height=height + 200)
                yield browser
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


@contextmanager
def _connected(port: int, process: subprocess.Popen[bytes]) -> Iterator[socket.socket]:
    until = time.monotonic() + START_S
    while True:
        try:
            line = socket.create_connection(("127.0.0.1", port), timeout=WAIT_S)
            break
        except OSError:
            assert process.poll() is None, "firefox-esr ended"
            assert time.monotonic() < until, f"no answer of firefox-esr after {START_S:g} s"
            time.sleep(0.2)
    with line:
        yield line


def signed(browser: Firefox, url: str, cookies: Sequence[Mapping[str, Any]]) -> None:
    """Give the browser the cookies of who is signed in."""
    browser.ask("WebDriver:Navigate", url=f"{url}/healthz")
    for one in cookies:
        kept = {"name": one["name"], "value": one["value"], "path": "/"}
        browser.ask("WebDriver:AddCookie", cookie=kept)
