"""IEC 60870-5-104 frames, written out by hand from the standard's layout (F19)."""

from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.connectors import iec104_codec as codec
from data.connectors.iec104_codec import Apdu, Flag, Unnumbered
from data.connectors.wire import WireError


def cut(raw):
    return list(codec.Cutter().feed(bytes.fromhex(raw)))


def items(raw):
    return codec.asdu(bytes.fromhex(raw)).items


@pytest.mark.parametrize(
    ("raw", "apdu"),
    [
        ("68 04 07 00 00 00", Apdu(Unnumbered.STARTDT)),
        ("68 04 0B 00 00 00", Apdu(Unnumbered.STARTDT_CON)),
        ("68 04 43 00 00 00", Apdu(Unnumbered.TESTFR)),
        ("68 04 83 00 00 00", Apdu(Unnumbered.TESTFR_CON)),
        ("68 04 01 00 10 00", Apdu(receive=8)),
        ("68 04 01 00 FE FF", Apdu(receive=32767)),
    ],
)
def test_frames_without_data(raw, apdu):
    assert cut(raw) == [apdu]
    wire = codec.unnumbered(apdu.control) if apdu.control else codec.supervisory(apdu.receive)
    assert wire == bytes.fromhex(raw)


def test_the_interrogations_are_the_standards():
    general = codec.information(0, 0, codec.general_interrogation(1))
    assert general == bytes.fromhex("68 0E 00 00 00 00 64 01 06 00 01 00 00 00 00 14")
    counters = codec.information(1, 2, codec.counter_interrogation(0x1234))
    assert counters == bytes.fromhex("68 0E 02 00 04 00 65 01 06 00 34 12 00 00 00 05")


def test_a_whole_frame_with_a_float():
    # M_ME_NC_1, cause 20 (interrogated), station 1, object 16385: 229.01 = 43 65 02 8F.
    raw = "68 12 02 00 02 00 0D 01 14 00 01 00 01 40 00 8F 02 65 43 00"
    (apdu,) = cut(raw)
    assert (apdu.send, apdu.receive) == (1, 1)
    unit = codec.asdu(apdu.asdu)
    assert (unit.type_id, unit.cause, unit.common, unit.known) == (13, 20, 1, True)
    assert unit.items == (codec.Item(16385, Decimal("229.01"), Flag(0)),)


HEAD = "{:02X} {:02X} 03 00 01 00 "


@pytest.mark.parametrize(
    ("type_id", "element", "value", "flags"),
    [
        (1, "01", "1", 0),
        (1, "80", "0", Flag.INVALID),
        (1, "51", "1", Flag.NOT_TOPICAL | Flag.BLOCKED),
        (3, "01", "0", 0),
        (3, "02", "1", 0),
        (3, "00", None, 0),
        (3, "A3", None, Flag.INVALID | Flag.SUBSTITUTED),
        (9, "00 40 00", "0.5", 0),
        (9, "00 80 00", "-1", 0),
        (9, "FF 7F 01", "0.999969482421875", Flag.OVERFLOW),
        (11, "39 30 00", "12345", 0),
        (11, "C7 CF 80", "-12345", Flag.INVALID),
        (13, "00 00 80 3F 00", "1", 0),
        (13, "CD CC CC 3D 20", "0.1", Flag.SUBSTITUTED),
        (13, "00 00 C0 7F 00", None, 0),
        (13, "00 00 80 7F 01", None, Flag.OVERFLOW),
        (15, "40 E2 01 00 00", "123456", 0),
        (15, "40 E2 01 00 1F", "123456", 0),
        (15, "FF FF FF FF E0", "-1", Flag.INVALID | Flag.ADJUSTED | Flag.CARRY),
    ],
)
def test_every_type_with_and_without_a_time_tag(type_id, element, value, flags):
    expected = None if value is None else Decimal(value)
    (plain,) = items(HEAD.format(type_id, 1) + "01 40 00" + element)
    assert plain == codec.Item(16385, expected, Flag(flags))
    stamped = {1: 30, 3: 31, 9: 34, 11: 35, 13: 36, 15: 37}[type_id]
    # 2026-11-26 13:45:09.250, a Thursday (4 in the three bits above the day).
    (tagged,) = items(HEAD.format(stamped, 1) + "01 40 00" + element + "22 24 2D 0D 9A 0B 1A")
    assert (tagged.value, tagged.flags) == (expected, Flag(flags))
    assert tagged.stamp == codec.Stamp(datetime(2026, 11, 26, 13, 45, 9, 250000), False, False)


def test_objects_in_a_row_count_on_from_the_first():
    in_row = items(HEAD.format(11, 0x83) + "01 40 00" + "01 00 00" + "02 00 80" + "03 00 00")
    single = items(
        HEAD.format(11, 3) + "01 40 00 01 00 00" + "02 40 00 02 00 80" + "03 40 00 03 00 00"
    )
    assert in_row == single
    assert [(i.address, i.value, i.flags) for i in in_row] == [
        (16385, 1, 0), (16386, 2, Flag.INVALID), (16387, 3, 0),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("tag", "at", "invalid", "summer"),
    [
        ("22 24 AD 0D 9A 0B 1A", datetime(2026, 11, 26, 13, 45, 9, 250000), True, False),
        ("22 24 2D 8D 9A 0B 1A", datetime(2026, 11, 26, 13, 45, 9, 250000), False, True),
        ("00 00 00 00 00 00 00", None, False, False),
        ("FF FF FF FF FF FF FF", None, True, True),
    ],
)
def test_a_time_that_cannot_be_trusted_says_so(tag, at, invalid, summer):
    stamp = codec.stamp(bytes.fromhex(tag))
    assert (stamp.at, stamp.invalid, stamp.summer) == (at, invalid, summer)
    assert not stamp.usable


def test_an_unknown_type_is_told_not_fatal():
    unit = codec.asdu(bytes.fromhex("7D 01 0D 00 01 00 00 00 00 01 02 03"))
    assert (unit.type_id, unit.known, unit.items) == (125, False, ())


@pytest.mark.parametrize("type_id", [70, 100, 101])
def test_what_answers_our_own_questions_is_known(type_id):
    unit = codec.asdu(bytes([type_id, 1, 0x47, 0, 1, 0, 0, 0, 0, 20]))
    assert (unit.known, unit.negative, unit.cause) == (True, True, 7)


@pytest.mark.parametrize(
    "raw",
    [
        "0D 01 14 00 01",  # head cut short
        "0D 02 14 00 01 00 01 40 00 8F 02 65 43 00",  # two told, one there
        "0D 00 14 00 01 00",  # none told
        "0D 01 14 00 01 00 01 40 00 8F 02 65 43",  # quality missing
    ],
)
def test_an_asdu_that_does_not_fit_is_refused(raw):
    with pytest.raises(WireError):
        codec.asdu(bytes.fromhex(raw))


@pytest.mark.parametrize(
    "raw", ["16 04 07 00 00 00", "68 03 07 00 00", "68 FE 00 00", "68 04 FF 00 00 00",
            "68 05 01 00 00 00 00"],
)  # fmt: skip
def test_a_stream_that_is_none_is_refused(raw):
    with pytest.raises(WireError):
        cut(raw)


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_a_float_comes_back_to_its_bytes(value):
    import struct

    raw = struct.pack("<f", value)
    assert struct.pack("<f", float(codec.float_value(raw))) in (raw, struct.pack("<f", 0.0))


@given(st.binary(max_size=300))
def test_garbage_raises_only_the_codecs_own_error(raw):
    for read in (lambda: list(codec.Cutter().feed(raw)), lambda: codec.asdu(raw)):
        try:
            read()
        except WireError:
            continue


@given(st.binary(max_size=246), st.sampled_from(sorted(codec.TYPES)))
def test_garbage_behind_a_known_type_raises_only_the_codecs_own_error(body, type_id):
    try:
        unit = codec.asdu(bytes([type_id]) + body)
    except WireError:
        return
    assert len(unit.items) == body[0] & 0x7F


@given(
    st.lists(
        st.one_of(
            st.sampled_from(list(Unnumbered)).map(Apdu),
            st.integers(0, 32767).map(lambda n: Apdu(receive=n)),
            st.builds(
                Apdu,
                st.none(),
                st.integers(0, 32767),
                st.integers(0, 32767),
                st.binary(min_size=1, max_size=249),
            ),
        ),
        max_size=8,
    ),
    st.integers(1, 9),
)
def test_frames_come_back_from_a_stream_in_pieces(apdus, piece):
    raw = b"".join(wire(apdu) for apdu in apdus)
    cutter = codec.Cutter()
    got = []
    for start in range(0, len(raw), piece):
        got += cutter.feed(raw[start : start + piece])
    assert got == apdus


def wire(apdu):
    if apdu.control is not None:
        return codec.unnumbered(apdu.control)
    if apdu.send is None:
        return codec.supervisory(apdu.receive)
    return codec.information(apdu.send, apdu.receive, apdu.asdu)
