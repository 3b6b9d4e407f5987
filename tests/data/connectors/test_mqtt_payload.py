"""MQTT payloads: shapes by configuration, digests, and whatever a sender may write."""

import json
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.connectors.base import Quality
from data.connectors.mqtt_payload import PayloadError, Shape, acknowledgement, message
from data.digest import sm3

AT = datetime(2026, 11, 26, 5, 45, tzinfo=UTC)
CET = Shape(
    values="properties", time="timestamp", time_format="ms", device="location_code", sent="ts"
)
CET_BODY = (
    b'{"version":"1.0","location_code":"NX001","ts":1795671901000,"properties":['
    b'{"type":"AI","key":"E1","value":12345.67,"unit":"kWh","timestamp":1795671900000},'
    b'{"type":"AI","key":"P1","value":"-1.2345","unit":"kW","timestamp":1795671900000},'
    b'{"type":"DI","key":"S1","value":true,"timestamp":1795671900000}]}'
)


def plain(body, shape=None, **properties):
    return message(shape or Shape(), "D1", json.dumps(body).encode(), properties)


def test_the_plain_shape():
    read = plain({"ts": "2026-11-26T13:45:00+08:00", "seq": 7, "values": {"E1": 1, "E2": None}})
    assert (read.device, read.seq, read.sent_at) == ("D1", 7, None)
    first, second = read.items
    assert (first.key, first.value, first.at, first.q) == ("E1", 1, AT, Quality.GOOD)
    assert (second.value, second.q) == (None, Quality.BAD)


def test_a_vendors_shape():
    read = message(CET, "", CET_BODY)
    assert (read.device, read.seq) == ("NX001", None)
    assert (read.sent_at - AT).total_seconds() == 1
    assert [(i.key, i.value, i.at) for i in read.items] == [
        ("E1", Decimal("12345.67"), AT), ("P1", Decimal("-1.2345"), AT), ("S1", 1, AT),
    ]  # fmt: skip


def test_numbers_stay_as_they_were_written():
    raw = b'{"values":{"a":0.1,"b":123456789012345678.123,"c":1e3}}'
    values = [item.value for item in message(Shape(), "", raw).items]
    assert values == [Decimal("0.1"), Decimal("123456789012345678.123"), Decimal(1000)]


@pytest.mark.parametrize("value", ["", "abc", "NaN", "inf", [], {}, None, "1,5", 1e200])
def test_what_is_no_number_is_bad_and_never_zero(value):
    (item,) = plain({"values": {"E1": value}}).items
    assert (item.value, item.q) == (None, Quality.BAD)


@pytest.mark.parametrize(
    ("quality", "q"),
    [(0, Quality.GOOD), ("good", Quality.GOOD), ("BAD", Quality.BAD), (1, Quality.UNCERTAIN),
     (192, Quality.UNCERTAIN), (None, Quality.GOOD)],
)  # fmt: skip
def test_quality_is_taken_over(quality, q):
    shape = Shape(values="list", quality="q")
    (item,) = plain({"list": [{"key": "E1", "value": 5, "q": quality}]}, shape).items
    assert (item.value, item.q) == (5, q)


def test_a_senders_own_words_for_quality():
    shape = Shape(values="list", quality="q", quality_map={"192": 0, "0": 2})
    items = plain({"list": [{"key": "a", "value": 5, "q": n} for n in (192, 0)]}, shape).items
    assert [item.q for item in items] == [Quality.GOOD, Quality.BAD]


@pytest.mark.parametrize(
    ("fmt", "written"),
    [("iso", "2026-11-26T13:45:00+08:00"), ("iso", "2026-11-26 13:45:00"),
     ("iso", "2026-11-26T05:45:00Z"), ("s", 1795671900), ("ms", "1795671900000")],
)  # fmt: skip
def test_times_as_the_settings_say(fmt, written):
    (item,) = plain({"ts": written, "values": {"E1": 1}}, Shape(time_format=fmt)).items
    assert item.at == AT


@pytest.mark.parametrize(
    ("fmt", "written"),
    [("iso", 1795671900), ("iso", "yesterday"), ("ms", "2026-11-26"), ("s", True), ("ms", 1e29)],
)
def test_a_time_in_another_format_is_refused_not_guessed(fmt, written):
    with pytest.raises(PayloadError, match="时间"):
        plain({"ts": written, "values": {"E1": 1}}, Shape(time_format=fmt))


@pytest.mark.parametrize("raw", [b"12.5", b'"12.5"'])
def test_a_bare_number(raw):
    (item,) = message(Shape(), "m1/energy", raw).items
    assert (item.key, item.value, item.at) == ("", Decimal("12.5"), None)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"\xff\xfe", b"[1", b'{"values":NaN}', b'{"other":1}', b'{"values":[1]}',
     b'{"values":[{"value":1}]}', b'{"values":{"a":1},"seq":-1}', b'{"values":{"a":1},"seq":1.5}',
     b'{"values":{"a":1},"seq":true}', b"[" * 100_000],
)  # fmt: skip
def test_a_message_that_cannot_be_read_is_refused(raw):
    with pytest.raises(PayloadError):
        message(Shape(), "", raw)


def test_the_number_may_be_a_user_property():
    assert plain({"values": {"a": 1}}, seq="12").seq == 12


def signed(text_):
    """The 3.1.1 form: the digest is the last member, over the text without it."""
    return (text_[:-1] + f',"sm3":"{sm3(text_.encode())}"}}').encode()


def test_a_digest_is_verified_in_both_versions():
    text_ = '{"values":{"E1":12345.67},"seq":3}'
    required = Shape(require_digest=True)
    digest = sm3(text_.encode())
    assert message(required, "", text_.encode(), {"sm3": digest.upper()}).seq == 3
    assert message(required, "", signed(text_)).seq == 3
    with pytest.raises(PayloadError, match="没有 SM3"):
        message(required, "", text_.encode())


@given(st.data())
def test_no_changed_bit_passes_a_digest(data):
    """F16."""
    text_ = '{"values":{"E1":12345.67},"seq":3}'
    for raw, properties in (
        (text_.encode(), {"sm3": sm3(text_.encode())}),
        (signed(text_), {}),
    ):
        changed = bytearray(raw)
        changed[data.draw(st.integers(0, len(raw) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        try:
            read = message(Shape(require_digest=True), "", bytes(changed), properties)
        except PayloadError:
            continue
        # Only the digest's own letters may change their case.
        assert read.items[0].value == Decimal("12345.67")
        assert read.seq == 3


def test_an_acknowledgement_repeats_what_the_sender_wants():
    read = message(CET, "", CET_BODY)
    said = acknowledgement(read.body, ["location_code", "ts"], 1, {"missing": [4, 5]})
    assert json.loads(said) == {
        "location_code": "NX001", "ts": 1795671901000, "result": 1, "missing": [4, 5],
    }  # fmt: skip
    assert json.loads(acknowledgement(None, ["ts"], 0, {})) == {"ts": None, "result": 0}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["values", "key", "value", "ts", "seq", "q", "x"]), inner, max_size=5
        )
    ),
    max_leaves=12,
)


@given(st.binary(max_size=60) | JSON.map(lambda found: json.dumps(found).encode()))
def test_any_payload_is_read_or_refused(raw):
    for shape in (Shape(), Shape(values="values", quality="q", time_format="ms"), CET):
        try:
            read = message(shape, "", raw)
        except PayloadError:
            continue
        for item in read.items:
            assert (item.value is not None) or item.q is Quality.BAD
            assert item.value is None or item.value.is_finite()
