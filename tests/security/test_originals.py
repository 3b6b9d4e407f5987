"""Originals of evidence: only what is what it says, sealed, proved by its digest when opened."""

from __future__ import annotations

import pytest

from data.digest import sm3
from security import originals
from security.originals import NotAnOriginal, kept, opened
from security.problem import Problem
from tests.security.doors import keys

BODY = b"%PDF-1.7 \xe6\x96\x87" + bytes(range(256)) * 40


def put(tmp_path, body=BODY, name="a.pdf"):
    source = tmp_path / "upload"
    source.write_bytes(body)
    return kept(tmp_path, keys(), source, name)


def test_an_original_is_sealed_once_and_comes_back_whole(tmp_path):
    digest = put(tmp_path)
    assert digest == sm3(BODY)
    (sealed,) = (tmp_path / originals.FOLDER).iterdir()
    first = sealed.read_bytes()
    assert first.startswith(b"GME1")
    assert BODY[:64] not in first
    assert sealed.stat().st_mode & 0o077 == 0
    assert put(tmp_path) == digest
    assert sealed.read_bytes() == first
    assert opened(tmp_path, keys(), digest) == BODY
    assert {path.name for path in tmp_path.iterdir()} == {"upload", originals.FOLDER}


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b"", "a.pdf"), (b"<html>", "a.pdf"), (b"MZ\x90", "a.exe"), (BODY, "a.html"), (BODY, "pdf"),
        (BODY, "a.png"), (b"PK\x03\x04", "a.zip"),
    ],
)  # fmt: skip
def test_what_is_not_what_it_says_is_refused(tmp_path, body, name):
    with pytest.raises(NotAnOriginal):
        put(tmp_path, body, name)
    assert not (tmp_path / originals.FOLDER).exists()


def test_too_large_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(originals, "LARGEST_BYTES", 100)
    with pytest.raises(NotAnOriginal):
        put(tmp_path)


def test_a_changed_exchanged_or_absent_envelope_is_refused(tmp_path):
    digest, other = put(tmp_path), put(tmp_path, BODY + b"!")
    folder = tmp_path / originals.FOLDER
    one, two = folder / f"{digest}.gme", folder / f"{other}.gme"
    good = one.read_bytes()
    one.write_bytes(good[:-1] + bytes([good[-1] ^ 1]))
    with pytest.raises(Problem):
        opened(tmp_path, keys(), digest)
    one.write_bytes(two.read_bytes())
    with pytest.raises(Problem):
        opened(tmp_path, keys(), digest)
    one.unlink()
    with pytest.raises(NotAnOriginal):
        opened(tmp_path, keys(), digest)
    assert opened(tmp_path, keys(), other) == BODY + b"!"
