"""Paired tests between variants: Wilcoxon's signed-rank test with Holm's correction."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from itertools import pairwise
from math import isnan, nan
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

TEST = "Wilcoxon's signed-rank test over the seeds, two-sided; Holm's correction over all pairs"
NOISE = 1e-9
"""Differences that differ by less than this share of the values are equal: such as 94.1 - 93.8 and
93.8 - 93.5, which floating-point numbers make unequal."""


def differences(ones: Array, others: Array) -> Array:
    """Paired differences (n,) of values (n,); those that are equal but for rounding are equal."""
    found = ones - others
    noise = NOISE * np.maximum(np.abs(ones), np.abs(others))
    sizes = np.where(np.abs(found) <= noise, 0.0, np.abs(found))
    for before, place in pairwise(np.argsort(sizes, kind="stable")):
        if sizes[place] - sizes[before] <= max(noise[place], noise[before]):
            sizes[place] = sizes[before]
    return np.sign(found) * sizes


def wilcoxon(differences: Array) -> float:
    """The p-value of paired differences (n,), two-sided; 1 if all are 0, NaN if there are none.

    Differences of 0 are left out (Wilcoxon, Biometrics Bulletin 1, 1945). The distribution is
    exact for at most 50 of them without ties.
    """
    from scipy.stats import wilcoxon as signed_rank

    if not len(differences):
        return nan
    if not differences.any():
        return 1.0
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # few seeds: the table says so
        return float(signed_rank(differences).pvalue)


def holm(values: Sequence[float]) -> list[float]:
    """The p-values of a family of tests, corrected (Holm, Scand. J. Statist. 6, 1979).

    A NaN stays one, and counts for no test.

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted((p, place) for place, p in enumerate(values) if not isnan(p))
    corrected = [nan] * len(values)
    least = 0.0
    for rank, (p, place) in enumerate(order):
        least = max(least, min(1.0, p * (len(order) - rank)))
        corrected[place] = least
    return corrected


def smallest(pairs: int) -> float:
    """The smallest p-value that so many pairs can give."""
    return float(min(1.0, 2.0 ** (1 - pairs)))
