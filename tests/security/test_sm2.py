"""SM2: two opinions on every signature, and nothing malformed reaches either library."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
import threading
from pathlib import Path

import gmssl_pyx
import pytest

from security import sm
from security.sm import (
    LONGEST_SIGNED,
    KeyPair,
    Refused,
    Unavailable,
    Verdict,
    sm2_decrypt,
    sm2_encrypt,
    sm2_id,
    sm2_new,
    sm2_pair,
    sm2_public,
    sm2_sign,
    sm2_verify,
)
from tests.security.der import integer, sealed, signature, value

GOOD, BAD = Verdict(valid=True, agreed=True), Verdict(valid=False, agreed=True)
R, S, N, P = sm._R, sm._S, sm._N, sm._P
MESSAGE, PUBLIC = sm._MESSAGE, sm._PUBLIC
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture(scope="module")
def pair():
    return sm2_new()


@pytest.fixture
def asked(monkeypatch):
    """Which libraries were asked."""
    calls = []
    for name in ("_first_says", "_second_says"):
        right = getattr(sm, name)
        monkeypatch.setattr(sm, name, lambda *a, n=name, r=right: calls.append(n) or r(*a))
    return calls


def test_the_published_signature_is_good_for_both(asked):
    assert sm2_verify(PUBLIC, MESSAGE, signature(R, S)) == GOOD
    assert sorted(asked) == ["_first_says", "_second_says"]


def test_what_is_signed_is_verified_and_what_is_changed_is_not(pair):
    made = sm2_sign(pair, MESSAGE)
    assert sm2_verify(pair.public, MESSAGE, made) == GOOD
    assert sm2_verify(pair.public, MESSAGE + b" ", made) == BAD
    assert sm2_verify(sm2_new().public, MESSAGE, made) == BAD
    assert sm2_verify(pair.public, b"", made) == BAD


def test_two_signatures_of_the_same_are_never_the_same(pair):
    assert len({sm2_sign(pair, MESSAGE) for _ in range(20)}) == 20


MALFORMED = {  # row 11
    "empty": b"",
    "junk": b"\x17" * 70,
    "raw": bytes.fromhex(f"{R:064x}{S:064x}"),
    "raw in hexadecimal with prefix": f"04{R:064x}{S:064x}".encode(),
    "r = 0": signature(0, S),
    "s = 0": signature(R, 0),
    "r = n": signature(N, S),
    "s = n": signature(R, N),
    "r + n": signature(R + N, S),
    "s + n": signature(R, S + N),
    "r + s = n": signature(R, N - R),
    "r huge": signature(1 << 4000, S),
    "negative r": value(0x30, value(2, R.to_bytes(32, "big")) + integer(S)),
    "long r": value(0x30, value(2, b"\0\0" + R.to_bytes(32, "big")) + integer(S)),
    "no digits": value(0x30, value(2, b"") + integer(S)),
    "trailing byte": signature(R, S) + b"\0",
    "trailing inside": value(0x30, integer(R) + integer(S) + b"\0"),
    "third number": value(0x30, integer(R) + integer(S) + integer(1)),
    "one number": value(0x30, integer(R)),
    "a set": value(0x31, integer(R) + integer(S)),
    "long length": b"\x30\x81" + signature(R, S)[1:],
    "longer length": b"\x30\x82\0" + signature(R, S)[1:],
    "no length": b"\x30\x80" + signature(R, S)[2:] + b"\0\0",
    "endless length": b"\x30\x89" + b"\xff" * 9 + signature(R, S)[2:],
    "cut": signature(R, S)[:-1],
    "only a tag": b"\x30",
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_signature_reaches_no_library(name, asked, capfd):
    assert sm2_verify(PUBLIC, MESSAGE, MALFORMED[name]) == BAD
    assert asked == []
    assert capfd.readouterr().err == ""


def test_without_our_reading_a_signature_has_two_forms():
    """Negative control: the second library takes a signature with a byte more."""
    judge = sm.second_sm2.CryptSM2(private_key="", public_key="")
    judge.public_key = PUBLIC.hex()
    assert judge.verify_with_sm3(f"{R:064x}{S:064x}00", MESSAGE)


POINTS = {
    "empty": b"",
    "short": PUBLIC[:-1],
    "with prefix": b"\x04" + PUBLIC,
    "not on the curve": PUBLIC[:-1] + b"\x14",
    "zero": bytes(64),
    "ones": b"\x11" * 64,
    "x + p": (1 + P).to_bytes(32, "big") + PUBLIC[32:],
    "y beyond": PUBLIC[:32] + b"\xff" * 32,
}


@pytest.mark.parametrize("name", POINTS)
def test_what_is_no_public_key_reaches_no_library(name, asked, capfd):
    assert sm2_verify(POINTS[name], MESSAGE, signature(R, S)) == BAD
    assert asked == []
    with pytest.raises(Refused):
        sm2_public(POINTS[name])
    with pytest.raises(Refused):
        sm2_encrypt(POINTS[name], b"k")
    assert capfd.readouterr().err == ""


def starting_with(digits):
    while not (found := sm2_new()).public.hex().startswith(digits):
        pass
    return found


def test_a_key_whose_digits_begin_with_04_is_a_key():
    tricky = starting_with("04")
    assert sm2_verify(tricky.public, MESSAGE, sm2_sign(tricky, MESSAGE)) == GOOD
    # negative control: the second library's constructor loses its first digits
    lost = sm.second_sm2.CryptSM2(private_key="", public_key=tricky.public.hex())
    assert len(lost.public_key) < 128


# Two opinions


@pytest.mark.parametrize("liar", ["_first_says", "_second_says"])
def test_a_difference_of_opinion_is_invalid_and_told(monkeypatch, pair, liar):  # row 65
    made = sm2_sign(pair, MESSAGE)
    with monkeypatch.context() as patched:
        patched.setattr(sm, liar, lambda *_: False)
        assert sm2_verify(pair.public, MESSAGE, made) == Verdict(valid=False, agreed=False)
    with monkeypatch.context() as patched:
        patched.setattr(sm, liar, lambda *_: True)
        assert sm2_verify(pair.public, b"other", made) == Verdict(valid=False, agreed=False)


def test_with_one_opinion_a_lie_would_be_believed(monkeypatch, pair):
    """Negative control: where both come from the library that lies, the lie passes."""
    made = sm2_sign(pair, MESSAGE)
    monkeypatch.setattr(sm, "_first_says", lambda *_: True)
    monkeypatch.setattr(sm, "_second_says", lambda public, message, *_: True)
    assert sm2_verify(pair.public, b"other", made).valid


def test_a_second_library_that_stumbles_says_no(monkeypatch, pair):
    def stumbles(*_):
        raise TypeError

    monkeypatch.setattr(sm.second_sm2.CryptSM2, "verify_with_sm3", stumbles)
    made = sm2_sign(pair, MESSAGE)
    assert sm2_verify(pair.public, MESSAGE, made) == Verdict(valid=False, agreed=False)


# The standard error


def test_forged_signatures_write_nothing_but_what_others_write_stays(pair, capfd):
    made = sm2_sign(pair, MESSAGE)
    stop = threading.Event()
    lines = []

    def other():
        while not stop.is_set():
            lines.append(f"line {len(lines)}\n")
            os.write(2, lines[-1].encode())
            stop.wait(0.001)

    writer = threading.Thread(target=other)
    writer.start()
    for n in range(20):
        assert sm2_verify(pair.public, b"forged %d" % n, made) == BAD
    stop.set()
    writer.join()
    assert sorted(capfd.readouterr().err.splitlines(True)) == sorted(lines)


def test_without_the_silence_every_forgery_writes_a_line(pair, capfd):
    """Negative control."""
    assert not gmssl_pyx.sm2_verify(pair.public, b"forged", sm2_sign(pair, MESSAGE))
    assert ".c:" in capfd.readouterr().err


def test_a_failed_decryption_writes_nothing(pair, capfd):
    made = sm2_encrypt(pair.public, b"k" * 16)
    with pytest.raises(Refused):
        sm2_decrypt(sm2_new().private, made)
    assert capfd.readouterr().err == ""


# Messages, keys


def test_a_long_message_is_not_signed_nor_verified(pair, asked):
    longest = b"m" * LONGEST_SIGNED
    made = sm2_sign(pair, longest)
    assert sm2_verify(pair.public, longest, made) == GOOD
    asked.clear()
    assert sm2_verify(pair.public, longest + b"m", made) == BAD
    assert asked == []
    with pytest.raises(ValueError, match="16385"):
        sm2_sign(pair, longest + b"m")


def test_a_pair_goes_out_and_comes_back_as_bytes(pair):
    assert (len(pair.private), len(pair.public)) == (32, 64)
    assert sm2_pair(pair.private, pair.public) == pair
    assert len(sm2_id(pair.public)) == 16


def test_halves_that_do_not_belong_together_are_no_pair(pair):
    with pytest.raises(Refused):
        sm2_pair(pair.private, sm2_new().public)
    with pytest.raises(Refused):
        sm2_sign(KeyPair(sm2_new().public, pair.private), MESSAGE)


@pytest.mark.parametrize(
    "private",
    [b"", bytes(32), b"\xff" * 32, N.to_bytes(32, "big"), (N - 1).to_bytes(32, "big"), b"\1" * 31],
)
def test_what_is_no_private_key_is_refused(private, pair):
    with pytest.raises(Refused):
        sm2_pair(private, pair.public)
    with pytest.raises(Refused):
        sm2_decrypt(private, sm2_encrypt(pair.public, b"k"))


def test_the_private_half_is_never_shown(pair):
    shown = f"{pair!r} {pair}"
    assert pair.private.hex() not in shown
    assert repr(pair.private) not in shown


# Encryption


@pytest.mark.parametrize("size", [1, 2, 16, 32, 127, 128, 200, 254, 255])
def test_what_is_encrypted_is_decrypted(pair, size):
    plain = secrets.token_bytes(size)
    made = sm2_encrypt(pair.public, plain)
    assert made[0] == 0x30
    assert sm2_decrypt(pair.private, made) == plain


@pytest.mark.parametrize("size", [0, 256])
def test_too_little_or_too_much_is_not_encrypted(pair, size):
    with pytest.raises(ValueError, match=str(size)):
        sm2_encrypt(pair.public, bytes(size))


def test_every_flipped_bit_of_a_ciphertext_is_refused(pair, full):
    made = sm2_encrypt(pair.public, b"k" * 16)
    for at in range(0, 8 * len(made), 1 if full else 5):
        changed = bytearray(made)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(Refused):
            sm2_decrypt(pair.private, bytes(changed))


X, Y = (int.from_bytes(PUBLIC[n : n + 32], "big") for n in (0, 32))
CIPHERTEXTS = {
    "empty": b"",
    "raw": secrets.token_bytes(112),
    "off the curve": sealed(X, Y + 1, bytes(32), b"k"),
    "one": sealed(1, 1, bytes(32), b"k"),
    "x + p": sealed(X + P, Y, bytes(32), b"k"),
    "short digest": sealed(X, Y, bytes(31), b"k"),
    "nothing in it": sealed(X, Y, bytes(32), b""),
    "too much in it": sealed(X, Y, bytes(32), bytes(256)),
    "trailing": sealed(X, Y, bytes(32), b"k") + b"\0",
    "two lengths": b"\x30\x82\0" + sealed(X, Y, bytes(32), bytes(60))[1:],
}


@pytest.mark.parametrize("name", CIPHERTEXTS)
def test_a_malformed_ciphertext_reaches_no_library(name, pair, monkeypatch):
    monkeypatch.setattr(gmssl_pyx, "sm2_decrypt", lambda *_: pytest.fail("asked"))
    with pytest.raises(Refused):
        sm2_decrypt(pair.private, CIPHERTEXTS[name])


def test_the_second_library_opens_what_was_changed(pair):
    """Negative control: why it never decrypts here."""
    judge = sm.second_sm2.CryptSM2(private_key=pair.private.hex(), public_key="", mode=1)
    judge.public_key = pair.public.hex()
    raw = judge.encrypt(b"twelve signs")
    assert judge.decrypt(raw[:64] + bytes(32) + raw[96:]) == b"twelve signs"


# Random numbers (row 61)

NO_RANDOM = """
import resource, secrets
from security import sm
pair = sm.sm2_new()
resource.setrlimit(resource.RLIMIT_NOFILE, (3, 3))  # /dev/urandom cannot be opened any more
for job in (sm.sm2_new, lambda: sm.sm2_sign(pair, b"m"), lambda: sm.sm2_encrypt(pair.public, b"m")):
    try:
        job()
    except sm.Unavailable as error:
        print(type(error).__name__)
"""


def test_without_random_numbers_nothing_is_made():
    done = subprocess.run(
        [sys.executable, "-c", NO_RANDOM], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.split() == ["Unavailable"] * 3
    assert "limit of open files" in Unavailable().told("en")


def in_children(job, count=4):
    """What each of some forked children gives."""
    given = []
    for _ in range(count):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(writer, job())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader, "rb") as file:
            given.append(file.read())
        os.waitpid(child, 0)
    return given


def test_forked_children_repeat_no_random_number(pair):
    made = in_children(lambda: sm2_sign(pair, MESSAGE) + sm2_encrypt(pair.public, b"k"))
    made += in_children(lambda: sm2_new().public)
    assert all(made)
    assert len(set(made)) == 8
    nonces = in_children(lambda: secrets.token_bytes(12))
    assert len(set(nonces)) == 4


def test_children_of_another_generator_repeat_each_other():
    """Negative control: a generator that keeps its state in memory."""
    import random

    generator = random.Random(1)
    assert len(set(in_children(lambda: generator.randbytes(12)))) == 1
