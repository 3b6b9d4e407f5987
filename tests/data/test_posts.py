"""What programs post, in the spool: together in one commit, each with its own answer."""

from __future__ import annotations

import json
import threading
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.connectors.base import SpoolBusy
from data.post_load import load_posts
from data.posts import Arriving, Committer, KeyTaken, Post, Posts
from data.spool_file import SpoolFile
from data.state.audit import Act, Entry
from tests.plant import Plant, opened_home

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)


class Trail:
    """Keeps what is recorded; fails when told to."""

    def __init__(self):
        self.entries, self.commits, self.fails = [], 0, False

    def record_all(self, entries):
        if self.fails:
            raise RuntimeError("disk")
        self.commits += 1
        self.entries += [(act.actor, entry.object) for act, entry in entries]


def arriving(name, key="k", body="b", client="c", rows=1):
    row = {"batch_id": name, "site": "S1", "date": "2026-02-03", "line": "cable", "mass_in_t": 1.5}
    post = Post(name, client, key, body, "batches", "S1", [row] * rows, {"batch_id": name}, AT)
    return Arriving(post, None, Act(f"api:{client}"), Entry("api.push", name))


@pytest.fixture
def file(tmp_path):
    found = SpoolFile(tmp_path)
    yield found
    found.close()


def committed(file, most=1000):
    trail = Trail()
    return Committer(lambda: Posts(file, most), trail), trail


def test_one_refused_post_does_not_concern_the_others(file):
    committer, trail = committed(file, most=5)
    wanted = [arriving("a", "1"), arriving("b", "1"), arriving("c", "1", "other"),
              arriving("d", "2", rows=9), arriving("e", "3")]  # fmt: skip
    committer._commit(wanted)
    assert [type(one.error) for one in wanted] == [
        type(None), type(None), KeyTaken, SpoolBusy, type(None)]  # fmt: skip
    assert wanted[1].twin == {"batch_id": "a"}
    assert [object_ for _, object_ in trail.entries] == ["a", "e"]
    assert trail.commits == 1
    assert [one.post.id for one in Posts(file).waiting()] == ["a", "e"]


def test_what_cannot_be_recorded_is_not_taken_and_nobody_is_told_otherwise(file):
    committer, trail = committed(file)
    trail.fails = True
    wanted = [arriving("a", "1"), arriving("b", "1"), arriving("c", "2")]
    committer._commit(wanted)
    assert all(isinstance(one.error, RuntimeError) and one.twin is None for one in wanted)
    assert Posts(file).waiting() == []
    trail.fails = False
    assert committer.add(arriving("a", "1")) is None  # the turn is free again
    assert len(Posts(file).waiting()) == 1


def test_many_at_once_are_each_taken_once_and_share_commits(file):
    committer, trail = committed(file)
    gate = threading.Barrier(16)

    def send(number):
        gate.wait()
        for n in range(10):
            assert committer.add(arriving(f"{number}-{n}", f"{number}-{n}")) is None

    threads = [threading.Thread(target=send, args=(n,)) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    names = {f"{number}-{n}" for number in range(16) for n in range(10)}
    assert {one.post.id for one in Posts(file).waiting()} == names
    assert sorted(name for _, name in trail.entries) == sorted(names)
    assert trail.commits < len(names)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from("pq"), st.sampled_from("123"), st.sampled_from("xy")), max_size=25
    )
)
def test_the_first_body_of_a_key_is_the_only_one(tmp_path_factory, sent):
    """Whatever comes again or collides: of each client and key one post, the first one's."""
    file = SpoolFile(tmp_path_factory.mktemp("posts"))
    try:
        committer, trail = committed(file)
        first = {}
        for n, (client, key, body) in enumerate(sent):
            known = first.setdefault((client, key), (body, f"n{n}"))
            one = arriving(f"n{n}", key, body, client)
            if known[0] != body:
                with pytest.raises(KeyTaken):
                    committer.add(one)
                continue
            twin = committer.add(one)
            assert twin == (None if known[1] == f"n{n}" else {"batch_id": known[1]})
        kept = {(p.post.client, p.post.key): (p.post.body_sm3, p.post.id)
                for p in Posts(file).waiting()}  # fmt: skip
        assert kept == first
        assert len(trail.entries) == len(first)
    finally:
        file.close()


@pytest.mark.parametrize("stop", ["number", "conclude"])
def test_loading_stopped_anywhere_doubles_nothing(tmp_path, stop, monkeypatch):
    """A stop between store and spool: the number that was given before says it is there."""
    with opened_home(tmp_path / "home") as engine:
        plant = Plant(tmp_path, engine)
        Committer(lambda: engine.posts, engine.state.audit).add(arriving("a"))

        def stops(*_words):
            raise KeyboardInterrupt

        with monkeypatch.context() as patched:
            patched.setattr(Posts, stop, stops)
            with pytest.raises(KeyboardInterrupt):
                load_posts(engine, AT)
        assert len(engine.posts.waiting()) == 1
        assert load_posts(engine, AT) == 1
        assert load_posts(engine, AT) == 0
        assert plant.query("SELECT count(*) FROM record_batches") == [(1,)]
        assert engine.posts.find("a").outcome["new"] == 1


def test_records_whose_site_is_gone_meanwhile_are_refused_with_the_reason(tmp_path):
    with opened_home(tmp_path / "home") as engine:
        Plant(tmp_path, engine)
        one = arriving("a")
        gone = json.loads(json.dumps(one.post.rows[0]).replace("S1", "S9"))
        post = Post("a", "c", "k", "b", "batches", "S9", [gone], {}, AT)
        Committer(lambda: engine.posts, engine.state.audit).add(
            Arriving(post, None, one.act, one.entry)
        )
        assert load_posts(engine, AT) == 1
        found = engine.posts.find("a")
        assert found.state == "refused"
        assert "S9" in found.outcome["problems"][0]
