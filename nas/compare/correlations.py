"""How well scores agree with the truth: rank correlations with intervals, and what they find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations_with_replacement
from math import ceil, isnan, nan
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nas.compare.gain import BEST as BEST
from nas.compare.gain import ndcg as ndcg
from nas.compare.ranks import Array as Array
from nas.compare.ranks import Codes, coefficients, dense, spearman
from nas.compare.resampling import Figures, Plain, Scored
from nas.seeding import numpy_generator

Figure = dict[str, float | None]
"""A value and the low and the high end of its interval; None if it is undefined."""

RULES = ("dropped", "last")
"""How architectures without a score count: `dropped` leaves them out, `last` ties them last."""
SECTIONS = ("all", "top", "difference")
COEFFICIENTS = ("spearman", "kendall")
FEWEST = 10
"""A correlation needs at least this many rows."""
BATCH = 64
"""How many resamples are drawn and kept in memory at once."""


def correlation(scores: Array, truth: Array) -> tuple[float, float]:
    """Spearman's rho and Kendall's tau-b of two vectors; NaN if one of them is constant."""
    return coefficients(dense(scores), dense(truth))


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
    alone. Intervals are 95 % percentile bootstrap intervals over the rows, the same as those of
    `scipy.stats.bootstrap`. All proxies use the same resamples, so that differences are paired.
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
    codes = {name: dense(values[order]) for name, values in scores.items()}
    like = _first_alike(codes)
    names = sorted(set(like.values()))
    scored = Scored({name: codes[name] for name in names}, truth[order], like[baseline])
    statistic = figures_of(scored)
    own = statistic(np.arange(len(truth))[np.newaxis])
    rng, found = numpy_generator("bootstrap", seed), []
    for start in range(0, resamples, BATCH):
        size = min(BATCH, resamples - start), len(truth)
        found.append(statistic(rng.integers(0, len(truth), size)))
    drawn = np.concatenate(found, axis=1)
    low, high = np.quantile(drawn, [0.025, 0.975], axis=1)
    parts = [_by_name(vector, names) for vector in (own[:, 0], low, high)]
    figures = {
        name: _sections([part[like[name]] for part in parts], codes[name] > 0, scored.top)
        for name in scores
    }
    places = {name: names.index(first) for name, first in like.items()}
    return figures, _behind(_rhos(own, names)[:, 0], _rhos(drawn, names), places)


def figures_of(scored: Scored) -> Figures:
    """What computes the figures of resamples: `Weighted` where Numba compiles, else `Plain`."""
    try:
        from numba import config
    except (ImportError, ValueError):  # ValueError: Numba's settings are wrong
        return Plain(scored)
    if getattr(config, "DISABLE_JIT", False):
        return Plain(scored)
    from nas.compare.weighted import Weighted

    return Weighted(scored)


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
            rho = spearman(dense(one[both]), dense(other[both]))
            table[i][j] = table[j][i] = None if isnan(rho) else rho
    return table
