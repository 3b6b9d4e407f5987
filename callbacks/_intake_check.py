"""A file in work is checked beside the request: its progress can be told and it can be stopped."""

from __future__ import annotations

import threading
from collections.abc import Callable

from data.ingest.watch import Stopped, Watch
from data.intake import Draft, Found

PATIENCE_S = 1.0  # so long the page waits before it tells of progress


class Check:
    """The check of a draft in one language, in a thread of its own.

    Parameters
    ----------
    draft, words
        What is checked, and the language of the messages.
    work
        Does it; what it raises is raised where the result is asked for.
    """

    def __init__(self, draft: Draft, words: str, work: Callable[[Watch], Found]) -> None:
        self.draft, self.words, self.watch = draft, words, Watch()
        self._found: Found | None = None
        self._error: BaseException | None = None
        self._thread = threading.Thread(
            target=self._run, args=(work,), name="intake-check", daemon=True
        )
        self._thread.start()

    def _run(self, work: Callable[[Watch], Found]) -> None:
        try:
            self._found = work(self.watch)
        except BaseException as error:  # told to whoever asks for the result
            self._error = Stopped() if self.watch.stopped else error

    def wait(self, seconds: float) -> bool:
        """Wait for the end at most so long; tell whether it has come."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def stop(self) -> None:
        """Let it end: its result is not wanted any more."""
        self.watch.stop()

    def result(self) -> Found:
        """Return what was found, once it is there.

        Raises
        ------
        Refused
            The file cannot be read.
        Stopped
            It was stopped.
        DiskFull, OSError
            There is no room to work in.
        """
        self._thread.join()
        if self._error is not None:
            raise self._error
        if self._found is None:
            raise Stopped
        return self._found
