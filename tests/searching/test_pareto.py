"""The front of a search, its hypervolume and how that grew, against plain computations."""

from __future__ import annotations

from functools import partial
from math import inf, nan
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas.dominance import hypervolume
from nas.errors import UsageError
from nas.ranking import by_score, pareto, rank_sum, ranked
from nas.searching.formulas import Formula
from nas.searching.judging import Judging
from nas.searching.limits import Limits
from nas.searching.pareto import front, front_of, growth, newest, objectives
from nas.trial import Trial

NAMES = ("a", "b")
POINTS = st.lists(
    st.tuples(st.integers(0, 6), st.integers(0, 6), st.integers(0, 6)), min_size=1, max_size=15
)


def trials(points: list[Any], names: str = "abc") -> list[Trial]:
    return [
        Trial(
            n, (n,), float(sum(p)), {}, 0.0, scores=dict(zip(names, map(float, p), strict=False))
        )
        for n, p in enumerate(points)
    ]


@given(POINTS)
@settings(deadline=None)
def test_growth_is_the_hypervolume_of_every_beginning(points: list[Any]) -> None:
    table, origin = np.array(points, float), np.array([1.0, 0.0, 2.0])
    every = [hypervolume(table[: count + 1], origin) for count in range(len(table))]
    assert growth(table, origin) == pytest.approx(every)


@given(POINTS)
@settings(deadline=None)
def test_the_front_has_the_first_trial_of_every_undominated_point(points: list[Any]) -> None:
    found = front_of(trials(points), "abc")
    best = {
        one
        for one in points
        if not any(o != one and all(x >= y for x, y in zip(o, one, strict=True)) for o in points)
    }
    assert {trial.number for trial in found.trials} == {points.index(point) for point in best}
    assert [*map(tuple, found.points.tolist())] == sorted(best, reverse=True)
    assert found.reference.tolist() == np.min(points, axis=0).tolist()
    assert found.hypervolume == (found.growth[-1][1] if found.growth else 0.0)


@given(POINTS)
@settings(deadline=None)
def test_the_winner_is_the_first_of_the_front(points: list[Any]) -> None:
    """Ties in the first objective are broken by the second, then by the third, then by age."""
    told = trials(points)
    best = ranked(told, pareto)[0]
    assert best is front_of(told, "abc").trials[0]
    assert best.number == points.index(max(points))


def test_trials_that_lack_an_objective_do_not_count() -> None:
    found = front_of(trials([(1, 1), (nan, 9), (inf, 3), (2, 0)], "ab"), NAMES)
    assert [trial.number for trial in found.trials] == [3, 0]
    assert found.reference.tolist() == [1, 0]
    nothing = front_of(trials([(nan, nan)], "ab"), NAMES, [0, 0])
    assert (nothing.trials, nothing.hypervolume, nothing.growth) == ([], 0.0, [])


def test_a_reference_that_is_given() -> None:
    found = front_of(trials([(1, 1), (3, 0)], "ab"), NAMES, [-1, -1])
    assert (found.hypervolume, found.given) == (4 + 2, True)
    assert found.growth == [(0, 4.0), (1, 6.0)]


@pytest.mark.parametrize("reference", [[1.0], [1.0, nan], [1.0, 2.0, 3.0], [1.0, inf]])
def test_a_reference_that_does_not_fit(reference: list[float]) -> None:
    with pytest.raises(UsageError, match=r"for each of several objectives, and those are: a, b"):
        front_of(trials([(1, 1)], "ab"), NAMES, reference)


def formulas(*texts: str, ranking: Any = pareto) -> Judging:
    return Judging(ranking, tuple(Formula.parse(text) for text in texts), score="p")


def test_a_search_has_a_front_if_it_has_several_objectives() -> None:
    two = trials([(1, 1)], "ab")
    assert objectives(formulas("p", "-m"), two) == ("p", "-m")
    assert objectives(formulas("p"), two) == ("p",)
    assert objectives(pareto, two) == objectives(Judging(partial(pareto)), two) == NAMES
    assert objectives(rank_sum, two) == objectives(by_score, two) == ()
    assert front(two, by_score) is None
    assert front(two, formulas("p")) is None


def figures(number: int, p: float, m: float, copy_of: int | None = None) -> Trial:
    return Trial(number, (number,), p, {"m": m}, 0.0, copy_of=copy_of)


def test_a_copy_with_a_better_metric_of_its_own_is_on_the_front() -> None:
    """Architectures of one form have one score, but an own latency each."""
    told = [figures(0, 5, 9), figures(1, 1, 1), figures(2, 5, 7, copy_of=0), figures(3, 5, 7, 0)]
    ranking = formulas("p", "-m")
    found = front(told, ranking)
    assert found is not None
    assert [trial.number for trial in found.trials] == [2, 1]
    assert [trial.number for trial in ranked(told, ranking)] == [2, 1, 0]
    product = formulas("p/m", ranking=by_score)
    assert [trial.number for trial in ranked(told, product)] == [1, 2, 0]
    assert [trial.number for trial in ranked(told, by_score)] == [0, 1]


def test_patience_waits_for_the_front_to_grow() -> None:
    told = [figures(0, 1, 1), figures(1, 5, 5), figures(2, 0, 1)]
    ranking = formulas("p", "-m")
    last = newest(told, ranking)
    assert last is not None
    assert last.number == 1
    limits = Limits(100, patience=10)
    dull = [figures(number, 0, 6) for number in range(3, 11)]
    assert limits.ended([*told, *dull], ranking) == ""
    assert "patience=10" in limits.ended([*told, *dull, figures(11, 0, 6)], ranking)
    grown = [*told, *dull[:4], figures(7, 2, 2), *dull[5:], figures(11, 0, 6)]
    assert limits.ended(grown, ranking) == ""  # though the best by p is still trial 1
