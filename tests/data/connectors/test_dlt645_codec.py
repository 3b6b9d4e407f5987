"""DL/T 645-2007: published frames, faults (F20), and whatever bytes a line may bring."""

import contextlib
from datetime import datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.connectors import dlt645_codec as codec
from data.connectors import dlt645_data as forms
from data.connectors.wire import WireError

METER = "000000000161"
# Published frames: hwhale.com/article/138066 and bbs.ijingyi.com thread 14861231.
REQUESTS = {
    0x00010000: "68 61 01 00 00 00 00 68 11 04 33 33 34 33 14 16",
    0x00020000: "68 61 01 00 00 00 00 68 11 04 33 33 35 33 15 16",
    0x00030000: "68 61 01 00 00 00 00 68 11 04 33 33 36 33 16 16",
    0x02010100: "68 61 01 00 00 00 00 68 11 04 33 34 34 35 17 16",
}
ANSWERS = [
    (0x00010000, "68 61 01 00 00 00 00 68 91 08 33 33 34 33 59 33 33 33 8A 16", "0.26", "kWh"),
    (0x00020000, "68 61 01 00 00 00 00 68 91 08 33 33 35 33 59 34 33 33 8C 16", "1.26", "kWh"),
    (0x00030000, "68 61 01 00 00 00 00 68 91 08 33 33 36 33 59 33 34 33 8D 16", "100.26", "kvarh"),
    (0x02010100, "68 61 01 00 00 00 00 68 91 06 33 34 34 35 34 43 10 16", "100.1", "V"),
    (0x00010000, "FE FE 68 72 00 32 09 17 20 68 91 08 33 33 34 33 B9 34 33 33 6D 16", "1.86",
     "kWh"),
]  # fmt: skip


def meter_frame(identifier, data, control=0x91, address=METER, tail=b""):
    return codec.encoded(
        codec.Frame(address, control, identifier.to_bytes(4, "little") + data + tail)
    )


@pytest.mark.parametrize(("identifier", "published"), REQUESTS.items())
def test_a_request_is_the_published_one(identifier, published):
    assert codec.read_request(METER, identifier) == bytes.fromhex(published)


def test_the_classic_request_to_any_meter():
    published = "68 AA AA AA AA AA AA 68 11 04 33 33 34 33 AE 16"
    assert codec.read_request(codec.ANY_ADDRESS, 0x00010000) == bytes.fromhex(published)


@pytest.mark.parametrize(("identifier", "published", "value", "unit"), ANSWERS)
def test_a_published_answer_reads_as_published(identifier, published, value, unit):
    frame = codec.decoded(bytes.fromhex(published))
    written = forms.form(identifier)
    assert forms.number(codec.answer(frame, identifier).data, written) == Decimal(value)
    assert written.unit == unit


def test_the_address_travels_low_byte_first():
    frame = codec.decoded(bytes.fromhex(ANSWERS[-1][1]))
    assert frame.address == "201709320072"
    assert codec.wire_address("161") == bytes.fromhex("610100000000")
    assert codec.wire_address("201709320072") == bytes.fromhex("720032091720")


@pytest.mark.parametrize("wrong", ["12345678901X", "1234567890123", "-1", "1.5"])
def test_an_address_of_anything_but_digits_is_refused(wrong):
    with pytest.raises(WireError):
        codec.wire_address(wrong)


def test_a_wrong_checksum_is_refused():
    raw = bytearray.fromhex(ANSWERS[0][1])
    raw[-2] ^= 0x01
    with pytest.raises(codec.ChecksumError, match="8AH"):
        codec.decoded(bytes(raw))
    assert list(codec.Scanner().feed(bytes(raw))) == []


def test_wake_up_bytes_in_front_are_nothing():
    plain = bytes.fromhex(ANSWERS[0][1])
    assert codec.decoded(codec.WAKE + plain) == codec.decoded(plain)
    scanner = codec.Scanner()
    assert list(scanner.feed(codec.WAKE + plain)) == [codec.decoded(plain)]
    assert scanner.discarded == 0


@pytest.mark.parametrize(
    ("code", "words", "lasting"),
    [
        (0x02, "02H：没有所请求的数据", True),
        (0x04, "04H：密码错或未授权", True),
        (0x03, "02H：没有所请求的数据", True),
        (0x01, "01H：其他错误", False),
        (0x80, "未说明原因", False),
    ],
)
def test_an_error_reply_says_which(code, words, lasting):
    frame = codec.decoded(codec.encoded(codec.Frame(METER, 0xD1, bytes([code]))))
    with pytest.raises(codec.MeterRefusal, match=words) as refusal:
        codec.answer(frame, 0x00010000)
    assert (refusal.value.code, refusal.value.lasting) == (code, lasting)


def test_an_end_byte_inside_the_data_ends_nothing():
    # 16H on the wire is E3H before +33H; and an address may hold 16.
    raw = codec.encoded(codec.Frame("161616161616", 0x91, bytes([0, 0, 1, 0, 0xE3, 0xE3])))
    assert raw.count(0x16) > 6
    assert list(codec.Scanner().feed(raw))[0].address == "161616161616"


@pytest.mark.parametrize(
    ("identifier", "data", "value"),
    [
        (0x02030000, "45 23 81", "-1.2345"),
        (0x02030000, "45 23 01", "1.2345"),
        (0x00000000, "67 45 23 81", "-12345.67"),
        (0x02020100, "56 34 92", "-123.456"),
        (0x02060000, "99 89", "-0.999"),
        (0x02800007, "50 80", "-5.0"),
        (0x00010000, "67 45 23 91", "912345.67"),
    ],
)
def test_a_sign_is_kept_where_the_datum_has_one(identifier, data, value):
    assert forms.number(bytes.fromhex(data), forms.form(identifier)) == Decimal(value)


@pytest.mark.parametrize("data", ["FF FF FF FF", "0A 00 00 00", "00 00 00"])
def test_digits_that_are_none_are_no_number(data):
    with pytest.raises(WireError):
        forms.number(bytes.fromhex(data), forms.form(0x00010000))


@pytest.mark.parametrize(
    ("identifier", "unit"),
    [
        (0x00000000, "kWh"),
        (0x00010000, "kWh"),
        (0x0001020C, "kWh"),
        (0x00050000, "kvarh"),
        (0x00090000, "kVAh"),
        (0x00150000, "kWh"),
        (0x00290000, "kWh"),
        (0x003D0000, "kWh"),
        (0x02010300, "V"),
        (0x02800002, "Hz"),
    ],
)
def test_known_identifiers_have_their_unit(identifier, unit):
    assert forms.form(identifier).unit == unit


@pytest.mark.parametrize(
    "identifier", [0x0001FF00, 0x00010040, 0x00140000, 0x02010000, 0x0201FF00, 0x04000101]
)
def test_blocks_and_unknown_identifiers_have_no_form(identifier):
    assert forms.form(identifier) is None


def test_following_frames_are_asked_for_and_numbered():
    request = codec.decoded(codec.read_on_request(METER, 0x00010000, 1))
    assert (request.control, request.data) == (0x12, bytes([0, 0, 1, 0, 1]))
    first = codec.answer(codec.decoded(meter_frame(0x00010000, b"\x01", 0xB1)), 0x00010000)
    last = codec.answer(
        codec.decoded(meter_frame(0x00010000, b"\x02", 0x92, tail=b"\x01")), 0x00010000
    )
    assert (first.data, first.follows, first.sequence) == (b"\x01", True, None)
    assert (last.data, last.follows, last.sequence) == (b"\x02", False, 1)


def test_an_answer_to_another_question_is_refused():
    frame = codec.decoded(meter_frame(0x00020000, bytes(4)))
    with pytest.raises(WireError, match="00-01-00-00.*00-02-00-00"):
        codec.answer(frame, 0x00010000)
    with pytest.raises(WireError):
        codec.answer(codec.decoded(codec.read_request(METER, 0x00010000)), 0x00010000)


def test_the_only_meter_on_a_line_gives_its_address():
    assert codec.decoded(codec.address_request()).control == 0x13
    reply = codec.Frame("201709320072", 0x93, bytes.fromhex("720032091720"))
    assert codec.answered_address(codec.decoded(codec.encoded(reply))) == "201709320072"


def test_a_meters_clock():
    # Wednesday 26 November 2025, 13:45:09; the weekday travels first.
    assert forms.clock(bytes.fromhex("03261125"), bytes.fromhex("094513")) == datetime(
        2025, 11, 26, 13, 45, 9
    )
    for date, time in (("03321125", "094513"), ("03261125", "0945"), ("FFFFFFFF", "FFFFFF")):
        with pytest.raises(WireError):
            forms.clock(bytes.fromhex(date), bytes.fromhex(time))


@pytest.mark.parametrize("function", [0x08, 0x14, 0x15, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1B, 0x1C])
def test_nothing_that_writes_can_be_asked(function):
    with pytest.raises(WireError, match="只读"):
        codec._request(METER, function, b"")


ADDRESSES = st.text("0123456789", min_size=12, max_size=12)
FRAMES = st.builds(codec.Frame, ADDRESSES, st.integers(0, 255), st.binary(max_size=200))


@given(FRAMES)
def test_every_frame_comes_back(frame):
    assert codec.decoded(codec.encoded(frame)) == frame


@given(FRAMES, st.data())
def test_no_single_changed_byte_is_accepted(frame, data):
    raw = bytearray(codec.encoded(frame))
    place = data.draw(st.integers(0, len(raw) - 1))
    raw[place] = data.draw(st.integers(0, 255).filter(lambda byte: byte != raw[place]))
    with pytest.raises(WireError):
        codec.decoded(bytes(raw))


@given(st.binary(max_size=300))
def test_garbage_raises_only_the_codecs_own_error(raw):
    try:
        frame = codec.decoded(raw)
    except WireError:
        return
    body = raw.lstrip(b"\xfe")
    assert sum(body[:-2]) & 0xFF == body[-2]
    for read in (lambda: codec.answer(frame, 0), lambda: codec.answered_address(frame)):
        with contextlib.suppress(WireError):
            read()


@given(st.binary(max_size=8), st.integers(0, 0xFFFFFFFF))
def test_any_data_is_a_number_or_refused(data, identifier):
    written = forms.form(identifier)
    if written is None:
        return
    try:
        assert forms.number(data, written).is_finite()
    except WireError:
        assert len(data) < written.size or any(c > "9" for c in data[: written.size].hex())


@given(st.lists(st.one_of(FRAMES, st.binary(max_size=6)), max_size=6), st.integers(1, 7))
def test_a_stream_in_pieces_yields_only_whole_frames(parts, piece):
    """Junk may cost a frame that follows it at once, never invent one."""
    raw = b"".join(codec.encoded(p) if isinstance(p, codec.Frame) else p for p in parts)
    scanner = codec.Scanner()
    got = []
    for start in range(0, len(raw), piece):
        got += scanner.feed(raw[start : start + piece])
    whole = [codec.encoded(frame) for frame in got]
    assert all(frame in raw for frame in whole)
    if all(isinstance(p, codec.Frame) for p in parts):
        assert got == parts


@given(FRAMES, st.binary(max_size=40).filter(lambda junk: 0x68 not in junk))
def test_a_frame_behind_junk_is_found(frame, junk):
    assert list(codec.Scanner().feed(junk + codec.encoded(frame))) == [frame]
