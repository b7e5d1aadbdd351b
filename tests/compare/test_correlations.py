"""Correlations, intervals and what is found, against brute force, and their coverage."""

from __future__ import annotations

import warnings
from itertools import combinations, permutations
from math import isnan, log2, sqrt
from statistics import fmean, stdev

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import kendalltau, rankdata, spearmanr

from nas.compare.correlations import (
    COEFFICIENTS,
    Array,
    agreement,
    best_of,
    correlated,
    correlation,
    correlations,
    found_by,
    ndcg,
    share_of_best,
)
from nas.compare.gain import gains
from nas.seeding import numpy_generator

QUICK = settings(max_examples=60, deadline=None)
PAIRS = st.lists(
    st.tuples(st.integers(-3, 3), st.integers(-4, 4)), min_size=2, max_size=30
)  # few values: many ties


def tau_b(x: Array, y: Array) -> float:
    """Kendall's tau-b from its definition, pair by pair."""
    agree = ties_x = ties_y = pairs = 0
    for i, j in combinations(range(len(x)), 2):
        agree += int(np.sign(x[i] - x[j]) * np.sign(y[i] - y[j]))
        ties_x += x[i] == x[j]
        ties_y += y[i] == y[j]
        pairs += 1
    return float(agree / sqrt((pairs - ties_x) * (pairs - ties_y)))


@QUICK
@given(pairs=PAIRS)
def test_a_correlation_is_that_of_its_definition(pairs: list[tuple[int, int]]) -> None:
    x, y = (np.array(side, float) for side in zip(*pairs, strict=True))
    rho, tau = correlation(x, y)
    if len(set(x)) == 1 or len(set(y)) == 1:
        assert isnan(rho)
        assert isnan(tau)
    else:
        assert tau == pytest.approx(tau_b(x, y), abs=1e-12)
        assert rho == pytest.approx(spearmanr(x, y).statistic, abs=1e-12)


def data(n: int, seed: int = 0) -> tuple[dict[str, Array], Array]:
    """Two proxies and the truth; one proxy has no score for a third of the rows."""
    rng = numpy_generator("test", seed)
    truth = rng.normal(size=n)
    half = np.where(rng.random(n) < 1 / 3, np.nan, truth + 0.5 * rng.normal(size=n))
    return {"params": np.round(truth + rng.normal(size=n)), "half": half}, truth


def test_figures_are_those_of_scipy_on_the_rows_that_they_name() -> None:
    scores, truth = data(300)
    result = correlations(scores, truth, "params", resamples=20)
    half, params = scores["half"], scores["params"]
    kept = ~np.isnan(half)
    last = np.where(kept, half, half[kept].min() - 1)
    top = truth >= np.sort(truth)[-30]
    found, own = result["half"], result["params"]
    for coefficient, function in (("spearman", spearmanr), ("kendall", kendalltau)):

        def value(x: Array, y: Array, function=function) -> float:  # type: ignore[no-untyped-def]
            return float(function(x, y).statistic)

        dropped, everything = value(half[kept], truth[kept]), value(last, truth)
        assert found["all"][coefficient]["dropped"]["value"] == pytest.approx(dropped)
        assert found["all"][coefficient]["last"]["value"] == pytest.approx(everything)
        inside = found["top"][coefficient]
        assert inside["last"]["value"] == pytest.approx(value(last[top], truth[top]))
        both = top & kept
        assert inside["dropped"]["value"] == pytest.approx(value(half[both], truth[both]))
        less = found["difference"][coefficient]
        same_rows = value(params[kept], truth[kept])
        assert less["dropped"]["value"] == pytest.approx(dropped - same_rows)
        assert less["last"]["value"] == pytest.approx(everything - value(params, truth))
        assert own["difference"][coefficient]["last"] == {"value": 0.0, "low": 0.0, "high": 0.0}
        assert own["all"][coefficient]["dropped"] == own["all"][coefficient]["last"]


def test_intervals_are_percentiles_over_the_same_resamples_for_all() -> None:
    scores, truth = data(60)
    result = correlations(scores, truth, "params", resamples=200, seed=3)
    assert result == correlations(scores, truth, "params", resamples=200, seed=3)
    assert result != correlations(scores, truth, "params", resamples=200, seed=4)
    alone = correlations({"params": scores["params"]}, truth, "params", resamples=200, seed=3)
    assert alone["params"] == result["params"]
    copy = correlations(
        {"params": scores["params"], "copy": scores["params"] * 2 + 1}, truth, "params", 200
    )
    for figures in copy["copy"]["difference"].values():
        assert set(figures["last"].values()) == {0.0}  # paired: no difference in any resample
    for section in result["half"].values():
        for rules in section.values():
            for figure in rules.values():
                if figure["value"] is not None and figure["low"] is not None:
                    assert figure["low"] <= figure["high"]


def test_what_is_behind_the_best_is_paired() -> None:
    scores, truth = data(80)
    scores |= {"same": 2 * scores["params"], "constant": np.ones(80)}
    figures, behind = correlated(scores, truth, "params", resamples=200, seed=3)
    assert figures == correlations(scores, truth, "params", resamples=200, seed=3)
    rhos = {name: figures[name]["all"]["spearman"]["last"]["value"] for name in scores}
    assert behind.keys() == {"params", "half", "same"}
    assert {each["best"] for each in behind.values()} == {"params"}
    for name in ("params", "same"):
        assert behind[name] == {"best": "params", "value": 0.0, "low": 0.0, "high": 0.0}
    less = figures["half"]["difference"]["spearman"]["last"]  # params is the baseline and the best
    assert behind["half"]["value"] == pytest.approx(rhos["params"] - rhos["half"])
    ends = behind["half"]["low"], behind["half"]["high"]
    assert ends == pytest.approx((-less["high"], -less["low"]))
    nothing = correlated({"params": np.full(80, np.nan)}, truth, "params", resamples=20)[1]
    assert nothing == {}


def test_intervals_cover_the_true_correlation() -> None:
    """About 95 of 100 intervals over samples of a normal population contain its rho."""
    rho = 0.6
    spearman = 6 / np.pi * np.arcsin(rho / 2)  # the population's, for a bivariate normal
    kendall = 2 / np.pi * np.arcsin(rho)
    hits = {"spearman": 0, "kendall": 0}
    rng = numpy_generator("coverage")
    samples = 100
    for seed in range(samples):
        truth = rng.normal(size=100)
        score = rho * truth + sqrt(1 - rho**2) * rng.normal(size=100)
        figures = correlations({"params": score}, truth, "params", 100, seed)["params"]["all"]
        for name, true in (("spearman", spearman), ("kendall", kendall)):
            figure = figures[name]["last"]
            hits[name] += figure["low"] <= true <= figure["high"]
    for count in hits.values():
        assert 0.88 <= count / samples <= 0.99


def test_the_undefined_is_none_and_never_a_number() -> None:
    _, truth = data(40)
    few = np.full(40, np.nan)
    few[:9] = np.arange(9)
    scores = {"params": truth, "constant": np.ones(40), "few": few, "none": np.full(40, np.nan)}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = correlations(scores, truth, "params", resamples=30)
    nothing = {"value": None, "low": None, "high": None}
    for name in ("constant", "none"):
        for coefficient in COEFFICIENTS:
            assert result[name]["all"][coefficient] == {"dropped": nothing, "last": nothing}
    assert result["few"]["all"]["spearman"]["dropped"] == nothing
    assert result["few"]["all"]["spearman"]["last"]["value"] is not None
    assert result["params"]["top"]["kendall"]["last"] == nothing  # four rows
    assert agreement(scores)[0][1:] == [None, None, None]


@QUICK
@given(
    values=st.lists(st.integers(0, 3) | st.none(), min_size=1, max_size=6),
    count=st.integers(1, 6),
)
def test_a_share_is_the_chance_in_a_random_order(values: list[int | None], count: int) -> None:
    """Over all orders of the rows, the best `count` by a stable sort."""
    count = min(count, len(values))
    scores = np.array([np.nan if value is None else value for value in values], float)
    filled = np.nan_to_num(scores, nan=-1.0)
    orders = list(permutations(range(len(values))))
    chosen = np.zeros(len(values))
    for order in orders:
        chosen[sorted(order, key=lambda place: -filled[place])[:count]] += 1
    assert share_of_best(scores, count) == pytest.approx(chosen / len(orders))


def test_what_is_found() -> None:
    truth = np.arange(100.0)
    scores = truth.copy()
    scores[95:] = np.nan
    scores[0] = 1000.0
    found = found_by(scores, truth)
    assert found["favourite"] == {"place": 0, "truth": 0.0, "rank": 100, "tied": 1}
    assert found["top_tenth"]["last"] == pytest.approx(0.5)  # 90 to 94
    assert found["top_tenth"]["dropped"] == pytest.approx(0.9)  # of 85 to 94
    assert found["best"] == {"of": 64, "in_top_twentieth": 0.0}
    nothing = found_by(np.full(100, np.nan), truth)
    assert nothing["favourite"] is None
    assert nothing["top_tenth"] == {"dropped": None, "last": pytest.approx(0.1)}
    perfect = found_by(truth, truth)
    assert perfect["top_tenth"] == {"dropped": 1, "last": 1}
    assert perfect["best"]["in_top_twentieth"] == 5
    assert found_by(np.ones(100), truth)["top_tenth"]["last"] == pytest.approx(0.1)
    assert found_by(np.ones(100), truth)["favourite"]["tied"] == 100


def test_the_best_of_n_is_what_sampling_gives() -> None:
    """Against the exact expectation: the largest of N of n ranks, with repetition."""
    n = 50
    truth = np.arange(float(n))
    scores = {"perfect": truth, "worst": -truth, "none": np.full(n, np.nan)}
    found = best_of(scores, truth, (5, 50, 51), draws=4000)
    largest = sum(1 - (rank / n) ** 5 for rank in range(1, n))  # of 5 ranks from 0 to n - 1
    assert set(found["perfect"]) == {5, 50}
    assert found["perfect"][5]["mean"] == pytest.approx(largest, abs=0.5)
    assert found["worst"][5]["mean"] == pytest.approx(n - 1 - largest, abs=0.5)
    one = {"mean": fmean(truth), "sd": pytest.approx(stdev(truth))}
    assert all(best_of(scores, truth, (1,), 3)[name][1] == one for name in scores)  # at random
    assert found["none"][5]["mean"] == pytest.approx(fmean(truth), abs=1.2)
    assert best_of({"one": np.ones(3)}, np.ones(3), (2,), 10)["one"][2] == {"mean": 1, "sd": 0}


def test_agreement_is_over_the_rows_that_both_score() -> None:
    scores, _ = data(80)
    kept = ~np.isnan(scores["half"])
    expected = np.corrcoef(rankdata(scores["params"][kept]), rankdata(scores["half"][kept]))[0, 1]
    table = agreement(scores)
    assert table[0][1] == table[1][0] == pytest.approx(expected)
    assert table[0][0] == pytest.approx(1)


VALUES = st.lists(st.tuples(st.integers(0, 3) | st.none(), st.integers(-4, 4)), min_size=2)


def slow_ndcg(scores: Array, truth: Array, count: int) -> float:
    """nDCG from its definition: the mean over all orders of the tied rows."""

    def dcg(order: list[int]) -> float:
        gained = 0.0
        for place, row in enumerate(order[:count], 1):
            share = (truth[row] - low) / (high - low) if high > low else truth[row] >= high
            gained += (2 ** (20 * min(max(share, 0), 1)) - 1) / log2(1 + place)
        return gained

    position = 0.2 * (len(truth) - 1)
    ordered = sorted(truth)
    below = ordered[int(position)]
    above = ordered[min(int(position) + 1, len(truth) - 1)]
    low, high = below + (position % 1) * (above - below), ordered[-1]
    filled = np.nan_to_num(scores, nan=-1.0)
    orders = [
        sorted(each, key=lambda row: -filled[row]) for each in permutations(range(len(truth)))
    ]
    best = dcg(sorted(range(len(truth)), key=lambda row: -truth[row]))
    return fmean(map(dcg, orders)) / best


@QUICK
@given(pairs=VALUES.filter(lambda pairs: len(pairs) <= 6), count=st.integers(1, 7))
def test_ndcg_is_that_of_its_definition(pairs: list[tuple[int | None, int]], count: int) -> None:
    scores = np.array([np.nan if score is None else score for score, _ in pairs], float)
    truth = np.array([true for _, true in pairs], float)
    if len(set(truth)) == 1:
        assert isnan(ndcg(scores, truth, count))
    else:
        assert ndcg(scores, truth, count) == pytest.approx(slow_ndcg(scores, truth, count))


def test_ndcg_by_hand() -> None:
    truth = np.array([0.0, 10.0, 20.0, 30.0, 40.0, 50.0])  # the 20 % quantile is 10
    worth = [0.0, 0.0, 2.0**5 - 1, 2.0**10 - 1, 2.0**15 - 1, 2.0**20 - 1]
    assert gains(truth) == pytest.approx(worth)
    best = worth[5] + worth[4] / log2(3)
    assert ndcg(np.array([1.0, 2, 3, 4, 6, 5]), truth, 2) == pytest.approx(
        (worth[4] + worth[5] / log2(3)) / best
    )
    missing = np.array([1.0, 2, 3, 4, np.nan, np.nan])  # the two best are at places 5 and 6
    assert ndcg(missing, truth, 2) == pytest.approx((worth[3] + worth[2] / log2(3)) / best)
    mean = (worth[4] + worth[5]) / 2 * (1 / log2(6) + 1 / log2(7))
    whole = sum(gain / log2(place + 1) for place, gain in enumerate(reversed(worth), 1))
    rest = sum(worth[row] / log2(place + 1) for place, row in enumerate((3, 2, 1, 0), 1))
    assert ndcg(missing, truth, 64) == pytest.approx((rest + mean) / whole)
    flat = np.array([1.0, 1, 1, 1, 0, 1])  # the quantile is the maximum
    assert gains(flat) == pytest.approx([2.0**20 - 1] * 4 + [0, 2.0**20 - 1])
    assert isnan(ndcg(truth, np.ones(6)))


@QUICK
@given(pairs=VALUES, count=st.integers(1, 70), factor=st.floats(0.1, 10))
def test_laws_of_ndcg(pairs: list[tuple[int | None, int]], count: int, factor: float) -> None:
    scores = np.array([np.nan if score is None else score for score, _ in pairs], float)
    truth = np.array([true for _, true in pairs], float)
    if len(set(truth)) == 1:
        return
    value = ndcg(scores, truth, count)
    assert 0 <= value <= 1
    assert ndcg(factor * truth + 3, truth, count) == pytest.approx(1)
    for transformed in (np.exp(scores), 7 * scores - 3, scores**3):
        assert ndcg(transformed, truth, count) == value
    assert ndcg(scores, factor * truth - 3, count) == pytest.approx(value)
    assert ndcg(-truth, truth, count) <= value + 1e-12
    order = numpy_generator("order").permutation(len(truth))
    assert ndcg(scores[order], truth[order], count) == pytest.approx(value)


def test_ndcg_has_an_interval_of_the_same_resamples_and_a_paired_difference() -> None:
    scores, truth = data(200)
    scores["copy"] = scores["params"] * 2 + 1
    result = correlations(scores, truth, "params", resamples=100)
    for name, values in scores.items():
        figure = result[name]["all"]["ndcg"]["last"]
        assert figure["value"] == pytest.approx(ndcg(values, truth))
        assert 0 <= figure["low"] < figure["value"] < figure["high"] <= 1
    less = result["half"]["difference"]["ndcg"]["last"]
    assert less["value"] == pytest.approx(
        ndcg(scores["half"], truth) - ndcg(scores["params"], truth)
    )
    assert set(result["copy"]["difference"]["ndcg"]["last"].values()) == {0.0}
    rng = numpy_generator("bootstrap", 0)  # as scipy draws them, 50 at a time
    drawn = [rng.integers(0, 200, (50, 200)) for _ in range(2)]
    order = np.argsort(truth)
    again = [
        ndcg(scores["half"][order][rows], truth[order][rows]) for rows in np.concatenate(drawn)
    ]
    low, high = np.percentile(again, [2.5, 97.5])
    figure = result["half"]["all"]["ndcg"]["last"]
    assert (figure["low"], figure["high"]) == (pytest.approx(low), pytest.approx(high))
