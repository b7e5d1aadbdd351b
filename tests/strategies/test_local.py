"""Local search: it climbs to a top by the best neighbour, then it restarts elsewhere."""

from __future__ import annotations

from itertools import pairwise
from math import nan
from random import Random
from typing import Any

import pytest

from nas import STRATEGIES, Arch, Trial, UsageError
from tests.support.small import small

SPACE = small("nasbench201")
TARGET = (3, 1, 4, 1, 2, 0)


def hits(arch: Arch) -> float:
    """How many decisions agree with the target: a hill with one top."""
    return float(sum(a == b for a, b in zip(arch, TARGET, strict=True)))


def rugged(arch: Arch) -> float:
    """A number that says nothing about the neighbours'."""
    return Random(str(arch)).random()


def climbed(score: Any, budget: int, **options: object) -> tuple[list[Arch], list[Arch | None]]:
    """What is asked for, and where the climb is after each trial (None: at a top)."""
    strategy: Any = STRATEGIES.build("local", SPACE, **options)
    asked: list[Arch] = []
    places: list[Arch | None] = []
    for number in range(budget):
        asked.append(strategy.ask(Random(number)))
        strategy.tell(Trial(number, asked[-1], score(asked[-1]), {}, 0.0))
        places.append(None if strategy.centre is None else strategy.centre.arch)
    return asked, places


def test_a_hill_is_climbed_by_its_steepest_way() -> None:
    asked, places = climbed(hits, 200)
    start = asked[0]
    first = places[: places.index(None)]
    ways = [*dict.fromkeys(place for place in first if place)]
    assert ways[-1] == TARGET
    for before, after in pairwise(ways):
        assert after in SPACE.neighbours(before)
        assert hits(after) == hits(before) + 1
    assert ways[0] == start


def test_it_ends_climbs_only_where_no_neighbour_is_better() -> None:
    asked, places = climbed(rugged, 600)
    tops = [before for before, after in pairwise(places) if before and not after]
    assert len(tops) > 5
    for top in tops:
        if all(near in asked[:] for near in SPACE.neighbours(top)):
            assert rugged(top) > max(map(rugged, SPACE.neighbours(top)))
    assert len({*asked}) == len(asked)  # what is known is not asked for again


def test_the_best_of_the_starts_is_climbed_from() -> None:
    asked, places = climbed(rugged, 20, starts=8)
    assert places[:7] == [None] * 7
    assert places[7] == max(asked[:8], key=rugged)


def test_no_climb_begins_without_a_score() -> None:
    asked, places = climbed(lambda _: nan, 50)
    assert places == [None] * 50
    asked, places = climbed(lambda arch: nan if arch[0] == 2 else hits(arch), 200)
    assert TARGET in asked


def test_a_better_architecture_from_elsewhere_is_where_it_goes_on() -> None:
    strategy: Any = STRATEGIES.build("local", SPACE)
    for number, arch in enumerate([(0,) * 6, (3, 1, 4, 0, 0, 0), (3, 1, 0, 0, 0, 1)]):
        strategy.tell(Trial(number, arch, hits(arch), {}, 0.0))
    assert strategy.centre.number == 1
    assert strategy.ask(Random(0)) in SPACE.neighbours((3, 1, 4, 0, 0, 0))


def test_wrong_options() -> None:
    with pytest.raises(UsageError, match="starts=0 must be at least 1"):
        STRATEGIES.build("local", SPACE, starts=0)
