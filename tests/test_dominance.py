"""Fronts, crowding and hypervolume against plain computations from their definitions."""

from __future__ import annotations

from itertools import product
from math import inf, prod
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nas import dominance
from nas.errors import UsageError
from nas.ranking import pareto, ranked
from nas.trial import Trial

Point = tuple[float, ...]
FEW = st.integers(2, 4).flatmap(
    lambda count: st.lists(st.tuples(*[st.integers(0, 5)] * count), min_size=1, max_size=12)
)
"""Points on a small grid, so that some are equal and some dominate others."""


def beats(one: Point, other: Point) -> bool:
    return all(a >= b for a, b in zip(one, other, strict=True)) and one != other


def sorted_out(points: list[Any]) -> list[int]:
    """Fronts by their definition: peel off what nothing dominates."""
    found: dict[int, int] = {}
    left, front = set(range(len(points))), 0
    while left:
        top = {n for n in left if not any(beats(points[m], points[n]) for m in left)}
        found |= dict.fromkeys(top, front)
        left, front = left - top, front + 1
    return [found[n] for n in range(len(points))]


def cells(points: list[Any]) -> int:
    """The hypervolume above 0 of points on a grid: the unit cells below one of them."""
    size = len(points[0])
    return sum(
        any(all(c < x for c, x in zip(cell, point, strict=True)) for point in points)
        for cell in product(range(5), repeat=size)
    )


def lonely(points: list[Any], point: Any) -> float:
    """The crowding distance of one of the different points of a front."""
    total = 0.0
    for axis in range(len(point)):
        values = sorted({each[axis] for each in points})
        if point[axis] in (values[0], values[-1]):
            return inf
        place = values.index(point[axis])
        total += (values[place + 1] - values[place - 1]) / (values[-1] - values[0])
    return total


@given(FEW)
@settings(deadline=None)
def test_fronts_are_those_of_the_definition(points: list[Any]) -> None:
    assert dominance.fronts(np.array(points, float)).tolist() == sorted_out(points)


@given(FEW)
@settings(deadline=None)
def test_the_hypervolume_is_the_count_of_cells(points: list[Any]) -> None:
    origin = np.zeros(len(points[0]))
    assert dominance.hypervolume(np.array(points, float), origin) == cells(points)


def test_points_below_the_reference_add_nothing() -> None:
    points = np.array([[3.0, -1.0], [2.0, 2.0], [0.0, 9.0]])
    assert dominance.hypervolume(points, np.zeros(2)) == prod((2.0, 2.0))
    assert dominance.hypervolume(points[:1], np.zeros(2)) == 0.0


@given(st.lists(st.floats(0, 1, width=16), min_size=1, max_size=12, unique=True))
@settings(deadline=None)
def test_crowding_is_the_way_between_the_two_next(places: list[float]) -> None:
    points = [(place, -place) for place in places]  # none dominates another
    found = dominance.crowding(np.array(points))
    assert found == pytest.approx([lonely(points, point) for point in points])


def test_equal_points_have_one_distance() -> None:
    points = np.array([[0.0, 4.0], [1.0, 3.0], [1.0, 3.0], [4.0, 0.0]])
    assert dominance.crowding(points).tolist() == [inf, 2.0, 0.0, inf]


def test_figures_without_an_end_have_a_distance() -> None:
    points = np.array([[-inf, inf], [0.0, 1.0], [1.0, 0.0], [inf, -1e300]])
    assert not np.isnan(dominance.values(points)).any()


@given(FEW)
@settings(deadline=None)
def test_a_better_front_has_higher_values(points: list[Any]) -> None:
    values = dominance.values(np.array(points, float))
    for (one, a), (other, b) in product(zip(sorted_out(points), values, strict=True), repeat=2):
        assert one >= other or a > b
        assert -one <= a < -one + 1


@given(FEW)
@settings(deadline=None)
def test_the_first_of_a_front_is_the_best_by_every_objective_in_turn(points: list[Any]) -> None:
    values = dominance.values(np.array(points, float)).tolist()
    for front in {*sorted_out(points)}:
        there = [place for place, found in enumerate(sorted_out(points)) if found == front]
        first = max(there, key=lambda place: (points[place], -place))
        assert values[first] == 0.75 - front
        assert all(values[place] <= 0.5 - front for place in there if place != first)


def test_huge_figures_that_differ_are_no_ties() -> None:
    points = np.array([[1e200, 2.0, 0.0], [1e201, 1.0, 1.0], [0.0, 0.0, 2.0]])
    assert dominance.values(points).argmax() == 1


@given(FEW)
@settings(deadline=None)
def test_the_order_is_that_of_tuples(points: list[Any]) -> None:
    expected = sorted(range(len(points)), key=lambda place: points[place], reverse=True)
    assert dominance.order(np.array(points, float)).tolist() == expected


def trial(number: int, **scores: float) -> Trial:
    return Trial(number, (number,), sum(scores.values()), {}, 0.0, scores=scores)


def test_the_ranking_begins_with_the_best_by_the_first_objective() -> None:
    trials = [
        trial(0, a=1.0, b=9.0),
        trial(1, a=5.0, b=5.0),
        trial(2, a=9.0, b=1.0),
        trial(3, a=0.0, b=0.0),
        trial(4, a=6.0, b=4.5),
    ]
    assert [each.number for each in ranked(trials, pareto)] == [2, 0, 1, 4, 3]
    assert pareto(trials)[3] == pytest.approx(-1 + 0.5 + 0.25)  # alone on its front


def test_the_ranking_leaves_out_what_lacks_an_objective() -> None:
    trials = [trial(0, a=1.0, b=float("nan")), trial(1, a=0.0, b=0.0)]
    assert pareto(trials)[0] == -inf
    assert [each.number for each in ranked(trials, pareto)] == [1]
    nothing = Trial(2, (2,), float("nan"), {}, 0.0, reason="infeasible: params is 3")
    assert pareto([nothing, *trials])[0] == -inf


def test_the_ranking_needs_two_objectives() -> None:
    with pytest.raises(UsageError, match="ranking=pareto compares several"):
        pareto([Trial(0, (0,), 1.0, {}, 0.0)])
    assert pareto([]) == []
