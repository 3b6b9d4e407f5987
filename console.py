"""Answering commands that come through app.sock: the other end of client.py."""

from __future__ import annotations

import json
import queue
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field

from commands import WRITING, House, Request, run


@dataclass(frozen=True)
class _QueueConsole:
    """A console whose words are put into a queue for the socket's other end."""

    said: queue.SimpleQueue[dict[str, object] | None] = field(default_factory=queue.SimpleQueue)

    def out(self, line: str) -> None:
        self.said.put({"out": line})

    def err(self, line: str) -> None:
        self.said.put({"err": line})

    def progress(self, task: str, done: int, of: int) -> None:
        self.said.put({"task": task, "done": done, "of": of})


def command_lines(house: House, wanted: Request, writing: threading.Lock, by: str) -> Iterator[str]:
    """Yield what a command of an operating-system user says, line by line; its exit code last."""
    console = _QueueConsole()

    def work() -> None:
        code = 1
        try:
            if wanted.name in WRITING:
                with writing:
                    code = run(house, wanted, console, by)
            else:
                code = run(house, wanted, console, by)
        finally:
            console.said.put({"code": code})
            console.said.put(None)

    threading.Thread(target=work, name=f"command-{wanted.name}").start()
    while (line := console.said.get()) is not None:
        yield json.dumps(line, ensure_ascii=False) + "\n"
