"""DER written without care for its rules, so that tests can break each of them."""

from __future__ import annotations

from security import sm


def value(tag, body):
    size = len(body)
    if size < 0x80:
        return bytes([tag, size]) + body
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes([tag, 0x80 | len(length)]) + length + body


def integer(number):
    return value(2, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def signature(r, s):
    return value(0x30, integer(r) + integer(s))


def sealed(x, y, digest, cipher):
    return value(0x30, integer(x) + integer(y) + value(4, digest) + value(4, cipher))


def raw_ciphertext(der):
    """C1 ‖ C3 ‖ C2 of a ciphertext in DER."""
    x, rest = sm._integer(sm._whole(der, 0x30))
    y, rest = sm._integer(rest)
    digest, rest = sm._value(rest, 4)
    cipher, rest = sm._value(rest, 4)
    assert not rest
    return x.to_bytes(32, "big") + y.to_bytes(32, "big") + digest + cipher
