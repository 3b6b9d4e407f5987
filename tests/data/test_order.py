"""Order, repetition and splitting of files do not matter; nor does the number of threads."""

import random

import pytest

from tests.plant import Plant, bytes_without_clock, meter, moment, opened_home, series

ALARMS = "SELECT * EXCLUDE (run) FROM alarm"  # which settle first found one is its history


def rows():
    draw = random.Random(3)
    found = []
    for name, step, growth in (("G", 15, 9.0), ("L", 15, 2.0), ("W", 60, 0.3)):
        made = series(name, moment("2026-01-20 00:00"), moment("2026-03-20 06:00"), step, 5.0)
        value, out = 5.0, []
        for ident, at, _ in made:
            value += draw.random() * growth
            out.append((ident, at, f"{value + (400 if draw.random() < 0.001 else 0):.3f}"))
        first = draw.randrange(200, len(out) - 400)
        del out[first : first + 40]
        found += out
    return found


def built(folder, parts, threads):
    folder.mkdir()
    with opened_home(folder / "home", threads=threads) as engine:
        plant = Plant(folder, engine)
        plant.meters(
            meter("G", role="grid_import", register_max=1000000, rated_max_per_hour=60),
            meter("L", equipment="conductor_line", rated_max_per_hour=20),
            meter("W", medium="water", unit="m3", step_min=60, rated_max_per_hour=3),
        )
        plant.put(
            "batches",
            ("batch_id", "site", "date", "line", "mass_in_t"),
            [("B1", "S1", "2026-02-05", "conductor", 12.5)],
        )
        for part in parts:
            plant.readings(part)
        plant.settle()
        return bytes_without_clock(engine), plant.query(ALARMS)


@pytest.fixture(scope="module")
def reference(tmp_path_factory):
    return built(tmp_path_factory.mktemp("order") / "whole", [rows()], 2)


def test_one_thread(tmp_path, reference):
    assert built(tmp_path / "one", [rows()], 1) == reference


@pytest.mark.parametrize("seed", [1, 2])
def test_permuted_split_and_repeated(tmp_path, reference, seed):
    draw = random.Random(seed)
    mixed = rows()
    draw.shuffle(mixed)
    cuts = sorted(draw.sample(range(1, len(mixed)), 4))
    parts = [mixed[a:b] for a, b in zip([0, *cuts], [*cuts, len(mixed)], strict=True)]
    repeated = draw.sample(mixed, 500)
    assert built(tmp_path / "mixed", [*parts, repeated], 1 + seed % 2) == reference


def test_settled_in_between(tmp_path, reference):
    """The last row of every figure, and every alarm, however often it was settled on the way."""

    def values(body):
        return [line.split(b",")[:14] for line in body.splitlines()]

    (tmp_path / "steps").mkdir()
    with opened_home(tmp_path / "steps" / "home") as engine:
        plant = Plant(tmp_path / "steps", engine)
        plant.meters(
            meter("G", role="grid_import", register_max=1000000, rated_max_per_hour=60),
            meter("L", equipment="conductor_line", rated_max_per_hour=20),
            meter("W", medium="water", unit="m3", step_min=60, rated_max_per_hour=3),
        )
        mixed = rows()
        random.Random(9).shuffle(mixed)
        for start in range(0, len(mixed), 3000):
            plant.readings(mixed[start : start + 3000])
            plant.settle()
        plant.put(
            "batches",
            ("batch_id", "site", "date", "line", "mass_in_t"),
            [("B1", "S1", "2026-02-05", "conductor", 12.5)],
        )
        plant.settle()
        assert values(bytes_without_clock(engine)) == values(reference[0])
        assert plant.query(ALARMS) == reference[1]
        assert reference[1]
