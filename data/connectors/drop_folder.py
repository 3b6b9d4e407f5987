"""Drop folder: files that people and other systems put down are taken in once they are whole.

A file is whole when nothing has changed about it for a while and its mark, where there is one,
fits: ``name.ok`` beside it, ``name.sm3`` with its digest, or a last line ``#END,<rows>``. It is
then moved to ``done`` or, with the reasons beside it, to ``error``; never deleted.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field, field_validator

from data.connectors.base import (
    ConnectorConfig,
    Emit,
    InterfaceDoc,
    LinkError,
    Point,
    PointAddress,
    ProbeReport,
    ProbeRow,
)
from data.digest import file_digest
from data.dropped import trailer
from data.slots import utc_now
from translations import text

DONE, ERROR = "done", "error"
UNFINISHED = (".tmp", ".part", ".crdownload", ".filepart")
MARKS = (".ok", ".sm3")


class DropFolderConfig(ConnectorConfig):
    """Which folder, and what its files hold."""

    folder: Path = Field(description="文件夹的绝对路径")
    content: str = Field("readings", description="文件的种类，同 import 命令")
    settle_s: float = Field(10.0, ge=0.1, le=600, description="不再变化多少秒后才读（秒）")
    look_s: float = Field(2.0, ge=0.05, le=60, description="多少秒看一次（秒）")
    require_mark: bool = Field(default=False, description="必须有 .ok、.sm3 或末行 #END 才读")
    accept_good: bool = Field(default=False, description="有错的行剔除，其余照收")

    @field_validator("folder")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        if not value.is_absolute():
            raise ValueError("请写绝对路径")
        return value


class FileName(PointAddress):
    """A drop folder has no points; a row in its table would say nothing."""

    @classmethod
    def parse(cls, address: str, func: str = "") -> Self:
        """Refuse every address."""
        raise ValueError("文件夹接口不用点表")


@dataclass
class _Seen:
    """A file as it was when it last changed."""

    size: int
    mtime_ns: int
    since: float


@dataclass
class _Watch:
    """Which files have not changed for long enough, by the clock nobody can set."""

    settle_s: float
    monotonic: Callable[[], float] = time.monotonic
    _seen: dict[Path, _Seen] = field(default_factory=dict)

    def settled(self, paths: Sequence[Path]) -> list[Path]:
        """Return the files that have stayed as they are."""
        now, found = self.monotonic(), []
        for path in paths:
            try:
                stat = path.stat()
            except FileNotFoundError:
                continue
            before = self._seen.get(path)
            if before is None or (before.size, before.mtime_ns) != (stat.st_size, stat.st_mtime_ns):
                self._seen[path] = _Seen(stat.st_size, stat.st_mtime_ns, now)
            elif now - before.since >= self.settle_s:
                found.append(path)
        self._seen = {path: seen for path, seen in self._seen.items() if path in set(paths)}
        return found


class DropFolder:
    """A folder into which files are put."""

    kind: ClassVar[str] = "drop_folder"
    title: ClassVar[str] = "文件夹"
    polls: ClassVar[bool] = True
    Config: ClassVar = DropFolderConfig
    PointAddr: ClassVar = FileName
    DOC: ClassVar[InterfaceDoc] = InterfaceDoc(
        purpose="接收其他系统导出的文件和人工放入的表格，不需要网络接口。",
        function="文件放稳后整件导入；成功的移入 done，不合格的移入 error 并附错误说明，从不删除。",
        physical="服务器本机或共享目录 {folder}；写入方需有该目录的写权限。",
        protocol="CSV、XLSX、XLS 或 Parquet，列名见导入模板；内容以 SM3 摘要查重；"
        "静置 {settle_s} 秒后读取，可附 .ok、.sm3 或末行 #END,行数。",
        test="放入完整、写到一半、截断、改名重放和空文件各一份，核对去向和说明。",
        duties="写入方先写临时名再改名，或附完成标记；系统方保留 done 与 error，供双方核对。",
    )

    def __init__(self, cfg: DropFolderConfig, points: Sequence[Point]) -> None:
        self._cfg = cfg
        self._watch = _Watch(cfg.settle_s)

    async def run(self, emit: Emit) -> None:
        """Look at the folder until cancelled."""
        while True:
            try:
                found = await asyncio.to_thread(self._ready)
            except OSError as error:
                raise LinkError("文件夹读不了") from error
            emit.connected()
            for path in found:
                await self._file(path, emit)
            await asyncio.sleep(self._cfg.look_s)

    def _ready(self) -> list[Path]:
        if not self._cfg.folder.is_dir():
            raise FileNotFoundError(2, "没有这个文件夹")
        for name in (DONE, ERROR):
            (self._cfg.folder / name).mkdir(exist_ok=True)
        found = self._watch.settled(sorted(self._candidates()))
        return [path for path in found if not self._cfg.require_mark or _mark(path)]

    def _candidates(self) -> Iterator[Path]:
        for path in self._cfg.folder.iterdir():
            name = path.name.lower()
            if name.startswith((".", "~$")) or name.endswith((*UNFINISHED, *MARKS)):
                continue
            if path.is_file() and not path.is_symlink():
                yield path

    async def _file(self, path: Path, emit: Emit) -> None:
        """Take a file in, or read what came of it and move it where people look."""
        try:
            reason = await asyncio.to_thread(_wrong, path, emit.language)
            if reason:
                await asyncio.to_thread(self._move, path, ERROR, reason)
                return
            digest = await asyncio.to_thread(file_digest, path)
            answer = await emit.take(path, digest, self._cfg.content,
                                     accept_good=self._cfg.accept_good)  # fmt: skip
        except FileNotFoundError:
            return  # taken away meanwhile
        if answer.state == "refused":
            await asyncio.to_thread(self._move, path, ERROR, answer.detail)
        elif answer.state != "waiting":
            await asyncio.to_thread(self._move, path, DONE, answer.detail)

    def _move(self, path: Path, where: str, said: str) -> None:
        """Move a file with its marks and what is said of it; a name that is taken gets a number."""
        target = _free(self._cfg.folder / where / path.name)
        word = "错误" if where == ERROR else "结果"
        note = target.with_name(f"{target.name}.{word}.txt")
        note.write_text(said + "\n", encoding="utf-8")
        os.replace(path, target)  # noqa: PTH105 (the name says that it is atomic)
        for mark in MARKS:
            beside = path.with_name(path.name + mark)
            if beside.exists():
                os.replace(beside, target.with_name(target.name + mark))  # noqa: PTH105

    async def probe(self) -> ProbeReport:
        """Look at the folder once: whether it is there, can be written, and what lies in it."""
        at = utc_now()
        try:
            found = await asyncio.to_thread(lambda: sorted(self._candidates()))
        except OSError:
            return ProbeReport(at, False, error="文件夹读不了")
        if not os.access(self._cfg.folder, os.W_OK):
            return ProbeReport(at, False, error="文件夹不可写，处理过的文件移不走")
        return ProbeReport(at, True, tuple(ProbeRow(path.name, 0) for path in found[:50]))


def _mark(path: Path) -> bool:
    """Tell whether somebody says that a file is whole."""
    return (
        any(path.with_name(path.name + mark).exists() for mark in MARKS)
        or trailer(path) is not None
    )


def _wrong(path: Path, language: str) -> str:
    """Return why a file cannot be whole, '' where nothing says so."""
    if path.stat().st_size == 0:
        return text("文件是空的；请导出后再放一次", language)
    digest = path.with_name(path.name + ".sm3")
    if digest.exists():
        said = digest.read_text(encoding="utf-8", errors="replace").split()[:1]
        if said != [file_digest(path)]:
            return text("内容与 .sm3 中的摘要不符；请重新传送", language)
    end = trailer(path)
    if end is not None and _lines(path) != end[1]:
        key = "末行说有 {said} 行，实际有 {found} 行；请重新传送"
        return text(key, language, said=end[1], found=_lines(path))
    return ""


def _lines(path: Path) -> int:
    """Return how many rows of data a text has, header and trailer left out."""
    with path.open("rb") as file:
        filled = sum(1 for line in file if line.strip())
    return filled - 2


def _free(path: Path) -> Path:
    number, target = 1, path
    while target.exists():
        number += 1
        target = path.with_name(f"{path.stem}-{number}{path.suffix}")
    return target
