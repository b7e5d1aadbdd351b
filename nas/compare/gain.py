"""nDCG: how much of the possible gain the best scores have."""

from __future__ import annotations

from math import nan

import numpy as np

from nas.compare.ranks import Array, Codes, dense

BEST = 64
"""`found_by` and `ndcg` look at this many best scores."""
FLOOR, RELEVANCE = 0.2, 20.0
"""The quantile of the truth with relevance 0, and the relevance of the best (`gains`)."""

Gained = tuple[Array, Array, float]
"""The gain of each row, the discounts of the first 0, 1, …, n places summed, and the best DCG."""


def gains(truth: Array) -> Array:
    """What finding each row is worth in `ndcg`: 2^relevance - 1; the truth is (n,).

    The relevance grows linearly with the truth, from 0 at its 20 % quantile and below to 20 at its
    maximum: so a figure that is worse than the best by a twentieth of this range has half the
    gain. It is the gain of Zhang et al., "Learning to Rank Ace Neural Architectures via Normalized
    Discounted Cumulative Gain" (2021), https://arxiv.org/abs/2108.03001, and their code
    (https://github.com/ultmaster/AceNAS, gcn/benchmarks/metrics.py). Where the quantile is the
    maximum, only the best have a gain.
    """
    return gains_between(truth, np.quantile(truth, FLOOR), truth.max())


def gains_between(truth: Array, low: Array | np.float64, high: Array | np.float64) -> Array:
    """`gains` of a truth with this 20 % quantile and this maximum; the arrays are broadcast."""
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(high > low, np.clip((truth - low) / (high - low), 0, 1), truth == high)
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
    return ndcg_of(dense(scores), gained(truth, count))


def gained(truth: Array, count: int) -> Gained:
    """What `ndcg_of` needs of the truth; the best DCG is NaN if the truth is constant."""
    each = gains(truth)
    places = np.arange(1, len(truth) + 1)
    discounts = np.where(places <= count, 1 / np.log2(places + 1), 0.0)
    constant = truth.min() == truth.max()
    best = nan if constant else float(np.sort(each)[::-1] @ discounts)
    return each, np.concatenate([[0.0], np.cumsum(discounts)]), best


def ndcg_of(scores: Codes, truth: Gained) -> float:
    """`ndcg` of codes: rows with the same code share the mean discount of their places."""
    each, discounts, best = truth
    counts = np.bincount(scores)[::-1]
    sums = np.bincount(scores, weights=each)[::-1]
    last = np.cumsum(counts)
    shared = (discounts[last] - discounts[last - counts]) / np.maximum(counts, 1)
    return min(1.0, float(sums @ shared) / best) if best > 0 else nan  # rounding may exceed 1
