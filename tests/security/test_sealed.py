"""Envelopes attacked in every way we could think of; values moved in the database."""

from __future__ import annotations

import io
import os
import secrets

import pytest

from security import sealed
from security.problem import Problem
from security.sealed import (
    CHUNK,
    file_signature,
    file_verdict,
    header,
    open_value,
    place,
    seal,
    seal_file,
    seal_value,
    unlocked_by,
    unseal,
    value_kid,
)
from security.sm import Refused, Verdict, sm2_new, sm2_sign, sm3, sm4_gcm_open

AAD = "backup|state|2026-11-25T00:00:00Z|1"
SECRET = b"SECRET-READING-"
WHOLE = CHUNK + 16


@pytest.fixture(scope="module")
def pair():
    return sm2_new()


def envelope(pair, plain, aad=AAD):
    out = io.BytesIO()
    seal(io.BytesIO(plain), out, pair.public, aad)
    return out.getvalue()


def opened(pair, body, folder, aad=AAD):
    target = folder / "opened"
    unseal(io.BytesIO(body), target, aad, unlocked_by(pair))
    found = target.read_bytes()
    target.unlink()
    return found


def refused(pair, body, folder, aad=AAD):
    """Refused, and nothing at all is left on the disk."""
    with pytest.raises(Problem):
        opened(pair, body, folder, aad)
    assert list(folder.iterdir()) == []


class Dribble(io.RawIOBase):
    """A pipe that gives a few bytes at a time."""

    def __init__(self, body):
        self._rest = body

    def read(self, size=-1):
        part = self._rest[: min(size, 70_001)]
        self._rest = self._rest[len(part) :]
        return part


# There and back


@pytest.mark.parametrize(
    "size", [0, 1, 15, 16, 4096, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 5]
)
def test_what_is_sealed_comes_back(pair, tmp_path, size):
    plain = secrets.token_bytes(size)
    body = envelope(pair, plain)
    assert opened(pair, body, tmp_path) == plain
    target = tmp_path / "dribbled"
    unseal(Dribble(body), target, AAD, unlocked_by(pair))
    assert target.read_bytes() == plain
    assert target.stat().st_mode & 0o777 == 0o600
    assert len(body) - size < 300 + 16 * (size // CHUNK + 1)


def test_a_pipe_is_sealed_as_a_file_is(pair, tmp_path):
    plain = secrets.token_bytes(2 * CHUNK + 3)
    out = io.BytesIO()
    seal(Dribble(plain), out, pair.public, AAD)
    assert opened(pair, out.getvalue(), tmp_path) == plain


def test_an_envelope_says_what_it_is_before_it_is_opened(pair):
    said = header(io.BytesIO(envelope(pair, b"x", "报告|2026-10")))
    assert (said.kid, said.aad) == (sm3(pair.public)[:8].hex(), "报告|2026-10")


def test_the_form_is_the_one_that_is_written_down(pair):
    body = envelope(pair, b"x" * 5)
    assert body[:5] == b"GME1\x01"
    assert body[5:13] == sm3(pair.public)[:8]
    wrapped = int.from_bytes(body[13:15], "big")
    at = 15 + wrapped
    key = unlocked_by(pair)(body[5:13].hex(), body[15:at])
    prefix, chunk = body[at : at + 7], int.from_bytes(body[at + 7 : at + 11], "big")
    length = int.from_bytes(body[at + 11 : at + 13], "big")
    end = at + 13 + length
    assert (chunk, body[at + 13 : end].decode()) == (1 << 20, AAD)
    nonce = prefix + bytes(4) + b"\1"
    assert sm4_gcm_open(key, nonce, body[end:], sm3(body[:end])) == b"x" * 5


def test_no_two_envelopes_share_a_key_or_a_nonce(pair):
    made = [header(io.BytesIO(envelope(pair, b"same"))) for _ in range(20)]
    keys = {unlocked_by(pair)(m.kid, m.wrapped) for m in made}
    assert len(keys) == len({m.prefix for m in made}) == 20


def test_a_file_is_sealed_whole_or_not_at_all(pair, tmp_path):
    source, target = tmp_path / "plain", tmp_path / "sealed"
    source.write_bytes(SECRET * 1000)
    seal_file(source, target, pair.public, AAD)
    assert opened(pair, target.read_bytes(), tmp_path) == SECRET * 1000
    before = target.read_bytes()
    with pytest.raises(Refused):
        seal_file(source, target, b"\1" * 64, AAD)
    assert target.read_bytes() == before
    assert sorted(p.name for p in tmp_path.iterdir()) == ["plain", "sealed"]


def test_what_it_is_may_not_be_endless(pair):
    envelope(pair, b"", "x" * 4096)
    with pytest.raises(ValueError, match="4097"):
        envelope(pair, b"", "x" * 4097)


# Attacks


def test_every_flipped_bit_is_refused_and_leaves_nothing(pair, tmp_path, full):  # row 57
    body = envelope(pair, SECRET * 100)
    rest = [secrets.randbelow(8 * len(body)) for _ in range(2000 if full else 150)]
    for at in [*range(8 * 300), *rest]:
        changed = bytearray(body)
        changed[at // 8] ^= 1 << at % 8
        refused(pair, bytes(changed), tmp_path)


def test_without_the_tags_a_flipped_bit_would_pass(pair, tmp_path, monkeypatch):
    """Negative control."""
    body = envelope(pair, SECRET)
    changed = body[:-17] + bytes([body[-17] ^ 1]) + body[-16:]
    monkeypatch.setattr(sealed, "sm4_gcm_open", _unchecked)
    assert opened(pair, changed, tmp_path) != SECRET


def _unchecked(key, nonce, body, aad):
    """Decrypt as GCM does, without a look at the tag."""
    from cryptography.hazmat.primitives.ciphers import Cipher, modes
    from cryptography.hazmat.primitives.ciphers.algorithms import SM4

    counter = nonce + (2).to_bytes(4, "big")
    return Cipher(SM4(key), modes.CTR(counter)).decryptor().update(body[:-16])


@pytest.fixture(scope="module")
def three(pair):
    """An envelope of three chunks, cut into header and chunks."""
    body = envelope(pair, b"a" * CHUNK + b"b" * CHUNK + b"c" * 77)
    begin = len(body) - 2 * WHOLE - 93
    return [body[:begin], *(body[begin + n * WHOLE :][:WHOLE] for n in range(3))]


CHANGES = {  # row 58
    "first dropped": lambda h, a, b, c: [h, b, c],
    "middle dropped": lambda h, a, b, c: [h, a, c],
    "last dropped": lambda h, a, b, c: [h, a, b],
    "all dropped": lambda h, a, b, c: [h],
    "swapped": lambda h, a, b, c: [h, b, a, c],
    "doubled": lambda h, a, b, c: [h, a, b, b, c],
    "last doubled": lambda h, a, b, c: [h, a, b, c, c],
    "byte cut": lambda h, a, b, c: [h, a, b, c[:-1]],
    "tag cut": lambda h, a, b, c: [h, a, b, c[:-16]],
    "byte appended": lambda h, a, b, c: [h, a, b, c, b"\0"],
    "empty chunk appended": lambda h, a, b, c: [h, a, b, c, bytes(16)],
    "two in one": lambda h, a, b, c: [h, h, a, b, c],
    "header cut": lambda h, a, b, c: [h[:-1], a, b, c],
    "nothing": lambda h, a, b, c: [],
}


@pytest.mark.parametrize("name", CHANGES)
def test_no_chunk_is_dropped_swapped_doubled_or_added(pair, three, tmp_path, name):
    refused(pair, b"".join(CHANGES[name](*three)), tmp_path)
    assert opened(pair, b"".join(three), tmp_path).startswith(b"a" * CHUNK + b"b")


@pytest.mark.parametrize("name", ["last dropped", "swapped", "doubled"])
def test_without_number_and_end_in_the_nonce_chunks_could_be_moved(
    pair, tmp_path, monkeypatch, name
):
    """Negative control."""
    monkeypatch.setattr(sealed, "_nonce", lambda prefix, number, *, last: prefix + bytes(5))
    body = envelope(pair, b"a" * CHUNK + b"b" * CHUNK + b"c" * 77)
    begin = len(body) - 2 * WHOLE - 93
    parts = [body[:begin], *(body[begin + n * WHOLE :][:WHOLE] for n in range(3))]
    assert opened(pair, b"".join(CHANGES[name](*parts)), tmp_path)


def test_chunks_of_another_envelope_are_refused(pair, tmp_path):
    one, other = envelope(pair, b"x" * 100), envelope(pair, b"y" * 100)
    refused(pair, one[:-116] + other[-116:], tmp_path)


def test_an_envelope_of_something_else_is_refused(pair, tmp_path, monkeypatch):
    body = envelope(pair, SECRET, "backup|state|2026|1")
    refused(pair, body, tmp_path)
    refused(pair, body.replace(b"backup|state|2026|1", b"backup|state|2026|2"), tmp_path, AAD)
    forged = body.replace(b"backup|state|2026|1", b"backup|state|2026|2")
    refused(pair, forged, tmp_path, "backup|state|2026|2")
    # negative control: where the header is not bound, the forged one opens
    monkeypatch.setattr(sealed, "sm3", lambda _body: bytes(32))
    body = envelope(pair, SECRET, "backup|state|2026|1")
    forged = body.replace(b"backup|state|2026|1", b"backup|state|2026|2")
    target = tmp_path / "opened"
    unseal(io.BytesIO(forged), target, "backup|state|2026|2", unlocked_by(pair))
    assert target.read_bytes() == SECRET


def test_another_key_opens_nothing(pair, tmp_path):
    body, other = envelope(pair, SECRET), sm2_new()
    refused(other, body, tmp_path)
    relabelled = body[:5] + sm3(other.public)[:8] + body[13:]
    refused(other, relabelled, tmp_path)


def test_a_bad_chunk_after_good_ones_leaves_no_plaintext(pair, three, tmp_path):
    bad = three[3][:-1] + bytes([three[3][-1] ^ 1])
    target = tmp_path / "opened"
    target.write_bytes(b"what was there")
    with pytest.raises(Refused):
        unseal(io.BytesIO(b"".join([*three[:3], bad])), target, AAD, unlocked_by(pair))
    assert target.read_bytes() == b"what was there"
    assert [p.name for p in tmp_path.iterdir()] == ["opened"]


def test_until_all_is_proved_the_file_has_another_name(pair, three, tmp_path):
    target = tmp_path / "opened"
    seen = []

    class Looking(io.BytesIO):
        def read(self, size=-1):
            seen.append((target.exists(), (tmp_path / "opened.part").exists()))
            return super().read(size)

    unseal(Looking(b"".join(three)), target, AAD, unlocked_by(pair))
    assert (False, True) in seen
    assert not any(there for there, _ in seen)
    assert [p.name for p in tmp_path.iterdir()] == ["opened"]


def test_what_a_killed_run_left_is_written_over_never_followed(pair, tmp_path):
    body, elsewhere = envelope(pair, SECRET), tmp_path / "elsewhere"
    elsewhere.write_bytes(b"precious")
    (tmp_path / "opened.part").symlink_to(elsewhere)
    assert opened(pair, body, tmp_path) == SECRET
    assert elsewhere.read_bytes() == b"precious"


def test_a_full_disk_leaves_nothing(pair, tmp_path, monkeypatch):
    def full_disk(_descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(sealed.os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space"):
        opened(pair, envelope(pair, SECRET), tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, 1, 4, 14, 15, 100, 5000])
def test_junk_is_refused(pair, tmp_path, size):
    refused(pair, secrets.token_bytes(size), tmp_path)
    refused(pair, b"GME1\x01" + secrets.token_bytes(size), tmp_path)


def test_a_huge_declared_chunk_takes_no_memory(pair, tmp_path):
    body = envelope(pair, SECRET)
    at = 15 + int.from_bytes(body[13:15], "big") + 7
    refused(pair, body[:at] + b"\xff\xff\xff\xff" + body[at + 4 :], tmp_path)


# Values of the database

KEY, KID = bytes(range(16)), "0123456789abcdef"


def key_of(kid):
    assert kid == KID
    return KEY


@pytest.mark.parametrize("value", [b"", b"x", b"13800138000", secrets.token_bytes(999)])
def test_a_value_comes_back_at_its_place(value):
    here = place("account", "totp", "7")
    made = seal_value(KEY, KID, value, here)
    assert open_value(key_of, made, here) == value
    assert made.startswith(f"v1|{KID}|")
    assert made.isascii()
    assert len(made.split("|")) == 5
    assert value_kid(made) == KID


def test_the_same_value_is_never_sealed_the_same():
    assert len({seal_value(KEY, KID, b"x", "a|b|1") for _ in range(100)}) == 100


@pytest.mark.parametrize(
    "there", [("account", "totp", "8"), ("account", "phone", "7"), ("device", "totp", "7")]
)
def test_a_value_moved_elsewhere_is_refused(there, monkeypatch):  # row 64
    made = seal_value(KEY, KID, b"secret", place("account", "totp", "7"))
    with pytest.raises(Refused):
        open_value(key_of, made, place(*there))
    # negative control: bound to nothing it opens anywhere
    loose = seal_value(KEY, KID, b"secret", "")
    assert open_value(key_of, loose, "") == b"secret"


@pytest.mark.parametrize(("table", "column"), [("a|b", "c"), ("a", "b|c"), ("", "c"), ("a", "")])
def test_two_places_never_read_the_same(table, column):
    with pytest.raises(ValueError, match=r"\("):
        place(table, column, "1")
    assert place("a", "b", "c|d") == "a|b|c|d"


def test_every_changed_sign_of_a_value_is_refused():
    made = seal_value(KEY, KID, b"secret", "a|b|1")
    start = len(f"v1|{KID}|")
    for at in range(start, len(made)):
        for sign in "Ab|-=!é\n":
            if made[at] != sign:
                with pytest.raises(Refused):
                    open_value(key_of, made[:at] + sign + made[at + 1 :], "a|b|1")
    for bad in ("", "v1", "v2" + made[2:], made + "\n", made + "=", made[:-1], made + "|"):
        with pytest.raises(Refused):
            open_value(key_of, bad, "a|b|1")


# Signatures of files


def signing(pair):
    kid = sm3(pair.public)[:8].hex()
    return lambda message: (kid, sm2_sign(pair, message))


@pytest.mark.parametrize("size", [0, 1, 3 << 20])
def test_a_file_is_signed_and_verified(pair, size):
    body = os.urandom(size)
    made = file_signature(io.BytesIO(body), signing(pair))
    asked = []
    public_of = lambda kid: asked.append(kid) or pair.public  # noqa: E731
    good, bad = Verdict(valid=True, agreed=True), Verdict(valid=False, agreed=True)
    assert file_verdict(io.BytesIO(body), made, public_of) == good
    assert file_verdict(io.BytesIO(body + b"x"), made, public_of) == bad
    assert file_verdict(io.BytesIO(body), made, lambda _: sm2_new().public) == bad
    assert set(asked) == {sm3(pair.public)[:8].hex()}


@pytest.mark.parametrize(
    "bad", ["", "GMS1|x|y\n", "GMS2|0123456789abcdef|AAAA\n", "GMS1|0123456789abcdef|A\n"]
)
def test_a_malformed_signature_file_is_refused(pair, bad):
    with pytest.raises(Refused):
        file_verdict(io.BytesIO(b"x"), bad, lambda _: pair.public)


# Random numbers (row 61)


def test_without_random_numbers_nothing_is_sealed(pair, tmp_path, monkeypatch):
    def fails(_size):
        raise OSError(5, "Input/output error")

    (tmp_path / "plain").write_bytes(SECRET)
    monkeypatch.setattr(sealed.secrets, "token_bytes", fails)
    with pytest.raises(OSError, match="Input/output"):
        seal_value(KEY, KID, b"secret", "a|b|1")
    with pytest.raises(OSError, match="Input/output"):
        seal_file(tmp_path / "plain", tmp_path / "sealed", pair.public, AAD)
    assert [p.name for p in tmp_path.iterdir()] == ["plain"]


def test_a_nonce_used_twice_gives_the_difference_away(monkeypatch):
    """Negative control: why nonces are the operating system's random numbers."""
    monkeypatch.setattr(sealed.secrets, "token_bytes", bytes)
    one, other = (seal_value(KEY, KID, v, "a|b|1").split("|")[3] for v in (b"aaaa", b"abba"))
    mixed = (int.from_bytes(sealed._bytes(v), "big") for v in (one, other))
    assert (next(mixed) ^ next(mixed)).to_bytes(4, "big") == b"\0\3\3\0"
