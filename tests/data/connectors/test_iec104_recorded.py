"""Frames recorded from stations that nobody here wrote, read as another decoder reads them (F19).

Source of the bytes and of what they mean: github.com/parsitects/zeek-iec104, folder
testing/analyzer (BSD-3-Clause, CERT.LV 2024), taken from captures of substations.
"""

from datetime import datetime

import pytest

from data.connectors import iec104_codec as codec
from data.connectors.base import PointKind, Quality
from data.connectors.iec104_codec import Flag
from tests.data.connectors.station import Station
from tests.data.connectors.test_iec104 import point, tried

ONE_FLOAT = "68 12 02 ae 5c 8c 0d 01 03 00 90 01 ae 15 00 60 e5 96 c0 00"
FLOATS_IN_A_ROW = (
    "68 17 52 d0 e6 54 0d 82 03 00 90 01 c7 15 00 20 b0 c6 40 00 ac 1c da be 00"
)  # fmt: skip
SCALED = (
    "68 34 5a 14 7c 00 0b 07 03 00 0c 00 10 30 00 be 09 00 11 30 00 90 09 00 0e 30 00 75 00 00 "
    "28 30 00 25 09 00 29 30 00 75 00 00 0f 30 00 0f 0a 00 2e 30 00 ae 05 00"
)
SINGLES_IN_A_ROW = "68 10 1a d7 ec 54 01 83 14 00 90 01 e9 03 00 00 00 00"
DOUBLES_IN_A_ROW = (
    "68 22 1a 00 02 00 03 95 14 00 90 01 a1 0f 00 "
    "02 02 01 02 01 01 02 03 03 02 02 02 01 02 02 02 01 02 02 01 01"
)
FLOATS_WITH_TIME = (
    "68 28 e0 0a aa 0c 24 02 03 00 90 01 07 16 00 00 30 28 41 00 09 cf 1e 0d 05 0c 17 "
    "60 16 00 08 ac d2 40 00 9b cf 1e 0d 05 0c 17"
)
TERMINATED = "68 0e 20 00 02 00 64 01 0a 0a 90 01 00 00 00 14"


def unit_of(raw):
    (apdu,) = codec.Cutter().feed(bytes.fromhex(raw))
    return apdu, codec.asdu(apdu.asdu)


@pytest.mark.parametrize(
    ("raw", "head", "values"),
    [
        (ONE_FLOAT, (22273, 17966, 13, 3, 400), {5550: -4.7155}),
        (FLOATS_IN_A_ROW, (26665, 10867, 13, 3, 400), {5575: 6.209, 5576: -0.426}),
        (SCALED, (2605, 62, 11, 3, 12),
         {12304: 2494, 12305: 2448, 12302: 117, 12328: 2341, 12329: 117, 12303: 2575,
          12334: 1454}),
        (SINGLES_IN_A_ROW, (27533, 10870, 1, 20, 400), {1001: 0, 1002: 0, 1003: 0}),
    ],
)  # fmt: skip
def test_a_recorded_frame_reads_as_another_decoder_reads_it(raw, head, values):
    apdu, unit = unit_of(raw)
    assert (apdu.send, apdu.receive, unit.type_id, unit.cause, unit.common) == head
    assert {i.address: float(i.value) for i in unit.items} == pytest.approx(values, rel=1e-5)
    assert {i.flags for i in unit.items} == {Flag(0)}


def test_double_points_are_on_off_or_in_between():
    """1 is off, 2 is on; 3 (indeterminate) is no value."""
    _, unit = unit_of(DOUBLES_IN_A_ROW)
    assert [i.address for i in unit.items] == list(range(4001, 4022))
    shown = [None if i.value is None else int(i.value) for i in unit.items]
    assert shown[:9] == [1, 1, 0, 1, 0, 0, 1, None, None]


def test_recorded_time_tags():
    _, unit = unit_of(FLOATS_WITH_TIME)
    assert [(i.address, i.stamp.at, i.stamp.invalid, i.stamp.summer) for i in unit.items] == [
        (5639, datetime(2023, 12, 5, 13, 30, 53, 1000), False, False),
        (5728, datetime(2023, 12, 5, 13, 30, 53, 147000), False, False),
    ]
    assert [float(i.value) for i in unit.items] == pytest.approx([10.5117, 6.5835], rel=1e-5)


def test_the_end_of_an_interrogation_is_known():
    _, unit = unit_of(TERMINATED)
    assert (unit.type_id, unit.cause, unit.common, unit.known) == (100, 10, 400, True)


def test_recorded_frames_replayed_by_a_station_reach_the_points():
    """The same data units, given on an interrogation: some good, one that its maker marked IV."""
    invalid = "0d 01 14 00 90 01 88 15 00 00 00 00 00 80"  # of the same capture, object 5512
    said = [bytes.fromhex(raw)[6:] for raw in (ONE_FLOAT, FLOATS_IN_A_ROW, DOUBLES_IN_A_ROW)]
    station = Station([*said, bytes.fromhex(invalid)])
    points = [point(f"P{n}", n) for n in (5550, 5575, 5576, 5512)]
    points.append(point("D", 4002, kind=PointKind.STATUS))
    kept = tried(station, *points, enough=lambda k: len(k.readings) >= 5, common_address=400)
    found = {r.point: (None if r.value is None else float(r.value), r.q) for r in kept.readings}
    assert {name: value for name, (value, _) in found.items() if value is not None} == (
        pytest.approx({"P5550": -4.7155, "P5575": 6.209, "P5576": -0.426, "D": 1}, rel=1e-5)
    )
    assert found["P5512"] == (None, Quality.BAD)
    assert (100, 400, 20) in station.asked
