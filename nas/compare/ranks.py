"""Ranks of values, and rank correlations of two vectors."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Codes = NDArray[np.int32]
Rows = NDArray[np.intp]


def dense(values: Array) -> Codes:
    """Whole numbers from 1 in the order of the values, equal for equal values; 0 for NaN.

    >>> dense(np.array([2.5, np.nan, 7, 2.5])).tolist()
    [1, 0, 2, 1]
    """
    codes = np.zeros(len(values), np.int32)
    known = ~np.isnan(values)
    codes[known] = np.unique(values[known], return_inverse=True)[1] + 1
    return codes


def coefficients(scores: Codes, truth: Codes) -> tuple[float, float]:
    """Spearman's rho and Kendall's tau-b of codes (n,); NaN if a vector is constant or n < 2.

    It is faster than with values, because ranking codes needs no sorting.
    """
    from scipy.stats import kendalltau  # its import takes a third of a second

    rho = spearman(scores, truth)
    return rho, np.nan if np.isnan(rho) else float(kendalltau(scores, truth).statistic)


def spearman(scores: Codes, truth: Codes) -> float:
    """Spearman's rho of codes (n,); NaN if a vector is constant or n < 2."""
    if len(scores) < 2 or scores.min() == scores.max() or truth.min() == truth.max():
        return np.nan
    return float(np.corrcoef(mean_ranks(scores), mean_ranks(truth))[0, 1])


def mean_ranks(codes: Codes) -> Array:
    """Ranks from 1; equal codes have their mean rank, as in `scipy.stats.rankdata`.

    >>> mean_ranks(np.array([1, 2, 1])).tolist()
    [1.5, 3.0, 1.5]
    """
    counts = np.bincount(codes)
    ranks: Array = (np.cumsum(counts) - (counts - 1) / 2)[codes]
    return ranks
