"""Rows 66-68: what is done to the trail by SQL and past the product, and who notices.

Each defence is taken away once: the same attack then passes unnoticed.
"""

from __future__ import annotations

import shutil
import sqlite3

import pytest

from data.state import FILE_NAME, DBAPIError, Entry, State
from data.state.audit import FIELDS, digest
from security.verify_audit import Checkpoint, examine, head_of, record_hash, signature_check
from tests.security.trail import COLUMNS, Pair, Trail, forged, made, rehashed

K = 1234  # the record that is attacked: after the checkpoint of 1,000
PROVED = 1000


@pytest.fixture(scope="module")
def original(tmp_path_factory, full):
    return made(tmp_path_factory.mktemp("trail"), 100_000 if full else 3000)


@pytest.fixture
def trail(original, tmp_path) -> Trail:
    return original.copy(tmp_path)


# Row 66: by SQL, through the product's own connection

quoted = "'x'"
STATEMENTS = [
    "UPDATE audit SET description = 'x' WHERE seq = 1",
    "DELETE FROM audit WHERE seq = 1",
    f"INSERT OR REPLACE INTO audit SELECT {COLUMNS.replace('description', quoted)} "
    "FROM audit WHERE seq = 1",
    f"INSERT INTO audit SELECT {COLUMNS} FROM audit WHERE seq = 1 "
    "ON CONFLICT(seq) DO UPDATE SET description = 'x'",
    "DROP TRIGGER audit_DELETE",
    "DROP TABLE audit",
    "ALTER TABLE audit RENAME TO kept",
    "CREATE TRIGGER quiet BEFORE INSERT ON audit BEGIN SELECT RAISE(IGNORE); END",
    "ATTACH DATABASE ':memory:' AS other",
    "PRAGMA writable_schema = ON",
    "VACUUM INTO '/tmp/never.db'",
    "DELETE FROM checkpoint",
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_the_product_cannot_say_it(state, statement):
    state.audit.record(Entry("session.login", "somebody"))
    before = list(state.audit.rows())
    with pytest.raises(DBAPIError), state.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert list(state.audit.rows()) == before
    state.audit.record(Entry("session.login", "the next one"))


@pytest.mark.parametrize("statement", STATEMENTS[:4])
def test_without_the_defence_it_is_done(state, tmp_path, statement):
    """Control: past the product, without triggers, each of them changes what is there."""
    state.audit.record(Entry("session.login", "somebody"))
    before = list(state.audit.rows())
    state.close()
    with Trail(tmp_path, Pair(), None).raw() as raw:
        raw.execute(statement)
        assert raw.execute(f"SELECT {COLUMNS} FROM audit ORDER BY seq").fetchall() != before


# Row 67: one record, past the product; the chain itself names it


def edit(raw):
    raw.execute("UPDATE audit SET description = 'nothing happened' WHERE seq = ?", (K,))


def edit_and_hash(raw):
    edit(raw)
    row = raw.execute(f"SELECT {COLUMNS} FROM audit WHERE seq = ?", (K,)).fetchone()
    raw.execute("UPDATE audit SET hash = ? WHERE seq = ?", (forged(row[:16], row[16]), K))


def delete(raw):
    raw.execute("DELETE FROM audit WHERE seq = ?", (K,))


def swap(raw):
    names = ", ".join(FIELDS[1:])
    first, second = (
        raw.execute(f"SELECT {names} FROM audit WHERE seq = ?", (seq,)).fetchone()
        for seq in (K, K + 1)
    )
    given = ", ".join(f"{name} = ?" for name in FIELDS[1:])
    raw.execute(f"UPDATE audit SET {given} WHERE seq = ?", (*second, K))
    raw.execute(f"UPDATE audit SET {given} WHERE seq = ?", (*first, K + 1))


def insert(raw):
    """Put one in at K: those from K on are moved up."""
    raw.execute("UPDATE audit SET seq = -seq - 1 WHERE seq >= ?", (K,))
    raw.execute("UPDATE audit SET seq = -seq WHERE seq < 0")
    row = raw.execute(f"SELECT {COLUMNS} FROM audit WHERE seq = ?", (K - 1,)).fetchone()
    values = (K, *row[1:16])
    marks = ", ".join("?" * 18)
    raw.execute(f"INSERT INTO audit VALUES ({marks})",
                (*values, row[17], forged(values, row[17])))  # fmt: skip


def duplicate(raw):
    insert(raw)
    row = raw.execute(f"SELECT {COLUMNS} FROM audit WHERE seq = ?", (K + 1,)).fetchone()
    given = ", ".join(f"{name} = ?" for name in FIELDS[1:])
    raw.execute(f"UPDATE audit SET {given} WHERE seq = ?", (*row[1:], K))


@pytest.mark.parametrize("attack", [edit, edit_and_hash, delete, swap, insert, duplicate])
@pytest.mark.parametrize("anchored", [True, False])
def test_one_record(trail, attack, anchored):
    with trail.raw() as raw:
        attack(raw)
    found = trail.check(anchored)
    assert not found.ok
    assert found.first_bad == K, found.reason


@pytest.mark.parametrize("name", FIELDS)
def test_every_column(trail, name):
    values = {int: 987654321, str: "another", bytes: b"\x01" * 32}
    with trail.raw() as raw:
        (now,) = raw.execute(f"SELECT {name} FROM audit WHERE seq = ?", (K,)).fetchone()
        changed = "denied" if name == "outcome" else values[type(now)]
        raw.execute(f"UPDATE audit SET {name} = ? WHERE seq = ?", (changed, K))
    found = trail.check()
    assert (found.ok, found.first_bad) == (False, K), found.reason


def test_a_flipped_byte_of_the_file(trail):
    path = trail.home / FILE_NAME
    body = bytearray(path.read_bytes())
    body[body.index(f"marker-{K:07d}".encode())] ^= 1
    path.write_bytes(bytes(body))
    with sqlite3.connect(path) as raw:
        assert raw.execute("PRAGMA integrity_check").fetchone() == ("ok",)  # SQLite sees nothing
    assert trail.check().first_bad == K


@pytest.mark.parametrize("where", [1, 2, PROVED, PROVED + 1, 3000])
def test_the_first_middle_and_last(trail, where, full):
    with trail.raw() as raw:
        raw.execute("UPDATE audit SET object = 'x' WHERE seq = ?", (where,))
    assert trail.check().first_bad == where


def test_without_the_chain_an_edit_passes(trail):
    """Control: whoever believes the hashes that stand there sees nothing."""
    with trail.raw() as raw:
        edit(raw)
        hashes = raw.execute("SELECT prev, hash FROM audit ORDER BY seq").fetchall()
    assert all(after[0] == before[1] for before, after in zip(hashes, hashes[1:], strict=False))


# Row 68: the tail, the whole chain, the whole file; only what is outside knows


def cut(raw, last):
    raw.execute("DELETE FROM audit WHERE seq > ?", (last,))
    raw.execute("DELETE FROM anchored WHERE size > ?", (last,))
    raw.execute("DELETE FROM checkpoint WHERE size > ?", (last,))


@pytest.mark.parametrize("last", [1, 2, 499, 500, 2345, 2999])
def test_a_cut_tail(trail, last):
    with trail.raw() as raw:
        cut(raw, last)
    found = trail.check()
    assert (found.ok, found.first_bad) == (False, last + 1), found.reason
    assert trail.check(anchored=False).ok  # control: without what is outside, nobody notices


def test_a_cut_tail_with_its_checkpoints_left(trail):
    with trail.raw() as raw:
        raw.execute("DELETE FROM audit WHERE seq > 2345")
    assert trail.check(anchored=False).first_bad == 2346


def rechain(raw):
    edit(raw)
    rehashed(raw, K)


def test_a_chain_made_anew(trail):
    with trail.raw() as raw:
        rechain(raw)
    for anchored in (True, False):  # the checkpoints beside it know as well
        found = trail.check(anchored)
        assert (found.ok, found.first_bad) == (False, PROVED + 1), found.reason


def test_a_chain_made_anew_without_checkpoints(trail):
    with trail.raw() as raw:
        rechain(raw)
        raw.execute("DELETE FROM anchored")
        raw.execute("DELETE FROM checkpoint")
    assert trail.check().first_bad == PROVED + 1
    assert trail.check(anchored=False).ok  # control


def resigned(trail, raw, keys):
    """Make every checkpoint anew, by another key."""
    from security.notary import text_of

    trail.anchor.path.touch()
    state_rows = raw.execute("SELECT size, at FROM checkpoint ORDER BY size").fetchall()
    (begin,) = raw.execute("SELECT object FROM audit WHERE seq = 1").fetchone()
    before = None
    for size, _ in state_rows:
        (head,) = raw.execute("SELECT hash FROM audit WHERE seq = ?", (size,)).fetchone()
        text = text_of(begin, size, head, before, trail.clock().astimezone())
        kid, signature = keys.sign(text.encode())
        before = type("Made", (), {"text": text, "signature": signature})
        raw.execute("UPDATE checkpoint SET text = ?, signature = ?, kid = ? WHERE size = ?",
                    (text, signature, kid, size))  # fmt: skip


def test_a_chain_made_anew_and_signed_by_another_key(trail):
    with trail.raw() as raw:
        rechain(raw)
        resigned(trail, raw, Pair())
    found = trail.check()
    assert (found.ok, found.first_bad) == (False, PROVED + 1), found.reason
    alone = trail.check(anchored=False)
    assert not alone.ok
    assert alone.reason.startswith("signature")


def test_the_limit_root_and_the_key_and_no_anchor(trail):
    """Control: whoever has the key and what is outside too is not found out."""
    with trail.raw() as raw:
        rechain(raw)
        resigned(trail, raw, trail.keys)
    assert trail.check(anchored=False).ok
    assert trail.check().first_bad == PROVED + 1


def test_an_older_file_put_back(original, tmp_path):
    trail = original.copy(tmp_path)
    older = made_until(trail, tmp_path / "older", 2000)
    found = older.check()
    assert (found.ok, found.first_bad) == (False, 2001), found.reason
    assert older.check(anchored=False).ok  # control


def made_until(trail, folder, last):
    """The same file as it was when it had so many records."""
    folder.mkdir()
    older = trail.copy(folder)
    with older.raw() as raw:
        cut(raw, last)
    shutil.copy(trail.anchor.path, older.anchor.path)
    return older


def test_two_trails_of_one_size(trail):
    """A fork: two signed heads of one size that differ."""
    with trail.raw() as raw:
        rechain(raw)
        resigned(trail, raw, trail.keys)
    found = trail.check()
    assert not found.ok


# The two implementations, and what must not read alike


def test_both_implementations_give_one_hash(state):
    texts = ["", "a\0b", "\x1b[31m", "a\r\nb", "\u202eabc", "😀" * 100, "x" * 1_000_000, "，；"]
    for words in texts:
        state.audit.record(Entry("session.login", words, words))
    for row in state.audit.rows():
        values = dict(zip(FIELDS, row, strict=True))
        assert digest(values) == record_hash(row) == forged(row[:16], row[16]) == row[17]


def test_a_boundary_that_moves_is_another_record(state):
    row = list(state.audit.rows())[0]
    for name in range(4, 14):
        first, second = list(row), list(row)
        first[name], first[name + 1] = "ab", "c"
        second[name], second[name + 1] = "a", "bc"
        assert record_hash(first) != record_hash(second)
        joined = ["".join(map(str, one[:16])) for one in (first, second)]
        assert joined[0] == joined[1]  # control: without lengths both read the same


# Checkpoints, byte by byte


@pytest.fixture(scope="module")
def short(tmp_path_factory):
    trail = made(tmp_path_factory.mktemp("short"), 30, every=10)
    state = trail.state()
    rows = list(state.audit.rows())
    signed = [Checkpoint(c.size, c.text, c.signature, c.kid) for c in state.checkpoints.all()]
    state.close()
    return rows, signed, signature_check(trail.keys.known)


def found_in(short, checkpoints):
    rows, _, check = short
    return examine(rows, checkpoints=checkpoints, check=check)


def test_the_checkpoints_as_they_are(short):
    assert found_in(short, short[1]).ok
    assert [head_of(one.text).size for one in short[1]] == [10, 20, 30]


@pytest.mark.parametrize("which", [0, 1, 2])
def test_every_byte_of_a_text(short, which):
    one = short[1][which]
    for at in range(len(one.text)):
        text = one.text[:at] + chr(ord(one.text[at]) ^ 1) + one.text[at + 1 :]
        changed = [*short[1]]
        changed[which] = one._replace(text=text)
        assert not found_in(short, changed).ok, at


@pytest.mark.parametrize("which", [0, 2])
def test_every_byte_of_a_signature(short, which):
    one = short[1][which]
    for at in range(len(one.signature)):
        body = bytearray(one.signature)
        body[at] ^= 1
        changed = [*short[1]]
        changed[which] = one._replace(signature=bytes(body))
        assert not found_in(short, changed).ok, at


def test_without_signatures_a_changed_one_passes(short):
    """Control: the newest, changed and linked to, passes where nobody looks at signatures."""
    rows, signed, _ = short
    changed = signed[-1]._replace(signature=b"0" * 70)
    assert examine(rows, checkpoints=[*signed[:-1], changed], check=None).ok


def test_another_key_signs_nothing(short):
    rows, signed, _ = short
    assert not examine(rows, checkpoints=signed, check=signature_check(Pair().known)).ok
    assert not examine(rows, checkpoints=signed[:1], check=signature_check({})).ok


def test_one_taken_out_or_put_elsewhere(short):
    signed = short[1]
    assert not found_in(short, [signed[0], signed[2]]).ok
    assert not found_in(short, [signed[1], signed[2]]).ok
    assert not found_in(short, [signed[0]._replace(size=11), *signed[1:]]).ok


# Verified while it grows


def test_only_what_is_new_is_looked_at(tmp_path):
    from security.trail_check import TrailCheck

    trail = made(tmp_path, 1200)
    state = State(trail.home)
    check = TrailCheck(state, trail.keys, [trail.anchor])
    first = check.verify(trail.clock(), full=False)
    assert (first.full, first.findings.checked) == (True, 1200)
    state.audit.record(Entry("session.login", "later"))
    second = check.verify(trail.clock(), full=False)
    assert (second.full, second.findings.checked) == (False, 1)
    assert second.findings.ok
    state.close()
