"""The published answers in two libraries each, and the libraries against each other."""

from __future__ import annotations

import secrets
import time

import gmssl_pyx
import psutil
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, modes
from cryptography.hazmat.primitives.ciphers.algorithms import SM4
from cryptography.hazmat.primitives.hashes import SM3
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from gmssl import sm4 as gmssl_sm4
from gmssl.sm2 import CryptSM2

from security import sm
from security.sm import (
    Broken,
    Refused,
    Verdict,
    hkdf_sm3,
    known_answers,
    refuse_broken,
    sm2_decrypt,
    sm2_encrypt,
    sm2_new,
    sm2_sign,
    sm2_verify,
    sm4_gcm_open,
    sm4_gcm_seal,
)
from tests.security.der import raw_ciphertext, sealed, signature

# GB/T 32907, appendix A.2: the key is the first plaintext, encrypted a million times.
SM4_MANY = "595298c7c6fd271f0402f804c33d3f66"
KEY = bytes.fromhex("0123456789abcdeffedcba9876543210")


@pytest.fixture(scope="module")
def many(full):
    return 200 if full else 12


def second(pair):
    judge = CryptSM2(private_key=pair.private.hex(), public_key="", mode=1)
    judge.public_key = pair.public.hex()
    return judge


# Known answers


def test_every_library_gives_the_published_answers():
    answers = known_answers()
    assert [name for name, right in answers if not right] == []
    asked = " ".join(name for name, _ in answers)
    for standard in ("32905", "32907", "8998", "32918.5 signature", "32918.5 decryption"):
        assert standard in asked
    for library in ("hashlib", "cryptography", "gmssl)", "gmssl-pyx"):
        assert library in asked


def test_known_answers_are_fast_enough_for_every_start():
    known_answers()
    best = min(_seconds(known_answers) for _ in range(5))
    assert best < 0.2


def _seconds(job):
    began = time.perf_counter()
    job()
    return time.perf_counter() - began


def _flipped(body):
    return bytes([body[0] ^ 1]) + body[1:]


class Swapped:
    """A library in which one function answers something else."""

    def __init__(self, library, **instead):
        self._library = library
        for name, value in instead.items():
            setattr(self, name, value)

    def __getattr__(self, name):
        return getattr(self._library, name)


def _raises(*_):
    raise MemoryError


BREAKS = {
    "sm3": ("hashlib", "new", lambda right: lambda n, b=b"": right("sha256", b), "SM3"),
    "second sm3": ("second_sm3", "sm3_hash", lambda right: lambda b: right([*b, 0]), "(gmssl)"),
    "sm4": ("sm4_gcm_seal", None, lambda r: lambda *a: _flipped(r(*a)), "SM4-GCM"),
    "open": ("sm4_gcm_open", None, lambda _: lambda *_: sm._GCM_PLAIN, "SM4-GCM"),
    "pyx gcm": ("gmssl_pyx", "sm4_gcm_encrypt", lambda _: _raises, "(gmssl-pyx)"),
    "pyx verify": ("gmssl_pyx", "sm2_verify", lambda _: lambda *_: True, "(both)"),
    "pyx never": ("gmssl_pyx", "sm2_verify", lambda _: lambda *_: False, "(gmssl-pyx)"),
    "pyx decrypt": ("gmssl_pyx", "sm2_decrypt", lambda _: lambda *_: b"x", "decryption"),
    "second verify": ("_second_says", None, lambda _: lambda *_: False, "(gmssl)"),
}


@pytest.mark.parametrize("broken", BREAKS)
def test_a_broken_library_starts_nothing(monkeypatch, broken):  # row 60
    where, function, instead, named = BREAKS[broken]
    right = getattr(sm, where)
    if function is None:
        monkeypatch.setattr(sm, where, instead(right))
    else:
        swapped = Swapped(right, **{function: instead(getattr(right, function))})
        monkeypatch.setattr(sm, where, swapped)
    with pytest.raises(Broken) as refused:
        refuse_broken()
    assert any(named in name for name in refused.value.names)
    assert named in refused.value.told("en")
    # negative control: without the answers the same library starts
    monkeypatch.setattr(sm, "_QUESTIONS", {})
    refuse_broken()


def test_sm4_a_million_times_in_the_first_library():
    cipher, block = Cipher(SM4(KEY), modes.ECB()).encryptor(), KEY
    for _ in range(1_000_000):
        block = cipher.update(block)
    assert block.hex() == SM4_MANY


def test_sm4_many_times_in_the_second_library(full):
    rounds = 1_000_000 if full else 500
    cipher, first = Cipher(SM4(KEY), modes.ECB()).encryptor(), KEY
    other, block = gmssl_sm4.CryptSM4(), list(KEY)
    other.set_key(KEY, gmssl_sm4.SM4_ENCRYPT)
    for _ in range(rounds):
        first, block = cipher.update(first), other.one_round(other.sk, block)
    assert bytes(block) == first
    assert not full or first.hex() == SM4_MANY


@pytest.mark.parametrize("length", [1, 16, 32, 33, 64, 200, 8160])
@pytest.mark.parametrize("salt", [b"", b"salt", b"s" * 80])
def test_hkdf_is_that_of_the_other_library(length, salt):
    key, info = secrets.token_bytes(32), b"carbon|field"
    other = HKDF(SM3(), length, salt or None, info).derive(key)
    assert hkdf_sm3(key, salt, info, length) == other


@pytest.mark.parametrize("length", [0, -1, 8161])
def test_hkdf_gives_no_other_length(length):
    with pytest.raises(ValueError, match=str(length)):
        hkdf_sm3(b"k", b"", b"", length)


# The libraries against each other


def test_gcm_is_the_same_in_two_libraries(full):
    for size in range(1, 300, 1 if full else 23):
        for bound in range(0, 40, 1 if full else 13):
            key, nonce = secrets.token_bytes(16), secrets.token_bytes(12)
            plain, aad = secrets.token_bytes(size), secrets.token_bytes(bound)
            made = sm4_gcm_seal(key, nonce, plain, aad)
            assert made == b"".join(gmssl_pyx.sm4_gcm_encrypt(key, nonce, aad, plain))
            assert gmssl_pyx.sm4_gcm_decrypt(key, nonce, aad, made[:-16], made[-16:]) == plain
            assert sm4_gcm_open(key, nonce, made, aad) == plain


def test_gcm_seals_nothing_at_all():
    made = sm4_gcm_seal(KEY, bytes(12), b"", b"aad")
    assert len(made) == 16
    assert sm4_gcm_open(KEY, bytes(12), made, b"aad") == b""


@pytest.mark.parametrize(("key", "nonce"), [(15, 12), (17, 12), (32, 12), (16, 11), (16, 16)])
def test_gcm_takes_no_other_lengths(key, nonce):
    with pytest.raises(ValueError, match="length"):
        sm4_gcm_seal(bytes(key), bytes(nonce), b"x", b"")
    with pytest.raises(ValueError, match="length"):
        sm4_gcm_open(bytes(key), bytes(nonce), bytes(17), b"")


def test_gcm_opens_nothing_that_was_changed():
    made = sm4_gcm_seal(KEY, bytes(12), b"secret reading", b"aad")
    for at in range(8 * len(made)):
        changed = bytearray(made)
        changed[at // 8] ^= 1 << at % 8
        with pytest.raises(Refused):
            sm4_gcm_open(KEY, bytes(12), bytes(changed), b"aad")
    for bad in (made[:-1], made + b"\0", b"", made[:15]):
        with pytest.raises(Refused):
            sm4_gcm_open(KEY, bytes(12), bad, b"aad")
    with pytest.raises(Refused):
        sm4_gcm_open(KEY, bytes(12), made, b"aae")
    with pytest.raises(Refused):
        sm4_gcm_open(KEY, b"\1" * 12, made, b"aad")


def test_the_second_library_verifies_what_the_first_signs(many):
    for n in range(many):
        pair, message = sm2_new(), secrets.token_bytes(n)
        numbers = sm._signature_numbers(sm2_sign(pair, message))
        assert second(pair).verify_with_sm3("{:064x}{:064x}".format(*numbers), message)


def test_the_first_library_verifies_what_the_second_signs(many):
    for n in range(many):
        pair, message = sm2_new(), secrets.token_bytes(n)
        made = second(pair).sign_with_sm3(message, secrets.token_hex(32))
        der = signature(int(made[:64], 16), int(made[64:], 16))
        assert sm2_verify(pair.public, message, der) == Verdict(valid=True, agreed=True)


def test_the_second_library_decrypts_what_the_first_encrypts(many):
    for n in range(many):
        pair, plain = sm2_new(), secrets.token_bytes(4 + n)
        assert second(pair).decrypt(raw_ciphertext(sm2_encrypt(pair.public, plain))) == plain


def test_the_first_library_decrypts_what_the_second_encrypts(many):
    for n in range(many):
        pair, plain = sm2_new(), secrets.token_bytes(4 + n)
        raw = second(pair).encrypt(plain)
        parts = (int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:64], "big"))
        assert sm2_decrypt(pair.private, sealed(*parts, raw[64:96], raw[96:])) == plain


# Soak


def test_the_native_library_does_not_eat_memory(full):
    rounds, process = 2000 if full else 60, psutil.Process()
    pair = sm2_new()

    def turn():
        made = sm2_sign(pair, b"message")
        assert gmssl_pyx.sm2_verify(pair.public, b"message", made)
        assert not sm2_verify(pair.public, b"massage", made).valid
        wrapped = sm2_encrypt(pair.public, b"k" * 16)
        assert sm2_decrypt(pair.private, wrapped) == b"k" * 16
        with pytest.raises(Refused):
            sm2_decrypt(pair.private, wrapped[:-1] + bytes([wrapped[-1] ^ 1]))

    for _ in range(20):
        turn()
    before, files = process.memory_info().rss, process.num_fds()
    for _ in range(rounds):
        turn()
    assert process.memory_info().rss - before < 8 << 20
    assert process.num_fds() == files
