"""What each strategy does, on problems whose answer is known."""

from __future__ import annotations

from collections import Counter, deque
from math import exp, nan
from random import Random
from statistics import mean
from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare

from nas import STRATEGIES, Arch, Evaluation, History, Strategy, Trial, UsageError, trials
from nas.strategy import no_more_than_random
from nas.testing import conversation
from tests.support.searches import Counting, search
from tests.support.small import small

SPACE = small("nasbench201")
TARGET = (3, 1, 4, 1, 2, 0)


class Hits:
    """How many decisions agree with the target."""

    def form(self, arch: Arch) -> Arch:
        return arch

    def evaluate(self, arch: Arch) -> Evaluation:
        score = sum(a == b for a, b in zip(arch, TARGET, strict=True))
        return Evaluation(float(score), {}, 0.0)

    def metrics(self, arch: Arch) -> dict[str, float]:
        return {}


def found(name: str, seed: int, budget: int = 600, **options: object) -> float:
    strategy = STRATEGIES.build(name, SPACE, **options)
    return search(strategy, Hits(), History(), budget=budget, seed=seed).score


def test_random_is_uniform() -> None:
    archs = conversation(STRATEGIES.build("random", SPACE), [0.0], 5000)
    for decision in zip(*archs, strict=True):
        assert chisquare(list(Counter(decision).values())).pvalue > 1e-4


@pytest.mark.parametrize("name", ["evolution", "reinforce", "local", "nsga2"])
def test_learning_beats_chance(name: str) -> None:
    chance = mean(found("random", seed) for seed in range(10))
    assert mean(found(name, seed) for seed in range(10)) > chance + 0.7


def test_evolution_keeps_the_youngest_and_breeds_from_the_best_drawn() -> None:
    """Against the algorithm as published, written down here with the same draws."""
    strategy = STRATEGIES.build("evolution", SPACE, population=8, tournament=3)
    population: deque[tuple[Arch, float]] = deque()
    for number in range(300):
        arch = strategy.ask(Random(number))
        rng = Random(number)
        if number < 8:
            assert arch == SPACE.sample(rng)
        else:
            drawn = [population[rng.randrange(8)] for _ in range(3)]
            parent = max(drawn, key=lambda member: member[1])[0]
            assert arch == SPACE.mutate(parent, rng)
            assert sum(a != b for a, b in zip(arch, parent, strict=True)) == 1
        score = Random(str(arch)).random()
        strategy.tell(Trial(number, arch, score, {}, 0.0))
        population.append((arch, score))
        if len(population) > 8:
            population.popleft()


def test_evolution_never_breeds_from_a_member_without_a_score_if_it_can() -> None:
    strategy = STRATEGIES.build("evolution", SPACE, population=4, tournament=4)
    good = (1,) * 6
    for number, arch in enumerate([(0,) * 6, good, (2,) * 6, (3,) * 6]):
        strategy.tell(Trial(number, arch, -5.0 if arch == good else nan, {}, 0.0))
    children = [strategy.ask(Random(seed)) for seed in range(200)]
    from_good = sum(child in set(SPACE.neighbours(good)) for child in children)
    assert from_good / 200 == pytest.approx(1 - (3 / 4) ** 4, abs=0.12)


def test_elitism_keeps_the_best_and_none_twice() -> None:
    strategy: Any = STRATEGIES.build("evolution", SPACE, population=8, survival="elitism")
    told: dict[Arch, float] = {}
    for number in range(300):
        arch = strategy.ask(Random(number))
        score = told.setdefault(arch, Random(str(arch)).random())
        strategy.tell(Trial(number, arch, score, {}, 0.0))
        best = sorted(told, key=lambda each: -told[each])[:8]
        assert {member.arch for member in strategy.members} == {*best}
    assert len(strategy.members) == 8


def policy(strategy: Strategy) -> list[list[float]]:
    """The probabilities that a REINFORCE strategy's logits stand for."""
    logits: list[list[float]] = strategy.logits  # type: ignore[attr-defined]
    rows = [[exp(logit) for logit in row] for row in logits]
    return [[weight / sum(row) for weight in row] for row in rows]


def test_reinforce_climbs_the_gradient_of_reward_and_entropy() -> None:
    """One step against finite differences of advantage * log p(arch) + entropy * H."""
    strategy = STRATEGIES.build("reinforce", SPACE, rate=0.1, decay=0.5, entropy=0.3)
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(6, 5))
    arch = (0, 1, 2, 3, 4, 0)

    def goal(values: np.ndarray, advantage: float) -> float:
        p = np.exp(values) / np.exp(values).sum(axis=1, keepdims=True)
        return float(advantage * np.log(p[range(6), arch]).sum() - 0.3 * (p * np.log(p)).sum())

    strategy.tell(Trial(0, arch, 1.0, {}, 0.0))  # the baseline is 1 from here on
    strategy.logits = [list(row) for row in logits]  # type: ignore[attr-defined]
    strategy.tell(Trial(1, arch, 3.0, {}, 0.0))
    advantage = 2.0 / 2.0  # the difference, and the first mean absolute difference
    slopes = np.zeros((6, 5))
    for index in np.ndindex(6, 5):
        step = np.zeros((6, 5))
        step[index] = 1e-6
        slopes[index] = (goal(logits + step, advantage) - goal(logits - step, advantage)) / 2e-6
    moved = np.array(strategy.logits)  # type: ignore[attr-defined]
    assert moved == pytest.approx(logits + 0.1 * slopes, abs=1e-7)


def test_reinforce_turns_away_from_what_has_no_score() -> None:
    strategy = STRATEGIES.build("reinforce", SPACE)
    before = policy(strategy)
    strategy.tell(Trial(0, (2,) * 6, nan, {}, 0.0))
    assert policy(strategy) == before  # nothing to compare with yet
    for number in range(1, 200):
        arch = strategy.ask(Random(number))
        score = nan if arch[0] == 2 else Random(number).random()
        strategy.tell(Trial(number, arch, score, {}, 0.0))
    assert policy(strategy)[0][2] < 0.1


@pytest.mark.parametrize(("population", "tournament"), [(8, 8), (10, 10), (64, 10)])
def test_a_small_population_has_a_small_tournament(population: int, tournament: int) -> None:
    strategy: Any = STRATEGIES.build("evolution", SPACE, population=population)
    assert strategy.tournament == tournament


@pytest.mark.parametrize("block", [1, 3, 10])
def test_who_says_random_search_is_random_search(block: int) -> None:
    """Up to that budget no trial depends on what the strategy was told; the next one does."""
    edge = next(n for n in range(1, 99) if not said(n + 1, block))
    told = [asked(edge + 1, block, sign) for sign in (1.0, -1.0)]
    assert told[0][:edge] == told[1][:edge] == asked(edge, block, 1.0, "random")
    assert told[0][edge] != told[1][edge]
    assert said(edge, block) == (
        f"the first 16 trials of RegularisedEvolution are random, and this search had "
        f"{edge}: allow more than {edge} trials, or give a smaller strategy.population"
    )


def said(budget: int, block: int) -> str:
    return no_more_than_random(STRATEGIES.build("evolution", SPACE, population=16), budget, block)


def asked(budget: int, block: int, sign: float, name: str = "evolution") -> list[Arch]:
    """The architectures of a search for large or for small sums."""

    class Sums(Counting):
        def evaluate(self, arch: Arch) -> Evaluation:
            return Evaluation(sign * sum(arch), {}, 0.0)

    options = {"population": 16} if name == "evolution" else {}
    strategy = STRATEGIES.build(name, SPACE, **options)
    steps = trials(strategy, Sums(), History(), budget=budget, seed=5, block=block)
    return [trial.arch for trial in steps]


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("evolution", {"population": 0}, "population=0 must be at least 1"),
        ("evolution", {"tournament": 65}, "tournament=65 must be from 1 to population=64"),
        ("evolution", {"population": "many"}, "strategy.population=many must be a whole number"),
        ("evolution", {"population": True}, "strategy.population=True must be a whole number"),
        ("evolution", {"survival": "luck"}, "strategy.survival=luck must be one of ageing, elit"),
        ("reinforce", {"rate": 0.0}, "rate=0.0 must be over 0 and at most 10"),
        ("reinforce", {"decay": 1.0}, "decay=1.0 must be at least 0 and less than 1"),
        ("reinforce", {"entropy": float("inf")}, "entropy=inf must be from 0 to 10"),
        ("random", {"rate": 1}, "strategy random has no option 'rate'; its options: none"),
    ],
)
def test_wrong_options(name: str, options: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        STRATEGIES.build(name, SPACE, **options)


def test_exhaustive_asks_for_every_function_once() -> None:
    archs = conversation(STRATEGIES.build("exhaustive", SPACE), [0.0], 5044)
    assert len(set(archs)) == 5044
    assert {SPACE.canonical(arch) for arch in SPACE.every()} == set(archs)
    assert archs != sorted(archs)


def test_exhaustive_goes_on_when_nothing_is_left() -> None:
    space = small("nats_size")
    few = type("Few", (type(space),), {"choices": (2, 2, 1, 1, 1)})()
    archs = conversation(STRATEGIES.build("exhaustive", few), [0.0], 9)
    assert len(set(archs[:4])) == 4
    assert all(arch in few for arch in archs)


def test_exhaustive_refuses_what_cannot_be_listed() -> None:
    with pytest.raises(UsageError, match="too many architectures to list: use another"):
        STRATEGIES.build("exhaustive", small("darts"))
