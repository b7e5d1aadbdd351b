"""Wilcoxon's test against all signs counted, Holm's correction against its definition."""

from __future__ import annotations

from itertools import product
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.study.significance import holm, smallest, wilcoxon


def counted(differences: list[float]) -> float:
    """The share of all signs whose rank sum is as far from the middle, or farther."""
    size = np.abs(differences)
    ranks = size.argsort().argsort() + 1
    middle = ranks.sum() / 2
    seen = abs(ranks[np.array(differences) > 0].sum() - middle)
    sums = [ranks[list(signs)].sum() for signs in product([False, True], repeat=len(ranks))]
    return float(np.mean([abs(each - middle) >= seen for each in sums]))


@given(st.lists(st.integers(-1000, 1000), min_size=1, max_size=9, unique_by=abs))
def test_the_test_counts_signs(values: list[int]) -> None:
    differences = [float(value) for value in values if value]
    if differences:
        assert wilcoxon(np.array(differences)) == pytest.approx(counted(differences))


def test_no_difference_is_no_evidence() -> None:
    assert wilcoxon(np.zeros(5)) == 1.0
    assert isnan(wilcoxon(np.zeros(0)))


@pytest.mark.parametrize("pairs", [1, 4, 6])
def test_the_smallest_p(pairs: int) -> None:
    assert wilcoxon(np.arange(1.0, pairs + 1)) == pytest.approx(smallest(pairs))


@given(st.lists(st.floats(0, 1), max_size=8))
def test_holm_rejects_step_by_step(values: list[float]) -> None:
    corrected = holm(values)
    for level in (0.01, 0.05, 0.2):
        rejected = set()
        for rank, place in enumerate(sorted(range(len(values)), key=lambda k: values[k])):
            if values[place] * (len(values) - rank) > level:
                break
            rejected.add(place)
        assert {place for place, p in enumerate(corrected) if p <= level} == rejected


def test_what_was_not_tested_counts_for_nothing() -> None:
    corrected = holm([nan, 0.01, 0.02])
    assert isnan(corrected[0])
    assert corrected[1:] == pytest.approx([0.02, 0.02])
