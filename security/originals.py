"""Originals of evidence (5.7 d): kept as SM4 envelopes by their SM3 digest, proved when opened."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

from data.digest import file_digest, sm3
from security.keys import Keys
from security.problem import Problem
from security.sealed import seal_file, unseal

FOLDER = "evidence"
LARGEST_BYTES = 20 << 20
_ZIP = b"PK\x03\x04"
# A file's ending and how its content begins: what is called a picture must be one.
TYPES = {
    "pdf": (b"%PDF-",), "png": (b"\x89PNG\r\n\x1a\n",), "jpg": (b"\xff\xd8\xff",),
    "jpeg": (b"\xff\xd8\xff",), "ofd": (_ZIP,), "docx": (_ZIP,), "xlsx": (_ZIP,),
}  # fmt: skip


class NotAnOriginal(Problem):
    """A file cannot be kept as an original, or is no longer what was kept."""


def kept(home: Path, keys: Keys, source: Path, name: str) -> str:
    """Seal a file and return its digest.

    Parameters
    ----------
    home
        The data directory.
    keys
        For whom it is sealed: the machine's envelope key.
    source, name
        The file as it was uploaded, and what it is called.

    Returns
    -------
    str
        SM3 of the plaintext, hexadecimal; the same content is kept once.

    Raises
    ------
    NotAnOriginal
        It is empty, too large, or not what its name says.
    """
    _checked(source, name)
    digest = file_digest(source)
    target = _place(home, digest)
    if not target.exists():
        target.parent.mkdir(exist_ok=True, mode=0o700)
        seal_file(source, target, keys.envelope_public(), _aad(digest))
    return digest


def _checked(source: Path, name: str) -> None:
    size = source.stat().st_size
    if not 0 < size <= LARGEST_BYTES:
        raise NotAnOriginal("文件为空或超过 {most} MB", "", most=LARGEST_BYTES >> 20)
    begins = TYPES.get(Path(name).suffix.lower()[1:])
    with source.open("rb") as file:
        head = file.read(16)
    if begins is None or not head.startswith(begins):
        raise NotAnOriginal("只收 {types}，且内容要与扩展名一致", "", types=", ".join(TYPES))


def opened(home: Path, keys: Keys, digest: str) -> bytes:
    """Return an original, proved to be what was kept.

    Parameters
    ----------
    home, keys
        The data directory; the machine's keys.
    digest
        SM3 of the plaintext, hexadecimal.

    Raises
    ------
    NotAnOriginal
        It is gone, or is not what its digest says.
    security.problem.Problem
        The envelope was changed, or its key is kept elsewhere.
    """
    sealed = _place(home, digest)
    if not sealed.exists():
        raise NotAnOriginal("原件不在数据目录中", "请从备份恢复")
    with TemporaryDirectory(dir=home, prefix=".original-") as folder:
        target = Path(folder) / "plain"
        with sealed.open("rb") as reader:
            unseal(reader, target, _aad(digest), keys.unlock)
        body = target.read_bytes()
    if sm3(body) != digest:
        raise NotAnOriginal("原件与登记的 SM3 校验值不一致", "请从备份恢复")
    return body


def _place(home: Path, digest: str) -> Path:
    return home / FOLDER / f"{digest}.gme"


def _aad(digest: str) -> str:
    return f"evidence|{digest}"
