"""A price source that brings prices by itself, and every way in which one can be wrong."""

import json
import os
import threading
import time
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from callbacks._reader import PageReader
from data import incidents, price_feed
from data.price_feed import FeedError, Shape, columns_of, rows_of
from data.prices import by_week, trades
from jobs.price_feed import AGAIN, PriceFeed, Web, feed_of
from settings import PRICE_COLUMNS, Settings
from tests.plant import opened_home

MAP = "date=交易日期;volume_t=成交量;turnover_cny=成交额"
SHAPE = Shape(columns_of(MAP), "data.list", "CCER", "测试交易所")


def day(number, volume=5000, price=80.0, month=3):
    return {
        "交易日期": f"2026-{month:02d}-{number:02d}",
        "成交量": volume,
        "成交额": volume * price,
    }


USUAL = [day(n) for n in (2, 3, 4, 5, 6, 9, 10)]


class Source:
    """A server whose answer a test chooses."""

    def __init__(self):
        self.status, self.body, self.headers, self.wait = 200, b"", {}, 0.0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                self.send_response(outer.status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.end_headers()
                half = len(outer.body) // 2
                try:
                    self.wfile.write(outer.body[:half])
                    self.wfile.flush()
                    time.sleep(outer.wait)
                    self.wfile.write(outer.body[half:])
                except OSError:
                    pass  # who asked has gone

            def log_message(self, *_):
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/prices?from=2026"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def give(self, rows):
        self.body = json.dumps({"data": {"list": rows}}, ensure_ascii=False).encode()


@pytest.fixture
def source():
    found = Source()
    found.give(USUAL)
    yield found
    found.server.shutdown()
    found.server.server_close()


@pytest.fixture
def engine(tmp_path):
    with opened_home(tmp_path / "home") as found:
        yield found


class Wall:
    def __init__(self):
        self.at = datetime(2026, 11, 26, 8)

    def __call__(self):
        return self.at


def fed(engine, source, **limits):
    wall = Wall()
    return PriceFeed(engine, threading.Lock(), Web(source.url, **limits), SHAPE, wall=wall), wall


def volumes(engine):
    with engine.store.read() as cursor:
        rows = trades(cursor, "CCER")
    return dict(zip(rows["date"].dt.strftime("%m-%d"), rows["volume_t"], strict=True))


def imports(engine):
    return [r.outcome for r in engine.state.audit.records() if r.event == "data.import"]


def test_a_delivery_is_taken_recorded_and_looked_at_again_in_time(engine, source):
    feed, wall = fed(engine, source)
    feed.look()
    assert len(volumes(engine)) == len(USUAL)
    assert price_feed.last(engine).new_rows == len(USUAL)
    assert imports(engine) == ["intent", "success"]
    source.give([*USUAL, day(11)])
    feed.look()
    assert len(volumes(engine)) == len(USUAL)  # not yet
    wall.at += timedelta(hours=24)
    feed.look()
    assert price_feed.last(engine).new_rows == 1


def test_the_same_delivery_again_is_no_act(engine, source):
    feed, wall = fed(engine, source)
    feed.look()
    wall.at += timedelta(hours=24)
    feed.look()
    assert (price_feed.last(engine).ok, price_feed.last(engine).new_rows) == (True, 0)
    assert imports(engine) == ["intent", "success"]


def test_csv_comes_as_well_where_its_length_is_said(engine, source):
    lines = [f"{r['交易日期']},{r['成交量']},{r['成交额']}" for r in USUAL]
    source.body = "\ufeff".encode() + "\n".join(["交易日期,成交量,成交额", *lines]).encode()
    source.headers = {"Content-Length": str(len(source.body))}
    feed, _ = fed(engine, source)
    feed.look()
    assert len(volumes(engine)) == len(USUAL)


def test_a_revised_day_takes_the_place_of_the_earlier(engine, source):
    feed, wall = fed(engine, source)
    feed.look()
    source.give([*USUAL[:-1], day(10, 7000)])
    wall.at += timedelta(hours=24)
    feed.look()
    assert volumes(engine)["03-10"] == 7000.0
    assert len(volumes(engine)) == len(USUAL)
    with engine.store.read() as cursor:
        assert by_week(trades(cursor, "CCER"))["volume_t"].sum() == 6 * 5000 + 7000


@pytest.mark.parametrize(
    ("rows", "word"),
    [
        ([*USUAL, day(20, 5000, 160.0)], "成交额"),
        ([*USUAL, {**day(20), "交易日期": "2126-01-02"}], "还没有到"),
        ([*USUAL, day(20, -5)], "volume_t"),
        ([{"交易日": "2026-03-02", "成交量": 5, "成交额": 400}], "列名可能变了"),
        ([{**day(2), "成交量": False}], "不是数字或文字"),
        ([{**day(2), "成交量": [1]}], "不是数字或文字"),
        ([], "没有给出任何一行"),
        (["x"], "不是行的列表"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_delivery_is_said_and_none_of_it_taken(engine, source, rows, word):
    source.give(rows)
    feed, _ = fed(engine, source)
    feed.look()
    last = price_feed.last(engine)
    assert not last.ok
    assert word in last.reason("zh")
    own = {sign for row in rows if isinstance(row, dict) for name in row for sign in name}
    foreign = {sign for sign in last.reason("en") if "\u4e00" <= sign <= "\u9fff"}
    assert foreign <= own | set(MAP)  # the names that the source gives its columns, no word of ours
    assert volumes(engine) == {}


@pytest.mark.parametrize(
    ("how", "word"),
    [
        ({"status": 503}, "503"), ({"status": 404}, "404"),
        ({"status": 302, "headers": {"Location": "http://127.0.0.1:1/"}}, "转到别处"),
        ({"body": b"<html>"}, "没有说明内容长度"),
        ({"body": b"<html>", "headers": {"Content-Length": "6"}}, "没有给出"),
        ({"body": "日期".encode("gb18030"), "headers": {"Content-Length": "4"}}, "UTF-8"),
        ({"body": b"[{"}, "JSON"), ({"body": b"{}"}, "行路径"),
        ({"body": b"[" * 100_000}, "JSON"), ({"body": b"x" * 300_000}, "超过"),
        ({"wait": 1.5}, "0.5 秒没有回应"),
        ({"headers": {"Content-Length": "999999"}}, "中断"),
    ],
)  # fmt: skip
def test_a_source_that_fails_is_told_of_and_tried_again(engine, source, how, word):
    for name, value in how.items():
        setattr(source, name, value)
    feed, wall = fed(engine, source, patience_s=0.5, longest_s=1.0, most_bytes=200_000)
    feed.look()
    said = price_feed.last(engine).reason("zh")
    assert any(one in said for one in word.split("|")), said
    assert volumes(engine) == {}
    assert imports(engine) == []
    source.status, source.headers, source.wait = 200, {}, 0.0
    source.give(USUAL)
    feed.look()
    assert volumes(engine) == {}
    wall.at += AGAIN
    feed.look()
    assert len(volumes(engine)) == len(USUAL)


def test_a_source_that_is_down_raises_an_issue_after_three_failures(engine, source):
    feed, wall = fed(engine, source)
    source.server.shutdown()
    source.server.server_close()

    def issues():
        known = engine.state.incidents.everything()
        return [one for one in known if one.subject == "price-feed" and one.holds]

    for count in (1, 2, 3):
        feed.look()
        assert price_feed.last(engine).failures == count
        assert bool(issues()) == (count == 3)
        wall.at += AGAIN
    assert issues()[0].kind == incidents.INTAKE
    feed.place = Web("")
    feed.attempt(lambda: json.dumps({"data": {"list": USUAL}}).encode())
    assert not issues()
    assert price_feed.last(engine).failures == 0


def test_the_page_says_when_prices_came_and_what_went_wrong(engine, source):
    feed, wall = fed(engine, source)
    reader = PageReader(engine)
    assert reader.feed_words("zh") == ""
    feed.look()
    assert reader.feed_words("zh") == "行情上次自动更新 2026-11-26 16:00"
    source.status = 503
    wall.at += timedelta(hours=24)
    feed.look()
    said = reader.feed_words("zh")
    assert said.startswith("行情上次自动更新 2026-11-26 16:00；2026-11-27 16:00 更新失败")
    assert "503" in said
    assert "answered 503" in reader.feed_words("en")


def test_a_folder_is_emptied_into_taken_and_refused(engine, tmp_path):
    place = tmp_path / "prices"
    place.mkdir()
    head = "交易日期,成交量,成交额\n"
    (place / "a.csv").write_text(head + "2026-03-02,5000,400000\n", encoding="utf-8")
    (place / "b.csv").write_text(head + "2026-03-03,-1,400000\n", encoding="utf-8")
    feed = PriceFeed(engine, threading.Lock(), place, SHAPE)
    feed.look()
    assert volumes(engine) == {}  # written just now: perhaps not whole
    old = time.time() - 60
    for file in place.glob("*.csv"):
        os.utime(file, (old, old))
    feed.look()
    assert list(volumes(engine)) == ["03-02"]
    assert [one.name[-5:] for one in (place / "taken").iterdir()] == ["a.csv"]
    assert [one.name[-5:] for one in (place / "refused").iterdir()] == ["b.csv"]
    feed.look()
    assert len(imports(engine)) == 4  # two deliveries, each announced and concluded


def test_a_folder_that_is_away_is_said_once(engine, tmp_path):
    feed = PriceFeed(engine, threading.Lock(), tmp_path / "nowhere", SHAPE)
    feed.look()
    feed.look()
    assert "读不到" in price_feed.last(engine).reason("zh")
    assert price_feed.last(engine).failures == 1


def test_numbers_keep_their_digits():
    shape = Shape({}, "", "CEA", "x")
    body = b'[{"date": "2026-03-02", "volume_t": 12345.678901, "turnover_cny": 1e3}]'
    assert rows_of(body, shape) == [("2026-03-02", "CEA", "12345.678901", "1e3", "", "x")]
    with pytest.raises(FeedError):
        rows_of(b"date,volume_t\n2026-03-02,5\n", shape)


def test_the_feed_is_off_unless_it_is_set(engine, tmp_path):
    lock = threading.Lock()
    assert feed_of(Settings(home=tmp_path), engine, lock) is None
    web = feed_of(Settings(home=tmp_path, price_feed="https://prices.example/x"), engine, lock)
    assert isinstance(web.place, Web)
    assert feed_of(Settings(home=tmp_path, price_feed="/srv/prices"), engine, lock).place.name


@pytest.mark.parametrize(
    "wrong",
    [{"price_feed": "http://prices.example/x"}, {"price_feed": "https://u@h/"},
     {"price_feed": "ftp://h/x"}, {"price_feed": "prices"}, {"price_feed_columns": "day=x"},
     {"price_feed_columns": "date"}, {"price_feed_every_h": 0}],
)  # fmt: skip
def test_a_setting_that_could_not_work_refuses_the_start(tmp_path, wrong):
    with pytest.raises(ValueError, match=next(iter(wrong))):
        Settings(home=tmp_path, **wrong)


def test_the_settings_know_the_columns_of_the_feed():
    assert price_feed.COLUMNS == PRICE_COLUMNS
