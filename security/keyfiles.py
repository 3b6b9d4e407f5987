"""Files that hold keys: who may read them, how they are read and written, one process at a time."""

from __future__ import annotations

import fcntl
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from security.problem import Problem

PART = ".part"
_LONGEST = 1 << 20
Step = Callable[[str], None]


class KeyRefused(Problem):
    """A key is there but cannot be used as it is: the message says why and what to do."""


class KeyMissing(Problem):
    """A key that is needed is not there."""


def no_step(_name: str) -> None:
    """Do nothing between two steps; tests put something in its place that stops here.

    Parameters
    ----------
    _name
        The step that is done.
    """


def make_folder(folder: Path) -> None:
    """Make the folder of the keys if it is not there, for its owner only.

    Parameters
    ----------
    folder
        Where keys are kept.

    Raises
    ------
    KeyRefused
        It cannot be made.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise KeyRefused(
            "无法建立密钥目录 {path}：{why}。",
            "请建立该目录，属主为服务用户，权限 0700；或用 CARBON_KEYS 指定别处。",
            path=folder,
            why=error.strerror,
        ) from error


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Hold the folder alone; another process waits.

    Parameters
    ----------
    folder
        Where keys are kept.

    Raises
    ------
    KeyMissing
        There is no such folder.
    KeyRefused
        Others may look into it, or it is somebody else's.
    """
    try:
        # The folder itself is locked: nothing need be written where the volume is read-only.
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise KeyMissing(
            "没有密钥目录 {path}。", "请从备份放回密钥目录，或用 CARBON_KEYS 指定。", path=folder
        ) from error
    except OSError as error:
        raise KeyRefused(
            "密钥目录 {path} 不能使用：{why}。",
            "须是真实目录，不能是链接，属主为服务用户，权限 0700。",
            path=folder,
            why=error.strerror,
        ) from error
    try:
        _check(folder, os.fstat(held), allowed=0o700)
        fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def read_secret(path: Path) -> bytes:
    """Return what a file holds that only its owner can read.

    Parameters
    ----------
    path
        The file.

    Returns
    -------
    bytes
        Never empty.

    Raises
    ------
    KeyMissing
        There is no such file.
    KeyRefused
        Others may read it, it is somebody else's, a link, empty or far too long.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise KeyMissing("没有密钥文件 {path}。", "请从备份放回。", path=path) from error
    except OSError as error:
        raise KeyRefused(
            "密钥文件 {path} 无法读取：{why}。",
            "须是普通文件，不能是链接，属主为服务用户，权限 0400。",
            path=path,
            why=error.strerror,
        ) from error
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise KeyRefused(
                "密钥文件 {path} 不是普通文件。", "请换成普通文件，权限 0400。", path=path
            )
        _check(path, found, allowed=0o600)
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            body = file.read(_LONGEST + 1)
    finally:
        os.close(descriptor)
    if not body:
        raise KeyRefused("密钥文件 {path} 是空的。", "请从备份放回。", path=path)
    if len(body) > _LONGEST:
        raise KeyRefused("密钥文件 {path} 过长。", "请从备份放回。", path=path)
    return body


def _check(path: Path, found: os.stat_result, *, allowed: int) -> None:
    """Refuse what is somebody else's, or open to more than its owner."""
    if found.st_uid != os.geteuid():
        raise KeyRefused(
            "{path} 的属主是用户 {found}，服务以用户 {wanted} 运行。",
            "请运行 chown {wanted} {path}。",
            path=path,
            found=found.st_uid,
            wanted=os.geteuid(),
        )
    mode = stat.S_IMODE(found.st_mode)
    if mode & ~allowed:
        raise KeyRefused(
            "{path} 的权限是 {mode}，其他人可以访问。",
            "请运行 chmod {wanted} {path}。",
            path=path,
            mode=f"{mode:04o}",
            wanted="0700" if allowed == 0o700 else "0400",
        )


def write_whole(path: Path, body: bytes, step: Step, mode: int = 0o400) -> None:
    """Put a file in place, whole and on the disk, or leave what was there.

    Parameters
    ----------
    path
        The file; the one before is replaced.
    body
        What it holds.
    step
        Told what is done.
    mode
        Who may read it.

    Raises
    ------
    KeyRefused
        It cannot be written.
    """
    part = path.with_name(path.name + PART)
    try:
        part.unlink(missing_ok=True)
        descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, mode)
            step(f"{path.name} begun")
            file.write(body)
            file.flush()
            os.fsync(descriptor)
        step(f"{path.name} written")
        move(part, path, step)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise KeyRefused(
            "无法写入 {path}：{why}。",
            "请检查磁盘空间和目录权限后重试，原有密钥未变。",
            path=path,
            why=error.strerror,
        ) from error


def move(before: Path, path: Path, step: Step) -> None:
    """Rename a file and see that the disk knows.

    Parameters
    ----------
    before, path
        The names before and after, in one folder.
    step
        Told what is done.
    """
    before.replace(path)
    step(f"{path.name} renamed")
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    step(f"{path.name} kept")


def sweep(folder: Path) -> None:
    """Remove what a killed process left half written.

    Parameters
    ----------
    folder
        Held by ``locked``.
    """
    for part in folder.glob(f"*{PART}"):
        with suppress(OSError):  # on a volume that is read-only now
            part.unlink()
