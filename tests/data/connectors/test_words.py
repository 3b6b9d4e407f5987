"""Numbers out of bytes: every order is proved by bytes that others put on the wire."""

import struct
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.connectors.base import BYTE_ORDERS
from data.connectors.words import (
    arranged,
    decoded,
    every_order,
    example,
    not_implemented,
    orders_that_fit,
)

# What libmodbus's set_float_abcd/dcba/badc/cdab of 229.01 put on the wire, by its own names; by
# significance these are other orders: a word of a vendor proves nothing (connectors.md §2).
LIBMODBUS = {"BADC": "65438f02", "CDAB": "028f4365", "ABCD": "4365028f", "DCBA": "8f026543"}


@pytest.mark.parametrize(("order", "wire"), LIBMODBUS.items())
def test_a_single_by_every_order(order, wire):
    raw = bytes.fromhex(wire)
    assert decoded(raw, "f32", order) == Decimal("229.01")
    assert dict(every_order(raw, "f32"))[order] == Decimal("229.01")
    others = [value for name, value in every_order(raw, "f32") if name != order]
    assert Decimal("229.01") not in others


@pytest.mark.parametrize(
    ("raw", "dtype", "value"),
    [
        ("ffff", "u16", 65535),
        ("ffff", "s16", -1),
        ("fffffffe", "s32", -2),
        ("fffffffe", "u32", 4294967294),
        ("0000000100000000", "u64", 1 << 32),
        ("ffffffffffffffff", "s64", -1),
        ("12345678", "bcd32", 12345678),
        ("9999", "bcd16", 9999),
        ("3ff8000000000000", "f64", Decimal("1.5")),
    ],
)
def test_whole_numbers_and_others(raw, dtype, value):
    assert decoded(bytes.fromhex(raw), dtype) == value


def test_a_bit_of_a_word():
    assert [decoded(b"\x00\x05", "bit", bit=n) for n in range(4)] == [1, 0, 1, 0]


@pytest.mark.parametrize("raw", ["7fc00000", "7f800000"])
def test_no_number_is_none(raw):
    assert decoded(bytes.fromhex(raw), "f32") is None


def test_digits_that_are_none():
    assert decoded(b"\x1a\x00", "bcd16") is None


@given(st.floats(width=32, allow_nan=False, allow_infinity=False), st.sampled_from(BYTE_ORDERS))
def test_a_single_comes_back_from_every_order(value, order):
    wire = arranged(struct.pack(">f", value), order)
    found = decoded(wire, "f32", order)
    assert struct.pack(">f", float(found)) == struct.pack(">f", value) or value == 0


@given(st.binary(min_size=8, max_size=8), st.sampled_from(BYTE_ORDERS))
def test_an_order_undoes_itself(raw, order):
    assert arranged(arranged(raw, order), order) == raw


@pytest.mark.parametrize(
    ("raw", "dtype", "absent"),
    [("8000", "s16", True), ("ffff", "u16", True), ("ffffffff", "u32", True),
     ("80000000", "s32", True), ("7fff", "s16", False), ("ffff", "s16", False)],
)  # fmt: skip
def test_sunspec_words_for_not_implemented(raw, dtype, absent):
    assert not_implemented(bytes.fromhex(raw), dtype, "ABCD") is absent


def test_an_example_names_its_order():
    shown = example("229.01 = 43 65 02 8F")
    assert orders_that_fit(shown, "f32", Decimal(1), Decimal(0)) == ["ABCD"]
    swapped = example("229.01=0x028F 0x4365")
    assert orders_that_fit(swapped, "f32", Decimal(1), Decimal(0)) == ["CDAB"]
    scaled = example("12.34 = 00 00 04 D2")
    assert orders_that_fit(scaled, "u32", Decimal("0.01"), Decimal(0)) == ["ABCD"]


@pytest.mark.parametrize("words", ["", "229.01", "x = 00", "1 = 0"])
def test_what_is_no_example_is_refused(words):
    with pytest.raises(ValueError, match="十六进制"):
        example(words)


def test_an_example_of_another_width_is_refused():
    with pytest.raises(ValueError, match="字节数"):
        orders_that_fit(example("1 = 00 01"), "u32", Decimal(1), Decimal(0))
