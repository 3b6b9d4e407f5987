"""Pictures of whole pages, to look at and for the manual.

``python -m tests.browser.shots --home DIR --out DIR`` serves a data directory for the pictures;
with ``--url`` the app runs already. Who looks: ``--cookie SID``, or ``--user`` with
``--password-file`` and ``--totp-secret``; without either nobody signs in.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser

from tests.browser.app import serving, sign_in
from tests.browser.test_pages import PAGES, TOUCH
from tests.browser.visit import Look, launched, opened, settled

SIZES = {1920: 1080, 1440: 900, 1024: 768, 768: 1024, 390: 844}
DARK = 1440  # this width is taken in both themes


def looks(language: str) -> Iterator[Look]:
    """Yield the looks that each page is pictured in."""
    for width, height in SIZES.items():
        for theme in ("light", "dark") if width == DARK else ("light",):
            yield Look(
                width=width, height=height, theme=theme, language=language, touch=width < TOUCH
            )


def shoot(browser: Browser, url: str, look: Look, state: Any, out: Path) -> None:
    """Write the picture of one page."""
    cookies = {"theme": look.theme, "lang": look.language}
    with opened(browser, url, look, cookies=cookies, state=state) as visit:
        page = settled(visit).page
        height = page.evaluate("() => document.scrollingElement.scrollHeight")
        page.set_viewport_size({"width": look.width, "height": height})  # bars reach the end
        settled(visit).page.screenshot(path=out, full_page=True)


def file_name(path: str, look: Look) -> str:
    """Return the name of a picture: page, width, theme, language."""
    page = path.strip("/").replace("/", "-") or "overview"
    return f"{page}-{look.width}-{look.theme}-{look.language}.png"


def signed(browser: Browser, url: str, chosen: argparse.Namespace) -> Any:
    """Return the storage state of who looks; None for nobody."""
    if chosen.cookie:
        jar = {"name": "sid", "value": chosen.cookie, "domain": urlsplit(url).hostname, "path": "/"}
        rest = {"expires": -1, "httpOnly": True, "secure": False, "sameSite": "Lax"}
        return {"cookies": [jar | rest], "origins": []}
    if chosen.user:
        password = chosen.password_file.read_text(encoding="utf-8").rstrip("\n")
        return sign_in(browser, url, chosen.user, password, chosen.totp_secret)
    return None


@contextmanager
def address(chosen: argparse.Namespace) -> Iterator[str]:
    """Yield where the app answers."""
    if chosen.url:
        yield chosen.url.rstrip("/")
        return
    with (
        tempfile.TemporaryDirectory() as place,
        serving(chosen.home, Path(place) / "serve.log") as url,
    ):
        yield url


def parsed(words: list[str]) -> argparse.Namespace:
    """Return what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--home", type=Path, help="a data directory, served for the pictures")
    where.add_argument("--url", help="the app, where it runs already")
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--cookie", help="the sid of a session")
    parser.add_argument("--user")
    parser.add_argument("--password-file", type=Path)
    parser.add_argument("--totp-secret", default="", help="the secret of the one-time codes")
    parser.add_argument("--language", choices=("zh", "en"), default="zh")
    parser.add_argument("--page", action="append", help="a path; default: every page")
    chosen = parser.parse_args(words)
    if chosen.user and not chosen.password_file:
        parser.error("--user needs --password-file")
    return chosen


def main(words: list[str]) -> int:
    """Take the pictures."""
    chosen, chromium = parsed(words), shutil.which("chromium")
    if chromium is None:
        sys.stderr.write("chromium is not on this machine\n")
        return 1
    chosen.out.mkdir(parents=True, exist_ok=True)
    with address(chosen) as url, launched(chromium) as browser:
        state = signed(browser, url, chosen)
        for path in chosen.page or PAGES:
            for look in looks(chosen.language):
                out = chosen.out / file_name(path, look)
                shoot(browser, url + path, look, state, out)
                print(out, flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
