"""The timers and numbers of an IEC 104 link, on a clock of the test's own."""

import pytest

from data.connectors import iec104_codec as codec
from data.connectors.iec104_codec import Apdu, Unnumbered
from data.connectors.iec104_link import Link, LinkLost, Timers

GI = codec.general_interrogation(1)


def started(now=0.0, **timers):
    link = Link(Timers(**timers), now)
    assert link.start(now) == codec.unnumbered(Unnumbered.STARTDT)
    link.received(Apdu(Unnumbered.STARTDT_CON), now)
    return link


def i_frame(send, receive=0):
    return Apdu(None, send, receive, b"x")


def test_nothing_is_asked_before_the_station_has_started():
    link = Link(Timers(), 0)
    link.start(0)
    with pytest.raises(LinkLost):
        link.send(GI, 0)
    with pytest.raises(LinkLost, match="未启动"):
        link.received(i_frame(0), 0)


@pytest.mark.parametrize(("after", "lost"), [(14.9, False), (15.0, True)])
def test_t1_ends_a_link_that_does_not_answer_startdt(after, lost):
    link = Link(Timers(), 0)
    link.start(0)
    if lost:
        with pytest.raises(LinkLost, match="t1"):
            link.due(after)
    else:
        assert link.due(after) == b""


def test_t1_ends_a_link_that_does_not_acknowledge_a_question():
    link = started()
    link.send(GI, 1)
    link.send(GI, 5)
    assert link.due(15.9) == b""
    link.received(Apdu(receive=1), 15.9)  # the first is acknowledged, the second is not
    with pytest.raises(LinkLost, match="t1"):
        link.due(20)


def test_a_silent_link_is_tested_after_t3_and_ended_t1_later():
    link = started()
    assert link.due(19.9) == b""
    assert link.due(20) == codec.unnumbered(Unnumbered.TESTFR)
    assert link.due(21) == b""  # once
    with pytest.raises(LinkLost, match="t1"):
        link.due(35)


def test_an_answered_test_keeps_the_link():
    link = started()
    link.due(20)
    link.received(Apdu(Unnumbered.TESTFR_CON), 21)
    assert link.due(40) == b""
    assert link.due(41) == codec.unnumbered(Unnumbered.TESTFR)


def test_a_stations_test_is_answered():
    link = started()
    answer = link.received(Apdu(Unnumbered.TESTFR), 1)
    assert answer == codec.unnumbered(Unnumbered.TESTFR_CON)


def test_a_hole_in_the_numbers_ends_the_link():
    link = started()
    link.received(i_frame(0), 0)
    with pytest.raises(LinkLost, match="序号不连续.*got=2, expected=1"):
        link.received(i_frame(2), 0)


def test_a_frame_seen_before_ends_the_link():
    link = started()
    link.received(i_frame(0), 0)
    with pytest.raises(LinkLost):
        link.received(i_frame(0), 0)


def test_an_acknowledgement_of_what_was_never_sent_ends_the_link():
    link = started()
    link.send(GI, 0)
    with pytest.raises(LinkLost, match="没有发过"):
        link.received(Apdu(receive=2), 0)


def test_an_acknowledgement_is_due_by_number_or_by_time_and_only_when_told():
    link = started(w=3)
    assert (link.tell(), link.overdue(100)) == (b"", False)
    link.received(i_frame(0), 1)
    link.received(i_frame(1), 5)
    assert (link.full, link.overdue(10.9), link.overdue(11)) == (False, False, True)
    link.received(i_frame(2), 5)
    assert link.full
    assert link.tell() == codec.supervisory(3)
    assert (link.full, link.overdue(100), link.tell()) == (False, False, b"")


def test_a_question_does_not_acknowledge_what_is_not_on_the_disk():
    link = started()
    link.received(i_frame(0), 0)
    (apdu,) = codec.Cutter().feed(link.send(GI, 0))
    assert apdu.receive == 0
    link.tell()
    (apdu,) = codec.Cutter().feed(link.send(GI, 0))
    assert (apdu.send, apdu.receive) == (1, 1)


def test_no_more_than_k_questions_are_open():
    link = started(k=2)
    link.send(GI, 0)
    link.send(GI, 0)
    assert not link.may_send
    link.received(Apdu(receive=2), 0)
    assert link.may_send


def test_the_numbers_go_round():
    link = started()
    for number in range(codec.SEQUENCE + 2):
        link.received(i_frame(number % codec.SEQUENCE), 0)
        if link.full:
            link.tell()
    assert link.untold == 2
