"""The commands as the contract names them, with the app running and stopped."""

import http.client
import json
import stat
import threading

import pytest

from tests.cli import manage, serving
from tests.plant import METER_COLUMNS, SITE, meter, moment, series, write_csv


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("files")
    (folder / "site.toml").write_text(
        SITE.format(site="S1", zone="Asia/Shanghai", settings=""), encoding="utf-8"
    )
    row = meter("G", role="grid_import", register_max=1000000)
    write_csv(folder / "meters.csv", METER_COLUMNS, [[row[c] for c in METER_COLUMNS]])
    start, end = moment("2026-03-01 00:00"), moment("2026-05-01 00:00")
    write_csv(folder / "readings.csv", ("meter_id", "timestamp", "value"), series("G", start, end))
    write_csv(folder / "bad.csv", ("meter_id", "timestamp", "value"),
              [("G", "2026-05-01 00:15", "6000"), ("G", "2026-05-01 00:30", "1,3万"),
               ("X", "2026-05-01 00:30", "1")])  # fmt: skip
    return folder


STEPS = (
    ("import", "site", "{files}/site.toml"),
    ("import", "meters", "{files}/meters.csv"),
    ("import", "readings", "{files}/readings.csv", "--dry-run"),
    ("import", "readings", "{files}/readings.csv"),
    ("import", "readings", "{files}/bad.csv"),
    ("settle",),
    ("settle", "--json"),
    ("import", "readings", "{files}/bad.csv", "--accept-good"),
    ("settle", "--from", "2026-04"),
    ("export", "ledger", "--out", "{out}"),
    ("trace", "emission", "2026-03", "--json"),
    ("trace", "nothing", "2026-03"),
    ("import", "readings", "{files}/absent.csv"),
)


def played(home, files, out):
    """Every step's exit code and words; times are blanked."""
    said = []
    for step in STEPS:
        done = manage(home, *(word.format(files=files, out=out) for word in step))
        text = done.stdout + done.stderr
        if done.stdout.startswith("{") and '"settled_at"' in done.stdout:
            found = json.loads(done.stdout)
            text = json.dumps(found | {"settled_at": ""})
        said.append((step, done.returncode, text.replace(str(out), "OUT")))
    rows = [line.rsplit(",", 1)[0] for line in out.read_text(encoding="utf-8").splitlines()]
    return said, rows


@pytest.fixture(scope="module")
def alone(files, tmp_path_factory):
    """A data directory after every step without an app, and what was said."""
    place = tmp_path_factory.mktemp("alone")
    return place / "home", played(place / "home", files, place / "out.csv")


def test_same_words_with_the_app_running_and_stopped(tmp_path, files, alone):
    alone = alone[1]
    # The service settles by itself what was imported; here the commands are to do it.
    with serving(tmp_path / "served", CARBON_SETTLE_QUIET_S="3600"):
        served = played(tmp_path / "served", files, tmp_path / "served.csv")
    assert served == alone
    codes = [code for _, code, _ in alone[0]]
    assert codes == [0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 1]
    refused = alone[0][4][2]
    assert "bad.csv" in refused
    assert "1,3万" in refused


def test_export_repeats_byte_for_byte(tmp_path, alone):
    home, _ = alone
    for form in ("csv", "xlsx", "parquet"):
        bodies = []
        for n in range(2):
            out = tmp_path / f"{n}.{form}"
            assert manage(home, "export", "ledger", "--out", str(out), "--format", form
                          ).returncode == 0  # fmt: skip
            bodies.append(out.read_bytes())
        assert bodies[0] == bodies[1], form


def test_export_as_of_shows_what_was_known(tmp_path, files):
    home = tmp_path / "home"
    for step in (*STEPS[:2], STEPS[3], STEPS[5]):
        manage(home, *(word.format(files=files, out="") for word in step))
    first = tmp_path / "first.csv"
    manage(home, "export", "ledger", "--out", str(first))
    known = max(line.rsplit(",", 1)[1] for line in first.read_text().splitlines()[1:])
    late = write_csv(tmp_path / "late.csv", ("meter_id", "timestamp", "value"),
                     [("G", "2026-04-01 00:00", "2980")])  # fmt: skip
    manage(home, "import", "readings", str(late))
    assert json.loads(manage(home, "settle", "--json").stdout)["figures"] > 0
    then, now = tmp_path / "then.csv", tmp_path / "now.csv"
    manage(home, "export", "ledger", "--out", str(then), "--as-of", known)
    manage(home, "export", "ledger", "--out", str(now))
    assert then.read_bytes() == first.read_bytes()
    assert now.read_bytes() != first.read_bytes()


@pytest.mark.parametrize(
    "words",
    [
        ("import", "nonsense", "x.csv"),
        ("export", "ledger"),
        ("settle", "--from", "2026-13"),
        ("nothing",),
        ("export", "ledger", "--out", "x", "--format", "doc"),
    ],
)
def test_wrong_usage_exits_2(tmp_path, words):
    assert manage(tmp_path / "home", *words).returncode == 2


def test_unknown_setting_is_an_error(tmp_path):
    done = manage(tmp_path / "home", "settle", CARBON_HOM="x")
    assert done.returncode == 2
    assert "CARBON_HOM" in done.stderr


def test_english_when_asked(tmp_path):
    done = manage(tmp_path / "home", "settle", CARBON_LANGUAGE="en")
    assert done.stdout == "Nothing changed, nothing to settle\n"


def test_every_template_prints(tmp_path):
    for kind in ("site", "readings", "meters", "trips"):
        done = manage(tmp_path / "home", "import", "--template", kind)
        assert done.returncode == 0
        assert len(done.stdout) > 20


def test_healthz_without_data_and_the_socket_is_the_owners(tmp_path):
    home = tmp_path / "home"
    with serving(home) as port:
        mode = stat.S_IMODE((home / "app.sock").stat().st_mode)
        assert mode == 0o600
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("POST", "/internal/command", b'{"name":"settle","values":{}}')
        assert connection.getresponse().status == 404
        connection.close()
        assert manage(home, "serve").returncode == 1


def test_commands_wait_for_each_other(tmp_path, files):
    home = tmp_path / "home"
    codes = []
    threads = [
        threading.Thread(
            target=lambda: codes.append(
                manage(home, "import", "site", str(files / "site.toml")).returncode
            )
        )
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert codes == [0, 0, 0]
