"""SM3, HMAC-SM3 and PBKDF2-HMAC-SM3 against what is published and what can be worked out."""

from __future__ import annotations

import hashlib

import pytest

from security.sm import hmac_sm3, pbkdf2_sm3, sm3, sm3_hex

# GB/T 32905-2016, appendix A.
DIGESTS = [
    (b"abc", "66c7f0f462eeedd9d1f2d46bdc10e4e24167c4875cf2f7a2297da02b8f4ba8e0"),
    (b"abcd" * 16, "debe9ff92275b8a138604889c18e5a4d6fdb70e5387e5765293dcba39c0c5732"),
]
# GM/T 0042-2015, appendix D.
CODES = [
    (
        bytes(range(1, 33)),
        b"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq" * 2,
        "ca05e144ed05d1857840d1f318a4a8669e559fc8391f414485bfdf7bb408963a",
    ),
    (
        bytes(range(1, 38)),
        b"\xcd" * 50,
        "220bf579ded555393f0159f66c99877822a3ecf610d1552154b41d44b94db3ae",
    ),
    (
        b"\x0b" * 32,
        b"Hi There",
        "c0ba18c68b90c88bc07de794bfc7d2c8d19ec31ed8773bc2b390c9604e0be11e",
    ),
    (
        b"Jefe",
        b"what do ya want for nothing?",
        "2e87f1d16862e6d964b50a5200bf2b10b764faa9680a296a2405f24bec39f882",
    ),
]


def plain_hmac(key: bytes, body: bytes) -> bytes:
    """HMAC as GM/T 0042 words it, of the digest alone."""
    padded = (hashlib.new("sm3", key).digest() if len(key) > 64 else key).ljust(64, b"\0")
    inner = hashlib.new("sm3", bytes(b ^ 0x36 for b in padded) + body).digest()
    return hashlib.new("sm3", bytes(b ^ 0x5C for b in padded) + inner).digest()


def plain_pbkdf2(password: bytes, salt: bytes, rounds: int) -> bytes:
    """The first block of PBKDF2, which is as long as the digest."""
    turn = plain_hmac(password, salt + b"\0\0\0\1")
    found = int.from_bytes(turn, "big")
    for _ in range(rounds - 1):
        turn = plain_hmac(password, turn)
        found ^= int.from_bytes(turn, "big")
    return found.to_bytes(32, "big")


@pytest.mark.parametrize(("body", "digest"), DIGESTS)
def test_sm3_gives_the_published_digests(body, digest):
    assert sm3(body).hex() == digest
    assert sm3_hex(body) == digest


@pytest.mark.parametrize(("key", "body", "code"), CODES)
def test_hmac_sm3_gives_the_published_codes(key, body, code):
    assert hmac_sm3(key, body).hex() == code
    assert plain_hmac(key, body).hex() == code


@pytest.mark.parametrize("length", [0, 1, 63, 64, 65, 200])
def test_hmac_sm3_takes_keys_of_every_length(length):
    key = bytes(n % 251 for n in range(length))
    assert hmac_sm3(key, b"body") == plain_hmac(key, b"body")


@pytest.mark.parametrize("rounds", [1, 2, 1000])
@pytest.mark.parametrize("password", [b"", b"password", b"x" * 65, "密码".encode()])
@pytest.mark.parametrize("salt", [b"", b"0123456789abcdef"])
def test_pbkdf2_sm3_is_hmac_sm3_over_and_over(password, salt, rounds):
    assert pbkdf2_sm3(password, salt, rounds) == plain_pbkdf2(password, salt, rounds)
