"""The best so far after every trial, and means with intervals."""

from __future__ import annotations

from functools import partial
from math import isnan, nan

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import bootstrap

from nas.ranking import by_score, rank_sum, ranked
from nas.study.curves import CHECKS, curve, incumbents, interval, mean, so_far
from nas.study.run import Run
from nas.trial import Trial


def run(scores: list[float]) -> Run:
    trials = [Trial(n, (n,), score, {"params": n}, 0.1) for n, score in enumerate(scores)]
    return Run({}, 0, trials, by_score)


@given(st.lists(st.one_of(st.just(nan), st.integers(0, 5).map(float)), max_size=12))
def test_the_best_so_far_is_what_a_search_would_return(scores: list[float]) -> None:
    searched = run(scores)
    for count, trial in enumerate(incumbents(searched), 1):
        best = ranked(searched.trials[:count], by_score)
        assert trial == (best[0] if best else None)


def test_a_ranking_of_sets_is_asked_now_and_then() -> None:
    trials = [
        Trial(n, (n,), 0.0, {}, 0.0, scores={"a": float(n % 7), "b": float(n % 5)})
        for n in range(3 * CHECKS)
    ]
    found = incumbents(Run({}, 0, trials, rank_sum, value=None))
    assert len(found) == len(trials)
    assert found[-1] == ranked(trials, rank_sum)[0]
    assert found[2] == ranked(trials[:3], rank_sum)[0]


def test_any_figure_of_the_best_so_far() -> None:
    values = so_far(run([nan, 1.0, 0.5, 3.0]), lambda trial: float(trial.metrics["params"]))
    assert isnan(values[0])
    assert values[1:].tolist() == [1.0, 1.0, 3.0]


def test_a_search_that_is_shorter_keeps_its_last_figure() -> None:
    found = curve([np.array([1.0, 2.0, 3.0]), np.array([5.0])])
    assert found.trials.tolist() == [1, 2, 3]
    assert found.mean.tolist() == [3.0, 3.5, 4.0]


def test_a_mean_is_of_those_that_have_a_figure() -> None:
    table = np.array([[nan, 1.0, nan], [2.0, 3.0, nan]])
    assert mean(table)[:2].tolist() == [2.0, 2.0]
    assert isnan(mean(table)[2])
    low, high = interval(table)
    assert np.isnan([low[0], high[0], low[2], high[2]]).all()
    assert low[1] == 1.0
    assert high[1] == 3.0


def test_a_long_curve_has_its_first_and_its_last_trial() -> None:
    found = curve([np.arange(10_000.0)])
    assert len(found.trials) == 400
    assert (found.trials[0], found.trials[-1], found.mean[-1]) == (1, 10_000, 9_999.0)


def test_the_interval_is_the_bootstraps() -> None:
    values = np.random.Generator(np.random.PCG64(1)).normal(size=40)
    low, high = interval(values[:, None])
    other = bootstrap(
        (values,), np.mean, method="percentile", n_resamples=20_000, rng=np.random.default_rng(2)
    ).confidence_interval
    width = other.high - other.low
    assert abs(low[0] - other.low) < 0.06 * width
    assert abs(high[0] - other.high) < 0.06 * width
    assert interval(values[:, None])[0] == low


def test_a_partial_ranking_is_by_score_too() -> None:
    ranking = partial(by_score, weights=None)
    last = incumbents(Run({}, 0, run([1.0, 2.0]).trials, ranking))[-1]
    assert last is not None
    assert last.number == 1
