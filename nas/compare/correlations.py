"""How well scores agree with the truth: rank correlations with intervals, and what they find."""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement
from math import ceil, isnan, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import DegenerateDataWarning, bootstrap, kendalltau, rankdata

from nas.seeding import numpy_generator

Array = NDArray[np.float64]
Codes = NDArray[np.int32]
Figure = dict[str, float | None]
"""A value and the low and the high end of its interval; None if it is undefined."""

RULES = ("dropped", "last")
"""How architectures without a score count: `dropped` leaves them out, `last` ties them last."""
SECTIONS = ("all", "top", "difference")
COEFFICIENTS = ("spearman", "kendall")
FEWEST = 10
"""A correlation needs at least this many rows."""
BEST = 64
"""`found_by` and `ndcg` look at this many best scores."""
FLOOR, RELEVANCE = 0.2, 20.0
"""The quantile of the truth with relevance 0, and the relevance of the best (`gains`)."""


def correlation(scores: Array, truth: Array) -> tuple[float, float]:
    """Spearman's rho and Kendall's tau-b of two vectors; NaN if one of them is constant."""
    return _correlation(_codes(scores), _codes(truth))


def _codes(values: Array) -> Codes:
    """Whole numbers from 1 in the order of the values, equal for equal values; 0 for NaN."""
    codes = np.zeros(len(values), np.int32)
    known = ~np.isnan(values)
    codes[known] = rankdata(values[known], method="dense")
    return codes


def _correlation(scores: Codes, truth: Codes) -> tuple[float, float]:
    """`correlation` of codes: it is faster, because ranking codes needs no sorting."""
    if len(scores) < 2 or scores.min() == scores.max() or truth.min() == truth.max():
        return np.nan, np.nan
    rho = np.corrcoef(_ranks(scores), _ranks(truth))[0, 1]
    return float(rho), float(kendalltau(scores, truth).statistic)


def _ranks(codes: Codes) -> Array:
    """Ranks from 1; equal codes have their mean rank, as in `scipy.stats.rankdata`."""
    counts = np.bincount(codes)
    ranks: Array = (np.cumsum(counts) - (counts - 1) / 2)[codes]
    return ranks


def gains(truth: Array) -> Array:
    """What finding each row is worth in `ndcg`: 2^relevance - 1; the truth is (n,).

    The relevance grows linearly with the truth, from 0 at its 20 % quantile and below to 20 at its
    maximum: so a figure that is worse than the best by a twentieth of this range has half the
    gain. It is the gain of Zhang et al., "Learning to Rank Ace Neural Architectures via Normalized
    Discounted Cumulative Gain" (2021), https://arxiv.org/abs/2108.03001, and their code
    (https://github.com/ultmaster/AceNAS, gcn/benchmarks/metrics.py). Where the quantile is the
    maximum, only the best have a gain.
    """
    low, high = float(np.quantile(truth, FLOOR)), float(truth.max())
    share = np.clip((truth - low) / (high - low), 0, 1) if high > low else truth == high
    found: Array = np.exp2(RELEVANCE * share) - 1
    return found


def ndcg(scores: Array, truth: Array, count: int = BEST) -> float:
    """nDCG@count: how much of the possible gain the best scores have, in [0, 1].

    DCG = sum of gain(i) / log2(i + 1) over the `count` best scores (all, if there are fewer), i
    from 1, divided by the DCG of the `count` truly best (Järvelin and Kekäläinen, "Cumulated
    gain-based evaluation of IR techniques", 2002). `gains` has the gain. Scores (n,) are NaN if
    they are missing, which ranks last; tied scores have the mean over their orders (McSherry and
    Najork, 2008). NaN if the truth (n,) is constant.
    """
    return _ndcg(_codes(scores), _gained(truth, count))


Gained = tuple[Array, Array, float]
"""The gain of each row, the discounts of the first 0, 1, …, n places summed, and the best DCG."""


def _gained(truth: Array, count: int) -> Gained:
    """What `_ndcg` needs of the truth; the best DCG is NaN if the truth is constant."""
    gained = gains(truth)
    places = np.arange(1, len(truth) + 1)
    discounts = np.where(places <= count, 1 / np.log2(places + 1), 0.0)
    constant = truth.min() == truth.max()
    best = nan if constant else float(np.sort(gained)[::-1] @ discounts)
    return gained, np.concatenate([[0.0], np.cumsum(discounts)]), best


def _ndcg(scores: Codes, gained: Gained) -> float:
    """`ndcg` of codes: rows with the same code share the mean discount of their places."""
    each, discounts, best = gained
    counts = np.bincount(scores)[::-1]
    sums = np.bincount(scores, weights=each)[::-1]
    last = np.cumsum(counts)
    shared = (discounts[last] - discounts[last - counts]) / np.maximum(counts, 1)
    return min(1.0, float(sums @ shared) / best) if best > 0 else nan  # rounding may exceed 1


def correlations(
    scores: Mapping[str, Array],
    truth: Array,
    baseline: str,
    resamples: int = 1000,
    seed: int = 0,
) -> dict[str, dict[str, Any]]:
    """Every proxy's correlations with the truth (n,); a missing score is NaN.

    For each proxy and both `RULES` it gives Spearman's rho and Kendall's tau-b over all rows, over
    the true top tenth (`top`), and their difference to those of `baseline` on the same rows
    (`difference`). nDCG@`BEST` over all rows, and its difference, are there for the rule `last`
    alone. Intervals are 95 % percentile bootstrap intervals over the rows. All proxies use the
    same resamples, so that differences are paired.
    """
    return correlated(scores, truth, baseline, resamples, seed)[0]


def correlated(
    scores: Mapping[str, Array],
    truth: Array,
    baseline: str,
    resamples: int = 1000,
    seed: int = 0,
) -> tuple[dict[str, dict[str, Any]], dict[str, dict[str, Any]]]:
    """`correlations`, and how far each proxy's rho over all is behind the best one's (`behind`).

    The best is the first with the highest rho over all; the interval is of the same resamples, so
    that it is paired. Nothing is behind where no proxy has a rho.
    """
    order = np.argsort(truth)  # sorting a sorted vector again is fast
    codes = {name: _codes(values[order]) for name, values in scores.items()}
    like = _first_alike(codes)
    names = sorted(set(like.values()))
    values = truth[order]
    true = _codes(values)
    top = true >= true[-ceil(len(true) / 10)]

    def statistic(rows: NDArray[np.intp], axis: int = -1) -> Array:  # noqa: ARG001  (scipy)
        if rows.ndim == 2:
            return np.stack([statistic(np.sort(row)) for row in rows], axis=-1)
        here = {name: codes[name][rows] for name in names}
        own = _all_correlations(here, true[rows], top[rows], like[baseline])
        gained = _gained(values[rows], BEST)
        found = np.array([_ndcg(each, gained) for each in here.values()])
        return np.concatenate([own, found, found - found[names.index(like[baseline])]])

    rows = np.arange(len(truth))
    with warnings.catch_warnings(action="ignore", category=DegenerateDataWarning):
        resampled = bootstrap(
            (rows,),
            statistic,
            n_resamples=resamples,
            batch=50,
            method="percentile",
            rng=numpy_generator("bootstrap", seed),
        )
    own, interval = statistic(rows), resampled.confidence_interval
    parts = [
        _by_name(vector, names)
        for vector in (own, np.asarray(interval.low), np.asarray(interval.high))
    ]
    figures = {
        name: _sections([part[like[name]] for part in parts], codes[name] > 0, top)
        for name in scores
    }
    drawn = _rhos(resampled.bootstrap_distribution, names)
    places = {name: names.index(first) for name, first in like.items()}
    return figures, _behind(_rhos(own[:, None], names)[:, 0], drawn, places)


def _rhos(figures: Array, names: Sequence[str]) -> Array:
    """Spearman's rho over all, no score ranked last, of every proxy (rows) in every resample."""
    shape = (len(names), len(SECTIONS), len(RULES), len(COEFFICIENTS), -1)
    own = figures[: np.prod(shape[:-1])].reshape(shape)
    found: Array = own[:, SECTIONS.index("all"), RULES.index("last"), 0]
    return found


def _behind(rhos: Array, drawn: Array, places: Mapping[str, int]) -> dict[str, dict[str, Any]]:
    """How far each proxy is behind the best: rho less rho, by name; `places` are those of rows."""
    known = {name: rhos[place] for name, place in places.items() if not isnan(rhos[place])}
    if not known:
        return {}
    best = max(known, key=lambda name: known[name])
    less = drawn[places[best]] - drawn
    low, high = np.percentile(less, (2.5, 97.5), axis=1)
    return {
        name: {
            "best": best,
            **_figure(known[best] - rho, low[places[name]], high[places[name]]),
        }
        for name, rho in known.items()
    }


def _by_name(figures: Array, names: Sequence[str]) -> dict[str, tuple[Array, Array]]:
    """Every proxy's correlations, by section, rule and coefficient, and its two of nDCG."""
    shape = (len(names), len(SECTIONS), len(RULES), len(COEFFICIENTS))
    own, gained = np.split(figures, [np.prod(shape)])
    return dict(
        zip(names, zip(own.reshape(shape), gained.reshape(2, -1).T, strict=True), strict=True)
    )


def _first_alike(codes: Mapping[str, Codes]) -> dict[str, str]:
    """For every proxy the first proxy that orders the rows alike: both correlate alike."""
    first: dict[bytes, str] = {}
    return {name: first.setdefault(each.tobytes(), name) for name, each in codes.items()}


def _sections(
    parts: Sequence[tuple[Array, Array]], kept: NDArray[np.bool_], top: NDArray[np.bool_]
) -> dict[str, Any]:
    """A proxy's figures by name; figures over fewer than `FEWEST` rows are undefined."""
    everything = np.ones_like(kept)
    result: dict[str, Any] = {}
    for j, section in enumerate(SECTIONS):
        for k, rule in enumerate(RULES):
            used = (top if section == "top" else everything) & (kept if k == 0 else everything)
            enough = used.sum() >= FEWEST
            for m, coefficient in enumerate(COEFFICIENTS):
                figure = _figure(*(float(own[j, k, m]) if enough else nan for own, _ in parts))
                result.setdefault(section, {}).setdefault(coefficient, {})[rule] = figure
    enough = len(kept) >= FEWEST
    for place, section in enumerate(("all", "difference")):
        figure = _figure(*(float(part[place]) if enough else nan for _, part in parts))
        result[section]["ndcg"] = {"last": figure}
    return result


def _all_correlations(
    scores: Mapping[str, Codes], truth: Codes, top: NDArray[np.bool_], baseline: str
) -> Array:
    """All correlations that `correlations` needs, in one vector."""
    base = scores[baseline]
    whole = _correlation(base, truth)
    found = []
    for codes in scores.values():
        kept = codes > 0
        everywhere = bool(kept.all())
        all_last = whole if codes is base else _correlation(codes, truth)
        all_dropped = all_last if everywhere else _correlation(codes[kept], truth[kept])
        same_rows = whole if everywhere else _correlation(base[kept], truth[kept])
        top_last = _correlation(codes[top], truth[top])
        top_dropped = top_last
        if not everywhere:
            top_dropped = _correlation(codes[kept & top], truth[kept & top])
        found += [*all_dropped, *all_last, *top_dropped, *top_last]
        found += [a - b for a, b in zip(all_dropped, same_rows, strict=True)]
        found += [a - b for a, b in zip(all_last, whole, strict=True)]
    return np.array(found)


def _figure(value: float, low: float, high: float) -> Figure:
    """The figure; NaN becomes None. There is no interval if a resample has no value."""
    if np.isnan(value):
        return {"value": None, "low": None, "high": None}
    known = not (np.isnan(low) or np.isnan(high))
    return {"value": value, "low": low if known else None, "high": high if known else None}


def share_of_best(values: Array, count: int) -> Array:
    """Each row's chance to be among the `count` best; ties are in random order, NaN is last."""
    filled = np.where(np.isnan(values), -np.inf, values)
    boundary = np.sort(filled)[-count]
    above, tied = filled > boundary, filled == boundary
    shares: Array = above + tied * ((count - above.sum()) / tied.sum())
    return shares


def found_by(scores: Array, truth: Array) -> dict[str, Any]:
    """How many of the truly best rows a choice by scores finds.

    Scores (n,) are NaN if they are missing; the truth is (n,). `top_tenth`: the share of the true
    top tenth that is in the scores' top tenth, under both `RULES` (`dropped`: both tenths are of
    the rows with a score only); `best`: how many of the `BEST` best scores are in the true top
    twentieth; `favourite`: the index of the best score (the first if tied), its truth and its true
    rank, 1 is best. Tied scores count by their chance in a random order.
    """
    n = len(truth)
    twentieth, best, kept = ceil(n / 20), min(BEST, n), ~np.isnan(scores)
    filled = np.where(np.isnan(scores), -np.inf, scores)
    place = int(filled.argmax())
    exists = not np.isnan(scores[place])
    return {
        "top_tenth": {
            "dropped": _shared(scores[kept], truth[kept]),
            "last": _shared(scores, truth),
        },
        "best": {
            "of": best,
            "in_top_twentieth": float(
                share_of_best(scores, best) @ share_of_best(truth, twentieth)
            ),
        },
        "favourite": {
            "place": place,
            "truth": float(truth[place]),
            "rank": int((truth > truth[place]).sum()) + 1,
            "tied": int((filled == filled[place]).sum()),
        }
        if exists
        else None,
    }


def _shared(scores: Array, truth: Array) -> float | None:
    """The share of the true top tenth in the scores' top tenth; None if there are no rows."""
    if not len(scores):
        return None
    tenth = ceil(len(scores) / 10)
    return float(share_of_best(scores, tenth) @ share_of_best(truth, tenth) / tenth)


def best_of(
    scores: Mapping[str, Array], truth: Array, sizes: tuple[int, ...], draws: int, seed: int = 0
) -> dict[str, dict[int, dict[str, float]]]:
    """Mean and sd of the truth of the best of N random rows by each proxy, for every N in `sizes`.

    N of n rows are drawn `draws` times with replacement, the same rows for all proxies. So the
    rows represent the space that they are a sample of; sizes over n are left out. A row without a
    score is taken only if no drawn row has a score. Of tied rows the first drawn row is taken. The
    best of one row is that row: so mean and sd for N = 1 are those of all rows, without draws.
    """
    rng = numpy_generator("best of", seed)
    result: dict[str, dict[int, dict[str, float]]] = {name: {} for name in scores}
    for size in sizes:
        if size > len(truth):
            continue
        drawn = rng.integers(len(truth), size=(draws, size))
        for name, values in scores.items():
            if size == 1 and len(truth) > 1:
                result[name][1] = {"mean": float(truth.mean()), "sd": float(truth.std(ddof=1))}
                continue
            filled = np.where(np.isnan(values), -np.inf, values)[drawn]
            picked = truth[drawn[np.arange(draws), filled.argmax(axis=1)]]
            same = picked.min() == picked.max()  # rounding could make the sd positive
            sd = 0.0 if same else float(picked.std(ddof=1))
            result[name][size] = {"mean": float(picked.mean()), "sd": sd}
    return result


def agreement(scores: Mapping[str, Array]) -> list[list[float | None]]:
    """Spearman's rho between every two proxies, over the rows for which both have a score.

    None if these rows are fewer than `FEWEST`, or if one of the two is constant on them.
    """
    names = list(scores)
    table: list[list[float | None]] = [[None] * len(names) for _ in names]
    for (i, one), (j, other) in combinations_with_replacement(enumerate(scores.values()), 2):
        both = ~(np.isnan(one) | np.isnan(other))
        if both.sum() >= FEWEST:
            rho = correlation(one[both], other[both])[0]
            table[i][j] = table[j][i] = None if isnan(rho) else rho
    return table
