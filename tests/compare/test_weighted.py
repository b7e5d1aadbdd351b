"""Figures from how often rows are drawn, against SciPy on the repeated rows."""

from __future__ import annotations

import sys
import warnings
from itertools import product
from math import isnan

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.stats import bootstrap, kendalltau, spearmanr

from nas.compare import correlations as module
from nas.compare.correlations import correlations
from nas.compare.gain import BEST, ndcg
from nas.compare.ranks import Array, dense
from nas.compare.resampling import Plain, Scored
from nas.seeding import numpy_generator

pytest.importorskip("numba")

from nas.compare.kernels import LANES
from nas.compare.weighted import Pairs, Weighted, spread

QUICK = settings(max_examples=60, deadline=None)
SCORES = st.integers(-3, 3) | st.none()
ROWS = st.lists(st.tuples(SCORES, SCORES, st.integers(-4, 4)), min_size=1, max_size=30)
Drawn = NDArray[np.intp]


def columns(rows: list[tuple[int | None, int | None, int]]) -> tuple[dict[str, Array], Array]:
    """Scores of two proxies, and the truth in ascending order."""
    rows = sorted(rows, key=lambda row: row[2])
    table = np.array([[np.nan if each is None else each for each in row] for row in rows], float)
    return {"one": table[:, 0], "two": table[:, 1]}, table[:, 2]


def drawn(n: int, resamples: int, seed: int) -> Drawn:
    return numpy_generator("drawn", seed).integers(0, n, (resamples, n))


def scored(scores: dict[str, Array], truth: Array) -> Scored:
    return Scored({name: dense(each) for name, each in scores.items()}, truth, "one")


def expected(x: Array, y: Array) -> tuple[float, float]:
    """SciPy's rho and tau-b; NaN where they are not defined."""
    if len(x) < 2 or x.min() == x.max() or y.min() == y.max():
        return np.nan, np.nan
    return float(spearmanr(x, y).statistic), float(kendalltau(x, y).statistic)


@QUICK
@given(rows=ROWS, seed=st.integers(0, 99), resamples=st.integers(1, LANES))
def test_correlations_are_those_of_scipy_on_the_drawn_rows(
    rows: list[tuple[int | None, int | None, int]], seed: int, resamples: int
) -> None:
    scores, truth = columns(rows)
    score = scores["one"]
    for chosen in (~np.isnan(score), np.arange(len(truth)) >= len(truth) // 2):
        last = np.where(np.isnan(score), -99, score)
        counts = np.zeros((len(truth), LANES), np.int32)
        resampled = drawn(len(truth), resamples, seed)
        for lane, each in enumerate(resampled):
            np.add.at(counts[:, lane], each, 1)
        found = Pairs.of(dense(score), dense(truth), chosen).correlated(counts)
        for lane, each in enumerate(resampled):
            kept = each[chosen[each]]
            rho, tau = expected(last[kept], truth[kept])
            assert found[0, lane] == pytest.approx(rho, abs=1e-14, nan_ok=True)
            assert found[1, lane] == pytest.approx(tau, rel=0, abs=0, nan_ok=True)
        assert np.isnan(found[:, resamples:]).all()  # no rows


@settings(max_examples=30, deadline=None)
@given(rows=ROWS, seed=st.integers(0, 99), resamples=st.sampled_from([1, 3, LANES + 1]))
def test_all_figures_are_those_of_the_plain_way(
    rows: list[tuple[int | None, int | None, int]], seed: int, resamples: int
) -> None:
    both = scored(*columns(rows))
    resampled = drawn(len(rows), resamples, seed)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        plain, weighted = Plain(both)(resampled), Weighted(both)(resampled)
    assert plain.shape == weighted.shape == (2 * (6 * 2 + 2), resamples)
    np.testing.assert_allclose(weighted, plain, rtol=1e-13, atol=1e-13)


@pytest.mark.parametrize("levels", [1, 3, 40, 2000])
@pytest.mark.parametrize("seed", [0, 1])
def test_all_figures_of_many_rows(levels: int, seed: int) -> None:
    """Large groups of ties, missing scores, and equal truths."""
    rng = numpy_generator("many", seed)
    n = 1500
    truth = np.sort(np.round(rng.normal(size=n), 2))
    scores = {
        "one": np.floor((truth + rng.normal(size=n)) * levels),
        "two": np.where(rng.random(n) < 0.2, np.nan, rng.integers(0, levels, n)),
    }
    both = scored(scores, truth)
    resampled = drawn(n, 20, seed)
    plain, weighted = Plain(both)(resampled), Weighted(both)(resampled)
    np.testing.assert_allclose(weighted, plain, rtol=1e-12, atol=1e-13)
    for lane, rows in enumerate(resampled):
        assert weighted[24, lane] == pytest.approx(ndcg(scores["one"][rows], truth[rows], BEST))


@QUICK
@given(
    truth=st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60),
    seed=st.integers(0, 99),
    resamples=st.integers(1, LANES),
)
def test_the_spread_is_that_of_numpy(truth: list[float], seed: int, resamples: int) -> None:
    values = np.sort(truth)
    resampled = drawn(len(values), resamples, seed)
    counts = np.stack([np.bincount(each, minlength=len(values)) for each in resampled], axis=1)
    found = spread(counts.astype(np.int32), values)
    for lane, rows in enumerate(resampled):
        same = values[rows]
        smallest, low, high = (each[lane] for each in found)
        assert (smallest, low, high) == (same.min(), np.quantile(same, 0.2), same.max())


def test_intervals_are_the_same_without_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = numpy_generator("without")
    truth = rng.normal(size=120)
    scores = {
        "params": np.round(truth + rng.normal(size=120)),
        "half": np.where(rng.random(120) < 0.5, np.nan, truth),
        "constant": np.ones(120),
        "none": np.full(120, np.nan),
    }
    with_numba = correlations(scores, truth, "params", resamples=70)
    monkeypatch.setitem(sys.modules, "numba", None)
    monkeypatch.delitem(sys.modules, "nas.compare.weighted")
    without = correlations(scores, truth, "params", resamples=70)
    assert isinstance(module.figures_of(scored({"one": truth}, np.sort(truth))), Plain)
    assert flat(with_numba) == pytest.approx(flat(without), rel=1e-12, abs=1e-13, nan_ok=True)
    assert any(not isnan(each) for each in flat(without))


def flat(figures: object) -> list[float]:
    """All numbers in nested mappings, in order; None as NaN."""
    if isinstance(figures, dict):
        return [number for each in figures.values() for number in flat(each)]
    return [np.nan if figures is None else float(figures)]  # type: ignore[arg-type]  # a number


def test_a_disabled_compiler_is_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    from numba import config

    both = scored({"one": np.arange(3.0)}, np.arange(3.0))
    assert isinstance(module.figures_of(both), Weighted)
    monkeypatch.setattr(config, "DISABLE_JIT", True)
    assert isinstance(module.figures_of(both), Plain)


def test_intervals_are_those_of_the_bootstrap_of_scipy() -> None:
    rng = numpy_generator("bootstrap of scipy")
    truth = np.sort(rng.normal(size=80))
    scores = {"params": np.round(truth + rng.normal(size=80), 1)}
    with warnings.catch_warnings():  # the top has eight rows, of which none may be drawn twice
        warnings.simplefilter("ignore")
        interval = bootstrap(
            (np.arange(80),),
            lambda rows, axis: Plain(Scored({"params": dense(scores["params"])}, truth, "params"))(  # noqa: ARG005
                np.atleast_2d(rows)
            ),
            n_resamples=130,
            batch=50,
            method="percentile",
            rng=numpy_generator("bootstrap", 0),
        ).confidence_interval
    found = correlations(scores, truth, "params", resamples=130)["params"]
    ends = np.stack([interval.low, interval.high])
    for place, (coefficient, end) in enumerate(product(("spearman", "kendall"), range(2))):
        figure = found["all"][coefficient]["last"]
        assert figure[("low", "high")[end]] == pytest.approx(ends[end, 2 + place // 2], abs=1e-14)
    assert found["all"]["ndcg"]["last"]["low"] == pytest.approx(ends[0, -2], abs=1e-14)
