"""The rules find what is wrong with the demonstration plant, and little else."""

import pytest

from tests.accounting.score_anomaly import MEANT, MONTHS, report, seeds_of, total

SEEDS = seeds_of("101-120")
REDUCED = SEEDS[:2]
# With two seeds a rule may have four faults and six alarms: there one or two say nothing of its
# share.
REDUCED_MISSED, REDUCED_WRONG = 1, 2
RECALL, PRECISION, MAX_PER_MONTH = 0.9, 0.8, 2.0


@pytest.fixture(scope="module")
def score(full):
    seeds = SEEDS if full else REDUCED
    found = total(seeds)
    print(f"\n{len(seeds)} of {len(SEEDS)} seeds, {MONTHS} months each\n{report(found)}")
    return found


@pytest.mark.parametrize("rule", MEANT)
def test_recall(score, full, rule):
    slack = 0 if full else REDUCED_MISSED
    assert score.of(rule) > 0
    assert score.caught(rule) >= RECALL * score.of(rule) - slack, score.missed


@pytest.mark.parametrize("rule", MEANT)
def test_precision(score, full, rule):
    slack = 0 if full else REDUCED_WRONG
    assert score.right[rule] > 0
    assert score.right[rule] >= PRECISION * (score.alarms[rule] - slack), score.wrong


def test_a_year_without_faults_is_quiet(score):
    assert max(score.years) / 12 <= MAX_PER_MONTH, score.quiet
