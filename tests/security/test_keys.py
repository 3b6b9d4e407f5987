"""Keys of one machine: made once, proved on each start, rotated with a stop at every step."""

from __future__ import annotations

import io
import json
import multiprocessing
import os
import re
import resource
import subprocess
import sys
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest

from data.state import Entry
from security import keys as keys_module
from security import providers
from security.keyfiles import write_whole
from security.keys import (
    KeyMissing,
    KeyOffline,
    KeyRefused,
    Keys,
    PassphraseProvider,
    offline_pair,
    provider,
    root_id,
)
from security.providers import FileProvider
from security.sealed import header, seal, unlocked_by, unseal
from security.sm import Refused, Verdict, pbkdf2_sm3, sm2_id
from security.start import root_key_printed

GOOD = Verdict(valid=True, agreed=True)
ROOT = Path(__file__).resolve().parent.parent.parent
PLACE = ("account", "totp", "7")


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "home.keys"


@pytest.fixture
def quick(monkeypatch):
    """The rounds that were asked for; each derivation takes one."""
    asked = []

    def once(password, salt, rounds):
        asked.append(rounds)
        return pbkdf2_sm3(password, salt, 1)

    monkeypatch.setattr(providers, "pbkdf2_sm3", once)
    return asked


def phrase(path, words="correct horse battery staple"):
    path.write_text(words + "\n", encoding="utf-8")
    path.chmod(0o400)
    return str(path)


def opened(folder, **more):
    more = {"provider": FileProvider(), "create": True} | more
    return Keys.open(folder, **more)


def envelope(keys, plain=b"SECRET-BACKUP"):
    out = io.BytesIO()
    seal(io.BytesIO(plain), out, keys.envelope_public(), "backup")
    return out.getvalue()


class Before:
    """What was signed and sealed before something happens to the keys."""

    def __init__(self, keys):
        self.signed = keys.sign(b"message")
        self.field = keys.seal_field(b"SECRET-TOTP", *PLACE)
        self.envelope = envelope(keys)
        self.session = keys.purpose("session")

    def still_reads(self, keys):
        kid, signature = self.signed
        assert keys.verify(kid, b"message", signature) == GOOD
        assert keys.open_field(self.field, *PLACE) == b"SECRET-TOTP"
        said = header(io.BytesIO(self.envelope))
        assert len(keys.unlock(said.kid, said.wrapped)) == 16
        assert keys.purpose("session", self.session.kid) == self.session


def names(folder):
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


# The first start


def test_the_first_start_makes_keys_and_the_next_finds_them(folder):
    first = opened(folder)
    before = Before(first)
    again = opened(folder, create=False)
    assert (again.signing_kid, again.envelope_kid) == (first.signing_kid, first.envelope_kid)
    before.still_reads(again)
    assert names(folder) == sorted(
        [f"pub/{first.signing_kid}.pub", f"pub/{first.envelope_kid}.pub", "ring", "root.key"]
    )
    assert folder.stat().st_mode & 0o777 == 0o700
    for secret in ("ring", "root.key"):
        assert (folder / secret).stat().st_mode & 0o777 == 0o400
    assert re.fullmatch(rb"[0-9a-f]{32}\n", (folder / "root.key").read_bytes())
    assert first.unfinished() == ()


def test_where_nothing_may_be_made_nothing_is(folder):
    with pytest.raises(KeyMissing, match=re.escape(str(folder))):
        opened(folder, create=False)
    assert not folder.exists()
    folder.mkdir(mode=0o700)
    with pytest.raises(KeyMissing, match="ring"):
        opened(folder, create=False)
    assert names(folder) == []


def test_data_that_name_a_key_are_never_given_a_new_one(folder):
    old = opened(folder)
    kid = old.signing_kid
    for needed in (old.signing_kid, old.envelope_kid, old.purpose("field").kid):
        opened(folder, needs=[needed])
    with pytest.raises(KeyMissing, match="0123456789abcdef"):
        opened(folder, needs=["0123456789abcdef"])
    empty = folder.with_name("other.keys")
    with pytest.raises(KeyMissing, match=kid):
        opened(empty, needs=[kid])
    assert names(empty) == []
    opened(empty)  # negative control: nobody says that there are data


def test_a_lost_ring_is_not_replaced(folder):
    keys = opened(folder)
    (folder / "ring").unlink()
    with pytest.raises(KeyMissing, match=keys.signing_kid):
        opened(folder)


def _start(folder, wait, answers):
    wait.wait()
    answers.put(opened(Path(folder)).signing_kid)


def test_two_first_starts_at_once_make_one_key(folder):
    spawned = multiprocessing.get_context("fork")
    wait, answers = spawned.Barrier(4), spawned.Queue()
    children = [spawned.Process(target=_start, args=(str(folder), wait, answers)) for _ in range(4)]
    for child in children:
        child.start()
    assert len({answers.get(timeout=60) for _ in children}) == 1
    for child in children:
        child.join()
    assert len(list((folder / "pub").glob("*.pub"))) == 2


def test_without_the_lock_two_first_starts_make_two(folder, monkeypatch):
    """Negative control: one starts while the other is between looking and writing."""
    monkeypatch.setattr(keys_module, "locked", lambda _: open(os.devnull))  # noqa: PTH123, SIM115
    other = []

    def step(name):
        if name == "root.key kept" and not other:
            other.append(None)
            other[0] = opened(folder).signing_kid

    assert opened(folder, step=step).signing_kid != other[0]
    assert len(list((folder / "pub").glob("*.pub"))) == 4


# Files that are refused (row 59)

ROOT_KEYS = {
    "mode": (None, 0o644, "0644", "chmod 0400"),
    "group": (None, 0o440, "0440", "chmod 0400"),
    "executable": (None, 0o500, "0500", "chmod 0400"),
    "empty": (b"", 0o400, "is empty", "backup"),
    "zero bytes": (bytes(33), 0o400, "zero bytes", "printout"),
    "one zero byte": (b"a" * 31 + b"\0\n", 0o400, "zero bytes", "printout"),
    "all zeros": (b"0" * 32 + b"\n", 0o400, "all zeros", "printout"),
    "crlf": (b"a1" * 16 + b"\r\n", 0o400, "CRLF", "LF"),
    "no line end": (b"a1" * 16, 0o400, "32 bytes", "LF"),
    "capitals": (b"A1" * 16 + b"\n", 0o400, "33 bytes", "small"),
    "short": (b"a1" * 15 + b"\n", 0o400, "31 bytes", "32"),
    "binary": (b"\x9c" * 16, 0o400, "16 bytes", "hexadecimal"),
    "two lines": (b"a1" * 16 + b"\n\n", 0o400, "34 bytes", "LF"),
    "another": (b"a1" * 16 + b"\n", 0o400, root_id(b"\xa1" * 16), "belongs"),
}


@pytest.mark.parametrize("name", ROOT_KEYS)
@pytest.mark.parametrize("first", [False, True])
def test_a_root_key_that_is_not_right_is_refused_in_words(folder, name, first):
    body, mode, reason, remedy = ROOT_KEYS[name]
    keys = opened(folder)
    path, kept = folder / "root.key", (folder / "root.key").read_bytes()
    if body is not None:
        path.chmod(0o600)
        path.write_bytes(body)
    path.chmod(mode)
    if first:  # before anything was wrapped: only the form can be wrong
        for other in [folder / "ring", *(folder / "pub").iterdir()]:
            other.unlink()
        if name == "another":
            assert opened(folder).signing_kid != keys.signing_kid
            return
    with pytest.raises((KeyRefused, KeyMissing)) as refused:
        opened(folder)
    english, chinese = refused.value.told("en"), refused.value.told("zh")
    assert reason in english
    assert remedy in english
    assert "root.key" in chinese
    assert chinese == str(refused.value)
    for secret in (kept, body or b""):
        assert shows_no_byte_of(secret, english + chinese)
    # negative control: the right file opens
    if not first:
        path.chmod(0o600)
        path.write_bytes(kept)
        path.chmod(0o600)
        opened(folder)


def shows_no_byte_of(secret, said):
    """No eight signs of a key stand in a sentence, as they are or in hexadecimal."""
    text, digits = secret.decode("latin-1").strip(), secret.hex()
    pieces = {whole[n : n + 8] for whole in (text, digits) for n in range(len(whole) - 7)}
    return not any(piece in said for piece in pieces if len(piece.strip("\0")) == 8)


def test_a_missing_root_key_is_never_replaced(folder):
    opened(folder)
    (folder / "root.key").unlink()
    with pytest.raises(KeyMissing, match="root.key"):
        opened(folder)
    assert not (folder / "root.key").exists()


def test_somebody_elses_key_is_refused(folder, monkeypatch):
    opened(folder)
    monkeypatch.setattr(os, "geteuid", lambda: 4711)
    with pytest.raises(KeyRefused, match="4711"):
        opened(folder)


def test_a_folder_that_others_can_enter_is_refused(folder):
    opened(folder)
    folder.chmod(0o750)
    with pytest.raises(KeyRefused, match="0750"):
        opened(folder)
    folder.chmod(0o700)
    opened(folder)


@pytest.mark.parametrize("what", ["root.key", "ring"])
def test_links_and_other_things_are_refused(folder, what, tmp_path):
    opened(folder)
    path, away = folder / what, tmp_path / "away"
    path.rename(away)
    path.symlink_to(away)
    with pytest.raises(KeyRefused, match=what):
        opened(folder)
    path.unlink()
    path.symlink_to(tmp_path / "nowhere")
    with pytest.raises((KeyRefused, KeyMissing), match=what):
        opened(folder)
    path.unlink()
    path.mkdir()
    with pytest.raises(KeyRefused, match=what):
        opened(folder)
    path.rmdir()
    os.mkfifo(path, 0o600)
    with pytest.raises(KeyRefused, match=what):
        opened(folder)


def test_a_folder_that_is_a_link_is_refused(folder, tmp_path):
    opened(folder)
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(KeyRefused, match="link"):
        opened(link)


def test_a_folder_that_cannot_be_made_is_told(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(KeyRefused, match="CARBON_KEYS"):
        opened(tmp_path / "file" / "keys")


def rewritten(folder, change):
    path = folder / "ring"
    found = json.loads(path.read_text())
    body = change(found)
    path.chmod(0o600)
    path.write_text(json.dumps(found) if body is None else body)


def swapped(found):
    one, two = found["keys"][:2]
    one["wrapped"], two["wrapped"] = two["wrapped"], one["wrapped"]


RINGS = {
    "empty object": lambda f: "{}",
    "junk": lambda f: "\x17 junk",
    "nested": lambda f: "[" * 100_000,
    "a list": lambda f: "[]",
    "no keys": lambda f: f.update(keys=[]),
    "format": lambda f: f.update(format="carbon keys 2"),
    "root": lambda f: f.update(root="../../etc"),
    "kid": lambda f: f["keys"][0].update(kid="../../../etc/pass"),
    "kind": lambda f: f["keys"][0].update(kind="other"),
    "a field more": lambda f: f["keys"][0].update(other="x"),
    "public": lambda f: f["keys"][0].update(public="00" * 64),
    "no signing key": lambda f: f["keys"][0].update(wrapped=None),
    "doubled": lambda f: f["keys"].append(f["keys"][0]),
    "swapped": swapped,
    "wrapped": lambda f: f["keys"][0].update(wrapped="v1|x"),
}


@pytest.mark.parametrize("name", RINGS)
def test_a_changed_ring_is_refused(folder, name):
    opened(folder)
    rewritten(folder, RINGS[name])
    with pytest.raises((KeyRefused, KeyMissing)):
        opened(folder)


def test_a_public_key_that_was_replaced_is_refused(folder):
    keys = opened(folder)
    path = folder / "pub" / f"{keys.signing_kid}.pub"
    other = keys.envelope_public().hex()
    for body in (other + "\n", "junk", ""):
        path.chmod(0o600)
        path.write_text(body)
        with pytest.raises(KeyRefused, match=keys.signing_kid):
            opened(folder)
    path.unlink()
    opened(folder)  # what the ring still knows is written again


@pytest.mark.parametrize("kid", ["../ring", "", "x" * 5000, "0123456789ABCDEF", "0123456789abcdef"])
def test_an_unknown_key_is_missing(folder, kid):
    keys = opened(folder)
    for ask in (keys.public, lambda k: keys.unlock(k, b""), keys.purposes):
        with pytest.raises((KeyMissing, ValueError)):
            ask(kid)
    if kid:
        with pytest.raises(KeyMissing):
            keys.purpose("field", kid)


# What keys are for


def test_each_purpose_has_its_own_key(folder):
    keys = opened(folder)
    made = [keys.purpose(name) for name in ("session", "audit", "field")]
    assert [len(m.key) for m in made] == [32, 32, 16]
    assert len({m.key[:16] for m in made}) == 3
    assert opened(folder).purpose("audit") == made[1]
    with pytest.raises(ValueError, match="other"):
        keys.purpose("other")


def test_fields_are_opened_only_at_their_place(folder):
    keys = opened(folder)
    made = keys.seal_field(b"secret", *PLACE)
    assert keys.open_field(made, *PLACE) == b"secret"
    with pytest.raises(Refused):
        keys.open_field(made, "account", "totp", "8")
    with pytest.raises(KeyMissing):
        opened(folder.with_name("other.keys")).open_field(made, *PLACE)


def test_new_purpose_keys_open_what_older_ones_sealed(folder):
    keys = opened(folder)
    before = Before(keys)
    kid = keys.rotate_purposes()
    assert keys.purpose("session").kid == kid != before.session.kid
    before.still_reads(keys)
    before.still_reads(opened(folder))
    assert [p.kid for p in keys.purposes("session")] == [kid, before.session.kid]


def test_nothing_of_a_key_is_shown(folder):
    keys = opened(folder)
    shown = f"{keys!r} {keys.purpose('session')!r} {keys._provider!r}"
    assert keys.purpose("session").key.hex() not in shown
    assert repr(keys.purpose("session").key) not in shown
    assert (folder / "root.key").read_text().strip() not in shown


# Envelope key offline


def test_an_envelope_key_goes_offline_and_backups_go_on(folder, tmp_path):
    keys = opened(folder)
    before, medium = envelope(keys), tmp_path / "medium.key"
    kid = keys.move_envelope_offline(medium)
    after = envelope(keys)
    for at_hand in (keys, opened(folder)):
        for body in (before, after):
            with pytest.raises(KeyOffline) as offline:
                unseal(io.BytesIO(body), tmp_path / "x", "backup", at_hand.unlock)
            assert kid in offline.value.told("en")
            assert "offline" in offline.value.told("en")
    pair = offline_pair(medium)
    assert sm2_id(pair.public) == kid
    for body in (before, after):
        unseal(io.BytesIO(body), tmp_path / "x", "backup", unlocked_by(pair))
        assert (tmp_path / "x").read_bytes() == b"SECRET-BACKUP"
    with pytest.raises(KeyOffline):
        keys.move_envelope_offline(tmp_path / "again.key")
    # nothing of the private half is left in the folder
    assert all(pair.private.hex() not in p.read_text() for p in folder.rglob("*") if p.is_file())


def test_an_offline_file_is_never_written_over_nor_among_the_keys(folder, tmp_path):
    keys = opened(folder)
    (tmp_path / "there").write_text("x")
    for target in (tmp_path / "there", folder / "offline", folder / "pub" / ".." / "x"):
        with pytest.raises(KeyRefused):
            keys.move_envelope_offline(target)
    assert keys.unlock(keys.envelope_kid, header(io.BytesIO(envelope(keys))).wrapped)


def test_a_damaged_offline_file_is_refused(folder, tmp_path):
    keys = opened(folder)
    medium = tmp_path / "medium.key"
    keys.move_envelope_offline(medium)
    body = medium.read_text()
    copy = tmp_path / "copy"
    copy.write_text(body.strip() + "\r\n")  # carried by another system
    assert offline_pair(copy) == offline_pair(medium)
    digit = "0" if body[30] != "0" else "1"
    for bad in ("", body[:-5], body[:30] + digit + body[31:], "x" + body, "GMO1|" + "0" * 300):
        copy.write_text(bad)
        with pytest.raises(KeyRefused, match="copy"):
            offline_pair(copy)
    with pytest.raises(KeyMissing):
        offline_pair(tmp_path / "nowhere")


# Rotation


def test_a_new_root_key_wraps_all_and_the_old_one_is_void(folder):
    keys = opened(folder)
    before, old = Before(keys), (folder / "root.key").read_bytes()
    kid = keys.rotate_root()
    assert (folder / "root.key").read_bytes() != old
    assert root_id(bytes.fromhex((folder / "root.key").read_text())) == kid
    assert keys.unfinished() == ()
    before.still_reads(keys)
    before.still_reads(opened(folder))
    assert set(names(folder)) >= {"ring", "root.key"}
    assert not (folder / "root.key.next").exists()
    (folder / "root.key").chmod(0o600)
    (folder / "root.key").write_bytes(old)
    with pytest.raises(KeyMissing, match=kid):
        opened(folder)


def test_a_new_signing_key_is_vouched_for_by_the_old_one(folder):
    keys = opened(folder)
    before, old = Before(keys), keys.signing_kid
    assert keys.switch(old) is None
    made = keys.rotate_signing()
    assert (made.old, made.new) == (old, keys.signing_kid)
    for kid, signature in ((made.old, made.by_old), (made.new, made.by_new)):
        assert keys.verify(kid, made.statement, bytes.fromhex(signature)) == GOOD
    before.still_reads(keys)
    again = opened(folder)
    before.still_reads(again)
    assert again.switch(keys.signing_kid) == made
    assert again.sign(b"m")[0] == made.new
    ring = json.loads((folder / "ring").read_text())
    assert [e["wrapped"] for e in ring["keys"] if e["kid"] == old] == [None]
    keys.rotate_signing()
    before.still_reads(opened(folder))


def test_a_forged_switch_is_refused(folder):
    keys = opened(folder)
    made = keys.rotate_signing()
    path = folder / "pub" / f"{made.new}.switch"
    for bad in ("{}", "junk", path.read_text().replace(made.by_old, made.by_new)):
        path.chmod(0o600)
        path.write_text(bad)
        with pytest.raises(KeyRefused, match=made.new):
            keys.switch(made.new)


def test_a_new_envelope_key_leaves_older_backups_readable(folder):
    keys = opened(folder)
    before, old = Before(keys), keys.envelope_kid
    assert keys.rotate_envelope() == keys.envelope_kid != old
    before.still_reads(keys)
    before.still_reads(opened(folder))


class Killed(BaseException):
    """The process ends here; nothing of it goes on."""


def steps_of(folder, job):
    """The steps of a job, done on a copy that nobody needs."""
    seen = []
    job(opened(folder, step=seen.append))
    return seen


def stop_at(at):
    """A step hook that ends the process: no handler, no finally."""
    left = iter(range(at))
    return lambda _: next(left, None) is None and os._exit(9)


def ended(job):
    """The exit code of a child that does the job."""
    child = os.fork()
    if child == 0:
        try:
            job()
        finally:
            os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


JOBS = {
    "root": lambda keys: keys.rotate_root(),
    "signing": lambda keys: keys.rotate_signing(),
    "envelope": lambda keys: keys.rotate_envelope(),
    "purposes": lambda keys: keys.rotate_purposes(),
    "first": lambda keys: None,
}


@pytest.mark.parametrize("kind", JOBS)
def test_a_stop_at_any_step_loses_nothing_and_a_rerun_completes(tmp_path, kind):  # row 62
    job = JOBS[kind]

    def prepared(name):
        folder = tmp_path / name
        return folder, (None if kind == "first" else Before(opened(folder)))

    seen = steps_of(prepared("whole")[0], job)
    assert len(seen) >= 4
    for at in range(len(seen)):
        folder, before = prepared(f"{kind}{at}")
        assert ended(lambda folder=folder, at=at: job(opened(folder, step=stop_at(at)))) == 9
        keys = opened(folder)  # as it was left
        if before:
            before.still_reads(keys)
        job(keys)
        again = opened(folder, create=False)
        if before:
            before.still_reads(again)
        assert again.unfinished() == ()
        assert not list(folder.rglob("*.part"))
        assert not list(folder.glob("*.next"))
        if kind == "signing":
            assert again.switch(again.signing_kid) is not None


def test_a_rerun_does_not_rotate_twice(tmp_path):
    """A signing key that only lacks its switch is completed, not followed by a third."""
    folder = tmp_path / "keys"
    opened(folder)

    def stop(name):
        if name.endswith(".switch renamed"):
            raise Killed

    with pytest.raises(Killed):
        opened(folder, step=stop).rotate_signing()
    keys = opened(folder)
    assert keys.unfinished() == ("signing",)
    kid = keys.signing_kid
    assert keys.rotate_signing().new == kid
    assert keys.unfinished() == ()

    def stop_root(name):
        if name == "ring renamed":
            raise Killed

    with pytest.raises(Killed):
        opened(folder, step=stop_root).rotate_root()
    keys = opened(folder)
    assert keys.unfinished() == ("root",)
    wanted = json.loads((folder / "ring").read_text())["root"]
    assert keys.rotate_root() == wanted
    assert keys.unfinished() == ()


def test_a_root_key_replaced_first_would_lose_everything(folder, monkeypatch):
    """Negative control: without the key beside it a stop in between is the end."""
    opened(folder)
    hasty = lambda self, step: self._make(self._folder / self.file, step)  # noqa: E731
    monkeypatch.setattr(FileProvider, "begin_rotation", hasty)

    def stop(name):
        if name == "root.key renamed":
            raise Killed

    with pytest.raises(Killed):
        opened(folder, step=stop).rotate_root()
    with pytest.raises(KeyMissing):
        opened(folder)


def test_a_full_disk_stops_a_rotation_and_changes_nothing(folder, monkeypatch):
    keys = opened(folder)
    before, found = Before(keys), names(folder)

    def full_disk(_):
        raise OSError(28, "No space left on device")

    for job in list(JOBS.values())[:4]:
        with monkeypatch.context() as patched:
            patched.setattr(os, "fsync", full_disk)
            with pytest.raises(KeyRefused, match="No space left"):
                job(keys)
        before.still_reads(keys)
        before.still_reads(opened(folder))
        assert names(folder) == found
    keys.rotate_root()
    keys.rotate_signing()
    before.still_reads(keys)


def test_another_process_takes_over_what_was_rotated(folder):
    one, other = opened(folder), opened(folder)
    before = Before(other)
    one.rotate_root()
    one.rotate_signing()
    before.still_reads(other)
    other.rotate_envelope()  # starts from what is there, not from what it knew
    one.reload()
    assert (one.signing_kid, one.envelope_kid) == (other.signing_kid, other.envelope_kid)
    before.still_reads(one)


# The printed root key


def test_the_printed_root_key_brings_everything_back(folder):
    keys = opened(folder)
    before, printed = Before(keys), keys.printed_root()
    digits, kid = re.fullmatch(r"((?:[0-9a-f]{4} ){8})\(([0-9a-f]{16})\)", printed).groups()
    (folder / "root.key").unlink()
    write_whole(folder / "root.key", digits.replace(" ", "").encode() + b"\n", lambda _: None)
    assert root_id(bytes.fromhex(digits)) == kid
    before.still_reads(opened(folder, create=False))


# Passphrase


def by_phrase(path, successor=None):
    return PassphraseProvider(path, successor)


def test_a_passphrase_takes_the_place_of_the_root_key(folder, tmp_path, quick):
    source = phrase(tmp_path / "phrase")
    keys = opened(folder, provider=by_phrase(source))
    before = Before(keys)
    assert quick
    assert min(quick) >= 100_000
    assert (folder / "root.salt").stat().st_mode & 0o777 == 0o400
    assert not (folder / "root.key").exists()
    before.still_reads(opened(folder, provider=by_phrase(source)))
    assert keys.printed_root() is None


def test_the_salt_is_stretched_in_earnest(folder, tmp_path):
    source = phrase(tmp_path / "phrase")
    opened(folder, provider=by_phrase(source))
    _, rounds, salt, kid = (folder / "root.salt").read_text().strip().split("|")
    key = pbkdf2_sm3(b"correct horse battery staple", bytes.fromhex(salt), int(rounds))
    assert int(rounds) >= 100_000
    assert root_id(key[:16]) == kid


def test_a_wrong_passphrase_is_refused(folder, tmp_path, quick):
    opened(folder, provider=by_phrase(phrase(tmp_path / "phrase")))
    wrong = phrase(tmp_path / "wrong", "incorrect horse battery staple")
    with pytest.raises(KeyRefused) as refused:
        opened(folder, provider=by_phrase(wrong))
    assert "CARBON_KEY_PASSPHRASE_FILE" in refused.value.told("en")
    assert "horse" not in refused.value.told("en")


@pytest.mark.parametrize(
    "body",
    ["pbkdf2-sm3|99999|{0}|{1}\n", "pbkdf2-sm3|10000001|{0}|{1}\n", "pbkdf2-sm3|1|{0}|{1}\n", "x"],
)
def test_a_salt_that_asks_for_too_few_rounds_is_refused(folder, tmp_path, quick, body):
    source = phrase(tmp_path / "phrase")
    opened(folder, provider=by_phrase(source))
    path = folder / "root.salt"
    path.chmod(0o600)
    path.write_text(body.format("a" * 32, "b" * 16))
    with pytest.raises(KeyRefused, match="root.salt"):
        opened(folder, provider=by_phrase(source))


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (b"", "empty"),
        (b"too short\n", "16 to 1024"),
        (b"x" * 1025, "16 to 1024"),
        (b"correct horse battery staple\r\n", "LF"),
        (b"correct horse\nbattery staple\n", "one line"),
        (b"correct horse \0 battery staple\n", "one line"),
    ],
)
def test_a_passphrase_file_that_is_not_right_is_refused(folder, tmp_path, words, why):
    path = tmp_path / "phrase"
    path.write_bytes(words)
    path.chmod(0o400)
    with pytest.raises(KeyRefused) as refused:
        opened(folder, provider=by_phrase(str(path)))
    assert why in refused.value.told("en")
    assert "horse" not in refused.value.told("en")
    assert not (folder / "ring").exists()


def test_a_passphrase_that_others_can_read_is_refused(folder, tmp_path):
    source = phrase(tmp_path / "phrase")
    Path(source).chmod(0o644)
    with pytest.raises(KeyRefused, match="0644"):
        opened(folder, provider=by_phrase(source))


def test_a_passphrase_comes_from_a_credential(folder, tmp_path, quick, monkeypatch):
    source = "credential:carbon"
    with pytest.raises(KeyMissing, match="carbon"):
        opened(folder, provider=by_phrase(source))
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path))
    phrase(tmp_path / "carbon")
    opened(folder, provider=by_phrase(source))
    opened(folder, provider=by_phrase(str(tmp_path / "carbon")))
    for bad in ("credential:", "credential:../carbon", "credential:other"):
        with pytest.raises(KeyMissing):
            opened(folder, provider=by_phrase(bad))


def test_a_new_passphrase_with_a_stop_at_any_step(tmp_path, quick):
    old = phrase(tmp_path / "old")
    new = phrase(tmp_path / "new", "another horse battery staple")
    seen = []
    whole = opened(tmp_path / "whole", provider=by_phrase(old), step=seen.append)
    seen.clear()
    whole.rotate_root(by_phrase(old, new))
    for at in range(len(seen)):
        folder = tmp_path / f"keys{at}"
        left = iter(range(10_000))
        before = Before(opened(folder, provider=by_phrase(old)))

        def stop(_, left=left, at=at):
            if next(left) == at:
                raise Killed

        with pytest.raises(Killed):
            opened(folder, provider=by_phrase(old), step=stop).rotate_root(by_phrase(old, new))
        keys = opened(folder, provider=by_phrase(old, new))
        before.still_reads(keys)
        one = [_opens(folder, by_phrase(source)) for source in (old, new)]
        assert one.count(True) == 1  # before the ring is in place the old, afterwards the new
        keys.rotate_root()
        assert not list(folder.glob("*.next"))
        before.still_reads(opened(folder, provider=by_phrase(new)))
        assert not _opens(folder, by_phrase(old))


def _opens(folder, held):
    try:
        opened(folder, provider=held)
    except KeyRefused:
        return False
    return True


def test_the_same_passphrase_can_have_a_new_salt(folder, tmp_path, quick):
    source = phrase(tmp_path / "phrase")
    keys = opened(folder, provider=by_phrase(source))
    before, salt = Before(keys), (folder / "root.salt").read_bytes()
    keys.rotate_root()
    assert (folder / "root.salt").read_bytes() != salt
    before.still_reads(opened(folder, provider=by_phrase(source)))


# Providers by name


def test_providers_are_found_by_name(tmp_path, monkeypatch):
    assert isinstance(provider("file"), FileProvider)
    assert isinstance(provider("passphrase", "x"), PassphraseProvider)
    with pytest.raises(KeyRefused, match="CARBON_KEY_PASSPHRASE_FILE"):
        provider("passphrase")
    with pytest.raises(KeyRefused, match="sdf"):
        provider("sdf")
    point = EntryPoint("sdf", "security.providers:FileProvider", "carbon.key_providers")
    monkeypatch.setattr(providers, "entry_points", lambda group: [point])
    assert isinstance(provider("sdf"), FileProvider)


def test_keys_are_opened_only_by_the_provider_that_made_them(folder, tmp_path):
    opened(folder)
    with pytest.raises(KeyRefused, match="CARBON_KEY_PROVIDER"):
        opened(folder, provider=by_phrase(phrase(tmp_path / "phrase")))


def test_a_device_may_keep_every_private_half(folder):
    """What ``wrap`` and ``make_pair`` return is not looked into."""

    class Device(FileProvider):
        name = "device"

        def wrap(self, secret, label):
            return "handle:" + super().wrap(secret, label)

        def unwrap(self, wrapped, label):
            return super().unwrap(wrapped.removeprefix("handle:"), label)

        def rewrap(self, wrapped, label):
            return self.wrap(self.unwrap(wrapped, label), label)

    before = Before(opened(folder, provider=Device()))
    keys = opened(folder, provider=Device())
    before.still_reads(keys)
    keys.rotate_root()
    keys.rotate_signing()
    before.still_reads(opened(folder, provider=Device()))


# The process


HARD = """
import ctypes, resource
from security.keys import harden_process
harden_process()
print(resource.getrlimit(resource.RLIMIT_CORE), ctypes.CDLL(None).prctl(3, 0, 0, 0, 0))
"""


def test_a_hardened_process_leaves_no_core():
    soft = ctypes_dumpable()
    done = subprocess.run(
        [sys.executable, "-c", HARD], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout.strip() == "(0, 0) 0"
    assert soft == 1  # negative control: without it a process can be dumped
    assert resource.getrlimit(resource.RLIMIT_CORE)[1] != 0


def ctypes_dumpable():
    import ctypes

    return ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)


# Nothing secret is written (row 63)


def test_no_file_holds_a_secret(folder, tmp_path, caplog, capfd, quick):
    """Every form of every secret, in every file, log and line that came of using them."""
    keys = opened(folder)
    source = phrase(tmp_path / "phrase")
    spoken = opened(tmp_path / "spoken.keys", provider=by_phrase(source))
    out = tmp_path / "out"
    out.mkdir()
    for used in (keys, spoken):
        (out / f"{used.signing_kid}.gme").write_bytes(envelope(used))
        (out / f"{used.signing_kid}.field").write_text(used.seal_field(b"SECRET-TOTP", *PLACE))
        used.rotate_root()
        used.rotate_signing()
        used.rotate_purposes()
    said = []
    for used in (keys, spoken):
        for job in (lambda k=used: k.unlock("x", b""), lambda k=used: k.open_field("v1", *PLACE)):
            with pytest.raises((KeyMissing, Refused)) as error:
                job()
            said.append(f"{error.value} {error.value.__cause__!r}")
    (out / "log").write_text("\n".join(said))
    secrets = [b"SECRET-TOTP", b"SECRET-BACKUP", b"correct horse"]
    for used in (keys, spoken):
        secrets += [used.purpose(name).key for name in ("session", "audit", "field")]
        secrets += [*used._seeds.values(), *used._provider._roots.values()]
        secrets += [
            used._provider.unwrap(e.wrapped, e.label)[:32]
            for e in used._ring.keys
            if e.wrapped is not None
        ]
    logged = (caplog.text + "".join(capfd.readouterr())).encode()
    allowed = {folder / "root.key", Path(source)}  # where they are meant to be
    found = hits(secrets, [p for p in tmp_path.rglob("*") if p.is_file() and p not in allowed])
    assert found == []
    assert not any(form in logged for secret in secrets for form in forms(secret))
    # negative control: the search finds what is there
    assert hits(secrets, sorted(allowed))
    environment = Path("/proc/self/environ").read_bytes()
    assert not any(form in environment for secret in secrets for form in forms(secret))


def forms(secret):
    import base64

    return {
        secret,
        secret.hex().encode(),
        secret.hex().upper().encode(),
        base64.b64encode(secret).rstrip(b"="),
        base64.urlsafe_b64encode(secret).rstrip(b"="),
    }


def hits(secrets, paths):
    return [
        path
        for path in paths
        if any(form in path.read_bytes() for secret in secrets for form in forms(secret))
    ]


def test_a_printed_root_key_counts_until_the_next_one(state):
    for event, outcome, printed in (
        ("key.use", "failure", False), ("key.use", "success", True),
        ("key.rotate", "failure", True), ("key.rotate", "success", False),
        ("key.use", "success", True),
    ):  # fmt: skip
        state.audit.record(Entry(event, "root", "", outcome))
        assert root_key_printed(state) is printed, (event, outcome)
