"""Wilcoxon's test against all signs counted, Holm's correction against its definition."""

from __future__ import annotations

from itertools import product
from math import isnan, nan

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nas.study.significance import differences, holm, smallest, wilcoxon


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


def test_ties_and_zeros_of_decimals_are_ties_and_zeros() -> None:
    ones = np.array([94.1, 93.5, 0.1 + 0.2, 70.1, 99.9])
    others = np.array([93.8, 93.8, 0.3, 70.4, 99.7])
    assert len(np.unique(np.abs(ones - others))) == 4
    found = differences(ones, others)
    assert found == pytest.approx([0.3, -0.3, 0.0, -0.3, 0.2])
    assert found[2] == 0.0
    assert found[0] == -found[1] == -found[3]
    assert wilcoxon(found) == wilcoxon(np.array([3.0, -3.0, 0.0, -3.0, 2.0]))


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=20), st.sampled_from([1e-4, 0.1, 1e3]))
def test_differences_are_those_of_the_decimals(values: list[int], unit: float) -> None:
    ones, others = np.array(values[:-1]), np.array(values[1:])
    found = differences(ones * unit, others * unit)
    ranks = np.unique(np.abs(ones - others), return_inverse=True)[1]
    assert np.unique(np.abs(found), return_inverse=True)[1].tolist() == ranks.tolist()
    assert np.sign(found).tolist() == np.sign(ones - others).tolist()


def test_small_values_beside_large_ones_still_differ() -> None:
    found = differences(np.array([1e12, 3.0, 1.0]), np.array([2e12, 2.0, 1.5]))
    assert found.tolist() == [-1e12, 1.0, -0.5]


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
