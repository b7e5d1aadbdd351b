"""NSGA-II: what lives on, what it asks for, and what it finds."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from statistics import mean
from typing import Any

import numpy as np
import pytest

from nas import RANKINGS, STRATEGIES, Arch, Evaluation, History, Trial, UsageError, trials
from nas.dominance import fronts, hypervolume
from tests.support.small import small

SPACE = small("nasbench201")
PARETO = RANKINGS["pareto"]


def two(arch: Arch) -> dict[str, float]:
    """Two objectives at odds: decisions of option 0 and of option 4, the first less the last."""
    zeros = sum((option == 0) * weight for weight, option in enumerate(arch, 1))
    fours = sum((option == 4) * weight for weight, option in enumerate(arch, 1))
    return {"zeros": float(zeros), "fours": float(fours) - 0.1 * zeros * zeros}


class Two:
    """Both objectives as scores."""

    def form(self, arch: Arch) -> Arch:
        return arch

    def metrics(self, arch: Arch) -> Mapping[str, float]:
        return {}

    def evaluate(self, arch: Arch) -> Evaluation:
        return Evaluation(0.0, {}, 0.0, scores=two(arch))


def points(name: str, seed: int, budget: int = 400, **options: object) -> np.ndarray[Any, Any]:
    strategy = STRATEGIES.build(name, SPACE, PARETO, **options)
    steps = trials(strategy, Two(), History(), budget=budget, seed=seed)
    return np.array([[*trial.scores.values()] for trial in steps])


@pytest.mark.long
@pytest.mark.parametrize("name", ["nsga2", "evolution"])
def test_it_finds_more_of_the_front_than_chance(name: str) -> None:
    every = np.array([[*two(arch).values()] for arch in SPACE.every()])
    reference = every.min(axis=0)
    whole = hypervolume(every, reference)
    shares = {
        each: mean(hypervolume(points(each, seed), reference) / whole for seed in range(5))
        for each in (name, "random")
    }
    assert shares[name] > 0.95
    assert shares[name] > shares["random"] + 0.05


def test_the_best_live_on_and_none_twice() -> None:
    strategy: Any = STRATEGIES.build("nsga2", SPACE, PARETO, population=10)
    told: list[Trial] = []
    for number in range(200):
        arch = strategy.ask(Random(number))
        trial = Trial(number, arch, 0.0, {}, 0.0, scores=two(arch))
        strategy.tell(trial)
        strategy.tell(trial)  # a copy changes nothing
        told.append(trial)
    archs = [member.arch for member in strategy.members]
    assert len(archs) == len({*archs}) == 10
    front = fronts(np.array([[*each.scores.values()] for each in told]))
    known = {each.arch for each, place in zip(told, front, strict=True) if place == 0}
    assert {*archs} <= known if len(known) >= 10 else known <= {*archs}


def test_a_child_mixes_two_members_or_changes_one() -> None:
    strategy: Any = STRATEGIES.build("nsga2", SPACE, PARETO, population=2, crossover=0.5)
    one, other = (0,) * 6, (4,) * 6
    for number, arch in enumerate((one, other)):
        strategy.tell(Trial(number, arch, 0.0, {}, 0.0, scores=two(arch)))
    kinds = set()
    for seed in range(100):
        child = strategy.ask(Random(seed))
        near = child in {*SPACE.neighbours(one), *SPACE.neighbours(other)}
        mixed = {*child} == {0, 4}
        assert near or mixed
        assert child not in (one, other)
        kinds.add(mixed and not near)
    assert kinds == {True, False}


def test_it_asks_for_nothing_twice_while_there_is_something_else() -> None:
    strategy = STRATEGIES.build("nsga2", SPACE, PARETO, population=16)
    steps = trials(strategy, Two(), History(), budget=1000, seed=0)
    archs = [trial.arch for trial in steps]
    assert len({*archs}) > 990


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"population": 1}, "population=1 must be at least 2"),
        ({"crossover": 1.5}, "crossover=1.5 must be from 0 to 1"),
        ({"crossover": float("nan")}, "crossover=nan must be from 0 to 1"),
    ],
)
def test_wrong_options(options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        STRATEGIES.build("nsga2", SPACE, **options)
